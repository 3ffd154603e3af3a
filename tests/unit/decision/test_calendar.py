"""Days, years and ages against the standard library's calendar."""

from datetime import date, timedelta

import pytest

from natalog.decision.calendar import (
    age,
    beijing_day,
    bounded,
    bounded_day,
    broker_time,
    civil,
    midnight,
)
from tests.unit.decision.telling import day

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000


def test_civil_is_the_gregorian_calendar():
    for start, end in ((day("1895-01-01"), day("2105-01-01")), (day("1599-12-01"), day("1601-03-05"))):
        for n in range(start, end):
            known = EPOCH + timedelta(n)
            assert civil(n) == (known.year, known.month, known.day)


@pytest.mark.parametrize("year", range(4, 10_000, 97))
def test_civil_at_the_seams_of_years(year):
    for known in (date(year, 1, 1), date(year, 2, 28), date(year, 3, 1), date(year, 12, 31)):
        assert civil((known - EPOCH).days) == (known.year, known.month, known.day)


def test_civil_at_the_seams_of_eras():
    for known in (date(400, 2, 29), date(400, 3, 1), date(1600, 2, 29), date(1600, 3, 1), date(2000, 2, 29)):
        assert civil((known - EPOCH).days) == (known.year, known.month, known.day)
        assert civil((known - EPOCH).days - 146_097 * 10) == (known.year - 4000, known.month, known.day)


def test_age_counts_birthdays():
    births = [date(2015, 1, 1), date(2015, 12, 31), date(2016, 2, 28), date(2016, 3, 1), date(2019, 7, 15)]
    for birth in births:
        for n in range(-400, 3000):
            on = birth + timedelta(n)
            before = (on.month, on.day) < (birth.month, birth.day)
            full = max(0, on.year - birth.year - before)
            assert age((birth - EPOCH).days, (on - EPOCH).days) == full


def test_beijing_days_begin_at_sixteen_hours_utc():
    for n in (-3, 0, 20_635):
        start = n * DAY_MS - 8 * 3_600_000
        assert midnight(n) == start
        assert [beijing_day(start - 1), beijing_day(start), beijing_day(start + DAY_MS - 1)] == [n - 1, n, n]


def test_what_is_beyond_any_calendar_is_held_within_bounds():
    assert [bounded(n) for n in (2**50, 2**50 + 1, 2**63 - 1)] == [2**50] * 3
    assert [bounded(n) for n in (-(2**50), -(2**50) - 1, -(2**63))] == [-(2**50)] * 3
    assert [bounded_day(n) for n in (2**30, 2**30 + 1, 2**31 - 1)] == [2**30] * 3
    assert [bounded_day(n) for n in (-(2**30), -(2**30) - 1, -(2**31))] == [-(2**30)] * 3
    for held, most in ((bounded, 2**50), (bounded_day, 2**30)):
        within = [0, 7, -7, most - 1, 1 - most]
        assert [held(n) for n in within] == within
    assert [broker_time(n) for n in (-1, 0, 1, 2**60)] == [0, 0, 1, 2**50]
