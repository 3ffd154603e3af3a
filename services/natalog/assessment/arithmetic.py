"""Shares, quantiles and ranks: exact, without floating point, so that the same facts give the same text anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any


def share(part: int, whole: int) -> Fraction | None:
    """`part` of `whole`, exactly; None where there is nothing to take a part of."""
    return Fraction(part, whole) if whole > 0 else None


def rounded(value: Fraction, places: int) -> Decimal:
    """To so many decimal places, half away from zero (四舍五入)."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def nearest_rank(values: Sequence[int], at: Fraction) -> int | None:
    """The quantile `at` (above 0, up to 1): the least of the values that at least that share is not above.

    A value that occurs, never one in between (nearest rank). None where there are none.
    """
    if not values:
        return None
    ordered = sorted(values)
    rank = -(-at.numerator * len(ordered) // at.denominator)
    return ordered[max(rank, 1) - 1]


def ranks(scores: Sequence[tuple[Any, ...] | None]) -> list[int | None]:
    """Place of each, the greatest score first; equals share a place and the next one is skipped (1, 2, 2, 4).

    None has no place.
    """
    places: dict[tuple[Any, ...], int] = {}
    for place, score in enumerate(sorted((s for s in scores if s is not None), reverse=True), 1):
        places.setdefault(score, place)
    return [None if score is None else places[score] for score in scores]
