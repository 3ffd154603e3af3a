"""The cause of a late filing (docs/projection.md, "Lateness cause")."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from natalog.decision import codes
from natalog.decision.rules import NEWEST, from_json
from natalog.views.lateness import (
    CAUSES,
    CLOCK,
    MINISTRY,
    NONE,
    STATION,
    TRANSPORT,
    UNKNOWN,
    lateness_cause,
)

NOW = 1_790_000_000_000
LATE = codes.FILED_LATE
SLA_MS, SKEW_MS = int(NEWEST.sla_ms), int(NEWEST.skew_ms)
FLAGS = st.integers(0, (1 << len(codes.FLAGS)) - 1)
GAPS = st.integers(0, 4 * SLA_MS)
TIMES = st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1))


def cause(registered, captured, attempted, received, silent=(0, 0), flags=LATE, rules=NEWEST):
    return lateness_cause(flags, registered, captured, attempted, received, silent[0], silent[1], rules)


@given(FLAGS, TIMES, TIMES, TIMES, st.integers(0, 1 << 50), st.integers(0, 1 << 50), st.integers(0, 1 << 50))
def test_it_is_total_and_says_nothing_of_filings_in_time(
    flags, registered, captured, attempted, received, a, b
):
    found = lateness_cause(flags, registered, captured, attempted, received, a, b, NEWEST)
    assert (found == NONE) == (flags & codes.FILED_LATE == 0)
    assert CAUSES[found] in ("", "STATION", "TRANSPORT", "MINISTRY", "CLOCK", "UNKNOWN")


@given(GAPS, GAPS, GAPS)
def test_the_side_on_which_the_time_ran_out(first, second, third):
    captured = NOW + first
    attempted = captured + second
    found = cause(NOW, captured, attempted, attempted + third)
    assert found == (STATION if first + second > SLA_MS else TRANSPORT)


@given(st.permutations(range(4)), st.integers(SKEW_MS + 1, SLA_MS))
def test_clocks_in_the_wrong_order(order, apart):
    clocks = [NOW + place * apart for place in order]
    registered, captured, attempted, received = clocks
    found = cause(registered, captured, attempted, received)
    assert (found == CLOCK) == (clocks != sorted(clocks))


@given(st.integers(0, SKEW_MS))
def test_a_clock_may_run_ahead_by_the_skew(ahead):
    assert cause(NOW, NOW, NOW + ahead, NOW) == TRANSPORT


@given(GAPS, GAPS, st.sets(st.sampled_from([0, 1, 2]), min_size=1))
def test_what_is_missing_is_unknown_unless_the_others_are_out_of_order(first, second, missing):
    clocks = [NOW, NOW + first, NOW + first + second]
    held = [None if place in missing else clock for place, clock in enumerate(clocks)]
    registered, captured, attempted = held
    assert cause(registered, captured, attempted, NOW + first + second + SLA_MS) == UNKNOWN


@given(GAPS, st.integers(1, 10 * SLA_MS), GAPS)
def test_the_ministry_when_it_took_nothing_as_the_time_ran_out(before, silence, after):
    due = NOW + SLA_MS
    silent = (due - before, due - before + silence)
    assume(silent[0] >= 0)
    found = cause(NOW, NOW + 1, NOW + 2, max(due, silent[1]) + after, silent)
    assert found == (MINISTRY if silent[0] <= due < silent[1] else TRANSPORT)


@given(GAPS)
def test_what_was_not_even_tried_in_time_is_the_stations_own_in_an_outage_too(later):
    due = NOW + SLA_MS
    assert cause(NOW, NOW, due + 1 + later, due + 2 + later, (due - 1, due + later + 2)) == STATION


@given(st.sampled_from([codes.CLOCK_SKEW, codes.BACKDATED]))
def test_what_the_decision_says_of_the_clock_counts(flag):
    assert cause(NOW, NOW, NOW, NOW + 2 * SLA_MS, flags=LATE | flag) == CLOCK


def test_a_clock_at_the_end_of_its_range_does_not_wrap_around():
    first, last = -(1 << 63), (1 << 63) - 1
    assert cause(None, first, first, NOW) == UNKNOWN
    assert cause(last, last, last, last) == TRANSPORT


def test_minutes_and_skew_are_those_of_the_set_that_decided():
    ten = from_json('{"version": 100, "sla_seconds": 600, "skew_seconds": 2}')
    clocks = (NOW, NOW + 1, NOW + 16 * 60_000, NOW + 17 * 60_000)
    assert (cause(*clocks), cause(*clocks, rules=ten)) == (TRANSPORT, STATION)
    silent = (NOW + 9 * 60_000, NOW + 20 * 60_000)
    assert cause(NOW, NOW, NOW + 1, NOW + 21 * 60_000, silent, rules=ten) == MINISTRY
    ahead = (NOW, NOW, NOW + 3_000, NOW)
    assert (cause(*ahead), cause(*ahead, rules=ten)) == (TRANSPORT, CLOCK)
