"""The time up to which the replica knows everything."""

from __future__ import annotations

import time

import pytest

from natalog.gateway.freshness import KEPT, Freshness, Sample


def as_of(fresh: Freshness, partition: int) -> int:
    """When the last sample the fold has passed was asked for; 0 when there is none."""
    passed = fresh.passed(partition)
    return 0 if passed is None else passed.sent_at


def test_nothing_is_known_before_the_first_sample_is_passed() -> None:
    fresh = Freshness(2)
    assert as_of(fresh, 0) == 0
    fresh.sampled(0, Sample(100, 5, (3, 0), 0))
    assert as_of(fresh, 0) == 0
    fresh.folded(0, 5, [2, -1])
    assert (as_of(fresh, 0), as_of(fresh, 1)) == (100, 0)


def test_the_ledger_alone_does_not_make_it_fresh() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [4])
    fresh.sampled(0, Sample(100, 10, (5,), 0))
    assert as_of(fresh, 0) == 100
    fresh.sampled(0, Sample(200, 10, (6,), 0))  # a record came in, the registrar is dead
    fresh.folded(0, 10, [4])
    assert as_of(fresh, 0) == 100
    fresh.folded(0, 12, [5])
    assert as_of(fresh, 0) == 200


def test_the_ledgers_end_counts_open_transactions() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [9])
    fresh.sampled(0, Sample(100, 12, (10,), 0))
    assert as_of(fresh, 0) == 0


def test_markers_at_the_end_of_an_intake_topic_are_passed() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [4])
    fresh.sampled(0, Sample(100, 10, (6,), 0))  # 5 is a marker, as is learnt later
    assert as_of(fresh, 0) == 0
    fresh.empty(0, 0, 5, 6)
    assert as_of(fresh, 0) == 100
    fresh.sampled(0, Sample(200, 10, (7,), 0))
    assert as_of(fresh, 0) == 100


def test_a_sample_that_ended_in_a_marker_does_not_block_later_ones() -> None:
    """Seen in use: taken while a record was still undecided, it asked for a cause that never comes."""
    fresh = Freshness(1)
    fresh.folded(0, 10, [2])
    fresh.sampled(0, Sample(100, 10, (6,), 0))  # 4 a record, 5 its marker
    fresh.folded(0, 12, [4])
    fresh.sampled(0, Sample(200, 12, (6,), 0))
    fresh.empty(0, 0, 5, 6)
    assert as_of(fresh, 0) == 200


def test_far_behind_it_keeps_few_samples_and_sees_that_it_caught_up() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 0, [-1])
    for at in range(1, 10 * KEPT):
        fresh.sampled(0, Sample(at, at, (0,), 0))
    assert as_of(fresh, 0) == 0
    fresh.folded(0, 10 * KEPT, [-1])
    assert as_of(fresh, 0) > 9 * KEPT


def test_a_fold_that_begins_anew_knows_nothing() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [4])
    fresh.sampled(0, Sample(100, 10, (5,), 0))
    fresh.reset(0)
    assert (as_of(fresh, 0), fresh.position(0)) == (0, 0)
    assert not fresh.decided(0, 0, 5), "asked on another thread, just then"
    fresh.sampled(0, Sample(200, 10, (5,), 0))
    assert as_of(fresh, 0) == 0


def test_staleness_is_that_of_the_partition_that_lags_most(monkeypatch: pytest.MonkeyPatch) -> None:
    freshness = Freshness(2)
    assert freshness.staleness() == float("inf")
    now = int(time.monotonic() * 1000)
    for partition, sent_at in ((0, now), (1, now - 7_000)):
        freshness.folded(partition, 0, [-1])
        freshness.sampled(partition, Sample(sent_at, 0, (-1,), 0))
    monkeypatch.setattr(time, "time", lambda: 0.0)  # set far back: no matter
    assert 7 <= freshness.staleness() < 60
