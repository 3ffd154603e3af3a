"""One assessment: a row for each place, one for the whole, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from natalog.assessment.arithmetic import ranks, rounded
from natalog.assessment.columns import COLUMNS, Column, Kind, Value, score
from natalog.assessment.facts import Facts, Level, Place, gathered, total
from natalog.assessment.period import Period
from natalog.assessment.position import Position
from natalog.assessment.provinces import PROVINCES

_HOUR = 3_600_000
_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula; those of East Asia take full-width forms too (OWASP)."""
_LONGEST = 40  # characters of a code; a unit's has twelve


class Language(StrEnum):
    """Of headings."""

    KEYS = "keys"
    """Names for programs."""
    EN = "en"
    ZH = "zh"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Row:
    """A place's figures, as COLUMNS has them."""

    place: Place
    figures: tuple[Value, ...]
    rank: int | None
    rules: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Rows in order of code; those of no known place come first, under the code ""."""

    period: Period
    level: Level
    position: Position
    rows: tuple[Row, ...]
    whole: Row


HEADINGS = {
    "province": ("province", "省份代码"),
    "province_name": ("name", "省份"),
    "prefecture": ("prefecture", "地市代码"),
    "unit": ("unit", "单位代码"),
    "rank": ("rank", "排名"),
    "rules": ("rule sets", "规则集"),
    "position": ("ledger position", "台账位置"),
}
"""Headings of what stands beside the figures, English and Chinese."""


def report(facts: dict[Place, Facts], period: Period, level: Level, position: Position) -> Report:
    """The assessment from the facts of every unit."""
    places = gathered(facts, level)
    # Whom the table of divisions does not know cannot be held to account: no rank.
    scores = [score(one) if place.province and place.code(level) else None for place, one in places.items()]
    rows = tuple(
        _row(place, one, rank) for (place, one), rank in zip(places.items(), ranks(scores), strict=True)
    )
    return Report(period, level, position, rows, _row(Place(), total(places.values()), None))


def _row(place: Place, facts: Facts, rank: int | None) -> Row:
    return Row(place, tuple(column.of(facts) for column in COLUMNS), rank, tuple(sorted(facts.rules)))


def codes(level: Level) -> tuple[str, ...]:
    """Keys of the columns that say which place a row stands for."""
    if level is Level.PROVINCE:
        return ("province", "province_name")
    if level is Level.PREFECTURE:
        return ("province", "province_name", "prefecture")
    return ("province", "province_name", "prefecture", "unit")


def code_values(row: Row, level: Level, whole: bool) -> tuple[str, ...]:
    """Their values."""
    place = row.place
    if whole:
        values = ("ALL", "合计", "", "")
    else:
        name = PROVINCES.get(place.province, "不明")
        values = (place.province, name, _harmless(place.prefecture), _harmless(place.unit))
    return values[: len(codes(level))]


def _harmless(code: str) -> str:
    """A code as it may stand in a file: whoever sends records writes unit codes, and spreadsheets run formulas."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in code[:_LONGEST])
    return f"'{shown}" if shown.startswith(_FORMULAS) else shown


def heading(key: str, en: str, zh: str, language: Language) -> str:
    """What stands above a column."""
    if language is Language.KEYS:
        return key
    if language is Language.BOTH:
        return f"{zh}\n{en}"
    return en if language is Language.EN else zh


def written(column: Column, value: Value) -> int | Decimal | None:
    """A figure as people read it: counts, percents, seconds, hours."""
    if value is None:
        return None
    if column.kind is Kind.PERCENT:
        return rounded(Fraction(value) * 100, 2)
    if column.kind is Kind.SECONDS:
        return rounded(Fraction(value, 1000), 3)
    if column.kind is Kind.HOURS:
        return rounded(Fraction(value, _HOUR), 2)
    return int(value)
