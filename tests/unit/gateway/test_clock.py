"""A gateway whose own clock is wrong, or is set: no answer rests on it."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import Any

import pytest

from natalog.decision.state import Held, Listing
from natalog.gateway.clock import BOUND_MS, Clock
from natalog.gateway.freshness import Freshness, Sample
from natalog.gateway.inquiry import Inquiry
from natalog.status.detail import Detail
from tests.unit.gateway.test_inquiry import UNIT, WHO, Audit

MINUTE, HOUR = 60_000, 3_600_000
NUMBER = "M330123456"
T0 = 1_782_871_200_000


class Host:
    """A gateway's host beside a broker: seconds go by for both, and either clock can be set. Milliseconds."""

    def __init__(self, off: int) -> None:
        self.gone = 7_000_000
        self.broker = T0
        self.own = T0 + off
        self.detail = Detail()
        self.fresh = Freshness(12)
        for partition in range(12):
            self.fresh.folded(partition, 0, [-1])
        self.clock = Clock(mono=lambda: self.gone / 1000, wall=lambda: self.own / 1000)
        self.audit = Audit(lambda: self.broker / 1000)
        replica: Any = SimpleNamespace(ready=True, find=lambda numbers: ([self.detail], [0] * 12))
        self.inquiry = Inquiry(replica, self.fresh, self.clock, self.audit, stale_ms=10_000)
        self.sample()

    def sample(self) -> None:
        for partition in range(12):
            self.fresh.sampled(partition, Sample(self.clock.mono(), 0, (), self.clock.at(self.clock.mono())))

    def go_on(self, ms: int) -> None:
        self.gone, self.broker, self.own = self.gone + ms, self.broker + ms, self.own + ms

    def ask(self) -> dict[str, Any]:
        (told,) = asyncio.run(self.inquiry.ask(WHO, [NUMBER]))[1]
        assert told["usable"] <= (told["status"] in ("UNUSED", "CLAIMED"))
        return told


def listed(host: Host, binds_from: int, received_at: int) -> None:
    host.detail.listings = [Listing("330100", 1, binds_from, binds_from, "")]
    host.detail.last_at = received_at


@pytest.mark.parametrize("off", [0, -1, 1, -BOUND_MS, BOUND_MS])
def test_what_was_listed_just_now_binds_whatever_the_clock_says(off: int) -> None:
    host = Host(off)
    listed(host, host.broker, host.broker)
    assert host.ask()["status"] == "BLACKLISTED"


@pytest.mark.parametrize("off", [-HOUR, -MINUTE, -BOUND_MS - 1])
def test_a_listing_that_has_come_to_bind_is_told_by_the_brokers_clock(off: int) -> None:
    """Sent long before, effective now: nothing but a clock can tell."""
    host = Host(off)
    listed(host, host.broker, host.broker - HOUR)
    first = host.ask()
    assert (first["status"], first["usable"], first["check_id"]) == ("UNKNOWN", False, None)
    assert host.ask()["status"] == "BLACKLISTED"
    host.go_on(1)
    host.own -= HOUR  # set once more: nobody asks it
    assert host.ask()["status"] == "BLACKLISTED"


@pytest.mark.parametrize("off", [2 * HOUR, BOUND_MS + 1])
def test_another_units_claim_is_not_over_because_a_clock_is_fast(off: int) -> None:
    host = Host(off)
    host.detail.claims = [Held("330106530000", 1, T0, T0 + 2 * MINUTE, [])]
    host.detail.last_at = T0
    assert host.ask()["status"] == "UNKNOWN"
    told = host.ask()
    assert (told["status"], told["usable"]) == ("CLAIMED", False)
    host.go_on(2 * MINUTE)
    host.sample()
    assert host.ask()["status"] == "UNUSED"


def test_a_broker_whose_clock_is_set_is_followed() -> None:
    host = Host(0)
    host.detail.claims = [Held(UNIT, 1, T0, T0 + 2 * MINUTE, [])]
    assert host.ask()["status"] == "CLAIMED"
    host.broker += HOUR
    assert host.ask()["status"] == "UNKNOWN"
    assert host.ask()["status"] == "UNUSED"


def test_time_spent_on_the_way_to_the_broker_is_no_fault_of_a_clock() -> None:
    clock = Clock(mono=lambda: 100.0, wall=lambda: T0 / 1000)
    assert clock.confirms(T0 + 9_000, 91_000, T0)
    assert clock.confirms(T0, 91_000, T0)
    assert not clock.confirms(T0 + 9_000 + BOUND_MS + 1, 91_000, T0)
    assert not clock.confirms(T0 - BOUND_MS - 1, 91_000, T0)


def test_a_clock_that_is_set_back_makes_nothing_fresh() -> None:
    """Samples go on and the fold does not."""
    host = Host(0)
    assert host.ask()["staleness_ms"] == 0
    host.go_on(21_000)
    host.own -= 2 * MINUTE
    told = host.ask()
    assert (told["status"], told["staleness_ms"]) == ("UNKNOWN", 21_000)


def test_as_of_is_told_in_the_brokers_time() -> None:
    host = Host(-HOUR)
    host.ask()
    host.sample()
    assert host.ask()["as_of"]["time"] == "2026-07-01T02:00:00.000Z"


def test_what_the_clocks_differ_by_is_measured() -> None:
    host = Host(-HOUR)
    assert math.isnan(host.clock.offset())
    host.ask()
    assert host.clock.offset() == pytest.approx(3_600)
    host.own += 2 * HOUR
    assert host.clock.offset() == pytest.approx(-3_600)
