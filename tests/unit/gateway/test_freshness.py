"""The time up to which the replica knows everything."""

from __future__ import annotations

import time

from natalog.gateway.freshness import KEPT, Freshness, Sample


def test_nothing_is_known_before_the_first_sample_is_passed() -> None:
    fresh = Freshness(2)
    assert fresh.as_of(0) == 0
    fresh.sampled(0, Sample(100, 5, (3, 0)))
    assert fresh.as_of(0) == 0
    fresh.folded(0, 5, [2, -1])
    assert (fresh.as_of(0), fresh.as_of(1)) == (100, 0)


def test_the_ledger_alone_does_not_make_it_fresh() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [4])
    fresh.sampled(0, Sample(100, 10, (5,)))
    assert fresh.as_of(0) == 100
    fresh.sampled(0, Sample(200, 10, (6,)))  # a record came in, the registrar is dead
    fresh.folded(0, 10, [4])
    assert fresh.as_of(0) == 100
    fresh.folded(0, 12, [5])
    assert fresh.as_of(0) == 200


def test_the_ledgers_end_counts_open_transactions() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [9])
    fresh.sampled(0, Sample(100, 12, (10,)))
    assert fresh.as_of(0) == 0


def test_markers_at_the_end_of_an_intake_topic_are_passed() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [4])
    fresh.sampled(0, Sample(100, 10, (6,)))  # 5 is a marker, as is learnt later
    assert fresh.as_of(0) == 0
    fresh.empty(0, 0, 5, 6)
    assert fresh.as_of(0) == 100
    fresh.sampled(0, Sample(200, 10, (7,)))
    assert fresh.as_of(0) == 100


def test_a_sample_that_ended_in_a_marker_does_not_block_later_ones() -> None:
    """Seen in use: taken while a record was still undecided, it asked for a cause that never comes."""
    fresh = Freshness(1)
    fresh.folded(0, 10, [2])
    fresh.sampled(0, Sample(100, 10, (6,)))  # 4 a record, 5 its marker
    fresh.folded(0, 12, [4])
    fresh.sampled(0, Sample(200, 12, (6,)))
    fresh.empty(0, 0, 5, 6)
    assert fresh.as_of(0) == 200


def test_far_behind_it_keeps_few_samples_and_sees_that_it_caught_up() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 0, [-1])
    for at in range(1, 10 * KEPT):
        fresh.sampled(0, Sample(at, at, (0,)))
    assert fresh.as_of(0) == 0
    fresh.folded(0, 10 * KEPT, [-1])
    assert fresh.as_of(0) > 9 * KEPT


def test_a_fold_that_begins_anew_knows_nothing() -> None:
    fresh = Freshness(1)
    fresh.folded(0, 10, [4])
    fresh.sampled(0, Sample(100, 10, (5,)))
    fresh.reset(0)
    assert (fresh.as_of(0), fresh.position(0)) == (0, 0)
    fresh.sampled(0, Sample(200, 10, (5,)))
    assert fresh.as_of(0) == 0


def test_staleness_is_that_of_the_partition_that_lags_most() -> None:
    freshness = Freshness(2)
    assert freshness.staleness() == float("inf")
    now = int(time.time() * 1000)
    for partition, sent_at in ((0, now), (1, now - 7_000)):
        freshness.folded(partition, 0, [-1])
        freshness.sampled(partition, Sample(sent_at=sent_at, ledger=0, intake=(-1,)))
    assert 7 <= freshness.staleness() < 8
