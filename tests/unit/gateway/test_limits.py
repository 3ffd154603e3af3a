"""Limits of one caller: requests by the clock, streams by number."""

from __future__ import annotations

import pytest

from natalog.gateway import limits
from natalog.gateway.limits import Limits
from natalog.gateway.problems import Problem


def test_a_burst_then_the_rate_and_nobody_elses() -> None:
    now = [0.0]
    checks = Limits(rate=10, streams=0, clock=lambda: now[0])
    for _ in range(20):
        checks.admit("a")
    with pytest.raises(Problem) as refused:
        checks.admit("a")
    assert (refused.value.status, refused.value.kind, refused.value.retry_after) == (429, "too-many", 1)
    checks.admit("b")
    now[0] += 0.1
    checks.admit("a")
    with pytest.raises(Problem):
        checks.admit("a")
    now[0] += 1_000
    for _ in range(20):  # never more than the burst
        checks.admit("a")
    with pytest.raises(Problem):
        checks.admit("a")


def test_refused_requests_do_not_push_the_end_of_the_wait_away() -> None:
    now = [0.0]
    checks = Limits(rate=1, streams=0, clock=lambda: now[0])
    checks.admit("a")
    checks.admit("a")
    for step in range(1, 10):
        now[0] = step / 10
        with pytest.raises(Problem):
            checks.admit("a")
    now[0] = 1.01
    checks.admit("a")


def test_callers_are_forgotten_longest_quiet_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_KEPT", 2)
    checks = Limits(rate=1, streams=0, clock=lambda: 0.0)
    for sub in ("a", "b", "a", "c"):
        checks.admit(sub)
    with pytest.raises(Problem):
        checks.admit("a")
    checks.admit("b")  # forgotten, so it has its burst again
    checks.admit("b")
    assert len(checks._buckets) == 2


def test_streams_at_a_time() -> None:
    checks = Limits(rate=0, streams=2)
    with checks.stream("a"), checks.stream("b"):
        with checks.stream("a"):
            with pytest.raises(Problem) as refused, checks.stream("a"):
                pass
            assert (refused.value.status, refused.value.retry_after) == (429, 5)
        with pytest.raises(RuntimeError), checks.stream("a"):
            raise RuntimeError("a stream that broke gives its place back")
        with checks.stream("a"):
            pass
    assert checks._open == {}


def test_bytes_of_bodies_that_are_still_coming() -> None:
    checks = Limits(rate=0, streams=0, held=100)
    with checks.body("a") as hold, checks.body("b") as others:
        hold(60)
        others(60)
        with checks.body("a") as second:
            second(40)
            with pytest.raises(Problem) as refused:
                second(1)
            assert (refused.value.status, refused.value.retry_after) == (429, 5)
        hold(40)
    assert checks._bytes == {}


def test_zero_is_no_limit() -> None:
    checks = Limits(rate=0, streams=0)
    for _ in range(5_000):
        checks.admit("a")
    with checks.stream("a"), checks.stream("a"), checks.stream("a"), checks.body("a") as hold:
        hold(1 << 40)
