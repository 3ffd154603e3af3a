"""Days and Beijing dates in whole numbers: total functions, so that no record can make a decision fail.

Dates are days since 1970-01-01, times UTC milliseconds. China keeps UTC+8 without summer time since 1991.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

DAY_MS: Final = 86_400_000
BEIJING_MS: Final = 8 * 3_600_000
_BOUND: Final = 1 << 50  # some 35,000 years: beyond any date, far from overflow

DAY_1996: Final = 9496  # 1996-01-01
DAY_2001: Final = 11323  # 2001-01-01


def bounded(value: int) -> i64:
    """`value` held within ±2^50, so that sums and differences of times never overflow 64 bits."""
    if value > _BOUND:
        return _BOUND
    if value < -_BOUND:
        return -_BOUND
    return value


def broker_time(at_ms: i64) -> i64:
    """A broker's time held within 0 and 2^50: −1 is a record without one, and sums must not overflow."""
    return 0 if at_ms < 0 else bounded(at_ms)


def bounded_day(value: int) -> i64:
    """A date held within ±2^30 days, for the same reason."""
    if value > 1 << 30:
        return 1 << 30
    if value < -(1 << 30):
        return -(1 << 30)
    return value


def beijing_day(at_ms: i64) -> i64:
    """The Beijing date of a time."""
    return (at_ms + BEIJING_MS) // DAY_MS


def midnight(day: i64) -> i64:
    """00:00 Beijing of a date."""
    return day * DAY_MS - BEIJING_MS


def civil(day: i64) -> tuple[i64, i64, i64]:
    """(year, month, day of month) of a date, proleptic Gregorian (ISO 8601), for any number of days."""
    shifted: i64 = day + 719468
    era: i64 = shifted // 146097
    of_era: i64 = shifted - era * 146097
    year_of_era: i64 = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year: i64 = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index: i64 = (5 * of_year + 2) // 153
    of_month: i64 = of_year - (153 * month_index + 2) // 5 + 1
    month: i64 = month_index + 3 if month_index < 10 else month_index - 9
    year: i64 = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, month, of_month


def age(birth: i64, day: i64) -> i64:
    """Full years from the date of birth to `day`; who was born on 29 February ages on 1 March."""
    if day - birth < 365:
        return 0
    birth_year, birth_month, birth_day = civil(birth)
    year, month, of_month = civil(day)
    before: i64 = 1 if month < birth_month or (month == birth_month and of_month < birth_day) else 0
    return year - birth_year - before
