"""Shares, quantiles and ranks of the assessment, and that facts add up in any order."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from natalog.assessment.arithmetic import nearest_rank, ranks, rounded, share
from natalog.assessment.columns import COLUMNS
from natalog.assessment.facts import Facts, Level, Place, gathered, total
from natalog.assessment.period import Period
from natalog.assessment.position import Asked, Head, Position
from natalog.assessment.report import report

shares = st.fractions(min_value=Fraction(1, 1000), max_value=1, max_denominator=1000)
scores = st.none() | st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 3))
def test_rounding_is_half_up_and_exact(part, whole, places):
    value = Fraction(part, whole)
    assert share(part, whole) == value
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    found = rounded(value, places)
    assert abs(Fraction(found) - value) <= Fraction(1, 2 * 10**places)
    if Fraction(exact) == value:  # a decimal that ends: as the school does it
        assert found == exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def test_halves_go_up_and_signs_are_kept():
    assert [str(rounded(Fraction(n, 200), 2)) for n in (1, 2, 3, -1, -3)] == [
        "0.01",
        "0.01",
        "0.02",
        "-0.01",
        "-0.02",
    ]
    assert share(0, 0) is None
    assert share(1, -1) is None


@given(st.lists(st.integers(-100, 100), min_size=1), shares)
def test_a_quantile_is_the_least_value_that_covers_its_share(values, at):
    found = nearest_rank(values, at)
    assert found in values
    assert Fraction(sum(v <= found for v in values), len(values)) >= at
    less = [v for v in values if v < found]
    assert Fraction(len(less), len(values)) < at


def test_quantiles_of_nothing_and_of_everything():
    assert nearest_rank([], Fraction(1, 2)) is None
    assert nearest_rank([5, 1, 9], Fraction(1)) == 9


@given(st.lists(scores))
def test_a_rank_counts_who_is_better(given_scores):
    for score, rank in zip(given_scores, ranks(given_scores), strict=True):
        if score is None:
            assert rank is None
        else:
            assert rank == 1 + sum(other is not None and other > score for other in given_scores)


NAMES = ("filed", "exempt", "numbered", "timed", "on_time", "late TRANSPORT", "late MINISTRY", "overdue_open")
facts = st.builds(
    Facts,
    counts=st.dictionaries(st.sampled_from(NAMES), st.integers(1, 50)).map(Counter),
    delays=st.lists(st.integers(0, 10**7), max_size=5),
    rules=st.sets(st.integers(1, 3)),
)
units = st.dictionaries(
    st.builds(
        lambda p, c, u: Place(f"{p}0000", f"{p}0{c}00", f"{p}0{c}{u:08d}"),
        st.sampled_from(["11", "33"]),
        st.integers(1, 2),
        st.integers(1, 3),
    ),
    facts,
    max_size=8,
)


@given(units, st.randoms(use_true_random=False))
def test_the_same_facts_give_the_same_report_in_any_order(found, chance):
    other = list(found.items())
    chance.shuffle(other)
    at = (Period.parse("2026-10"), Level.PREFECTURE, Position(()))
    assert report(found, *at) == report(dict(other), *at)


@given(units)
def test_places_add_up_to_the_whole_whatever_the_level(found):
    whole = total(found.values())
    for level in Level:
        again = total(gathered(found, level).values())
        assert again.counts == whole.counts
        assert [column.of(again) for column in COLUMNS] == [column.of(whole) for column in COLUMNS]


@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.binary(min_size=32, max_size=32)), min_size=1, max_size=12)
)
def test_a_position_is_read_back_and_its_check_depends_on_every_hash(heads):
    position = Position(tuple(Head(p, seq, digest) for p, (seq, digest) in enumerate(heads)))
    asked = Asked.parse(position.text)
    assert asked.seqs == {head.partition: head.seq for head in position.heads}
    assert asked.check == position.check
    seq, digest = heads[-1]
    other = Head(len(heads) - 1, seq, bytes([digest[0] ^ 1]) + digest[1:])
    altered = Position((*position.heads[:-1], other))
    assert altered.check != position.check


@given(st.dates(min_value=Period.parse("0002").first, max_value=Period.parse("9998-12").first))
def test_every_day_lies_in_its_month_and_year(day):
    for text in (f"{day.year:04}", f"{day.year:04}-{day.month:02}", day.isoformat()):
        period = Period.parse(text)
        assert period.first <= day < period.after
    assert (Period.parse(day.isoformat()).ends - Period.parse(day.isoformat()).begins).days == 1
    assert period.begins.utcoffset().total_seconds() == 8 * 3600
