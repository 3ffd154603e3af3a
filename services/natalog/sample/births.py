"""Published and estimated shares behind the made-up population.

Published: births per year (National Bureau of Statistics, as in the project's domain notes) and, for the
provinces, birth rate times resident population of 2022 (China Statistical Yearbook 2023; the products add up
to the published 956). Estimated, marked "approximate" below: everything else. The estimates only have to
look like a register's day; nothing is decided by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

BIRTHS: Final[dict[int, int]] = {
    2012: 1635,
    2013: 1640,
    2014: 1687,
    2015: 1655,
    2016: 1786,
    2017: 1723,
    2018: 1523,
    2019: 1465,
    2020: 1202,
    2021: 1062,
    2022: 956,
    2023: 902,
    2024: 954,
    2025: 792,
}
"""Births per year, in ten thousands (出生人口, 万人)."""

PROVINCE_BIRTHS: Final[dict[str, float]] = {
    "11": 12.4,
    "12": 6.5,
    "13": 45.2,
    "14": 23.5,
    "15": 13.4,
    "21": 17.1,
    "22": 10.2,
    "23": 10.4,
    "31": 10.8,
    "32": 44.5,
    "33": 41.3,
    "34": 43.9,
    "35": 29.6,
    "36": 32.6,
    "37": 68.2,
    "41": 73.3,
    "42": 35.5,
    "43": 41.1,
    "44": 105.1,
    "45": 42.9,
    "46": 8.8,
    "50": 19.2,
    "51": 53.5,
    "52": 42.5,
    "53": 38.2,
    "54": 5.2,
    "61": 29.1,
    "62": 21.1,
    "63": 6.3,
    "64": 7.7,
    "65": 14.9,
    "66": 2.0,
}
"""Births of 2022 by province, in ten thousands; Xinjiang's 16.9 split with the Bingtuan (approximate)."""

MONTHS: Final = (0.99, 0.93, 0.96, 0.93, 0.93, 0.94, 0.99, 1.06, 1.08, 1.13, 1.07, 0.99)
"""Births of a month against the year's mean, January first (approximate: autumn is the high season)."""

BOYS: Final = 0.526
"""Share of boys: 111 to 100 at birth (census of 2020)."""

TWINS: Final = 0.016
"""Share of deliveries that are twins (approximate)."""

HOURS: Final = (
    # hour of the day, registrations begun in it (approximate: a desk from half past eight to half past five)
    (8.5, 7),
    (9.0, 16),
    (10.0, 17),
    (11.0, 10),
    (12.0, 3),
    (13.0, 4),
    (14.0, 13),
    (15.0, 14),
    (16.0, 12),
    (17.0, 4),
    (17.5, 0),
)

WEEKEND: Final = (0.12, 0.03)
"""What is left of a weekday's work on a Saturday and a Sunday (approximate)."""

DELAY: Final = (
    # quantile, days from birth to registration (approximate; the rules give one month, 公通字〔2021〕12号)
    (0.0, 2.0),
    (0.10, 5.0),
    (0.25, 8.0),
    (0.50, 14.0),
    (0.75, 22.0),
    (0.90, 30.0),
    (0.96, 75.0),
    (0.985, 365.0),
    (0.996, 1_095.0),
    (0.9985, 2_190.0),
    (1.0, 3_650.0),
)

SLOTS: Final = 4096


def quantiles(curve: Sequence[tuple[float, float]]) -> list[float]:
    """SLOTS + 1 values of the piecewise linear `curve` of (quantile, value), evenly spaced from 0 to 1."""
    values: list[float] = []
    at = 0
    for slot in range(SLOTS + 1):
        q = slot / SLOTS
        while at < len(curve) - 2 and q > curve[at + 1][0]:
            at += 1
        (q0, v0), (q1, v1) = curve[at], curve[at + 1]
        values.append(v0 + (v1 - v0) * (q - q0) / (q1 - q0))
    return values


def desk_seconds() -> list[int]:
    """Seconds of the day at SLOTS + 1 even quantiles of desk work."""
    total = sum(weight for _, weight in HOURS)
    curve: list[tuple[float, float]] = []
    done = 0
    for hour, weight in HOURS:
        curve.append((done / total, hour * 3600))
        done += weight
    return [int(value) for value in quantiles(curve)]


def quota(shares: dict[str, float], size: int) -> list[str]:
    """`size` keys in the proportions of `shares`, by largest remainder (sums exactly)."""
    total = sum(shares.values())
    exact = {key: share * size / total for key, share in shares.items()}
    counts = {key: int(value) for key, value in exact.items()}
    rest = size - sum(counts.values())
    for key in sorted(exact, key=lambda k: (counts[k] - exact[k], k))[:rest]:
        counts[key] += 1
    return [key for key, count in counts.items() for _ in range(count)]
