"""What was counted, and how it adds up: units into prefectures, provinces and the country."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """What a row of the assessment stands for."""

    PROVINCE = "province"
    PREFECTURE = "prefecture"
    STATION = "station"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Codes, "" where the table of divisions has none for the unit (or the row stands for something greater)."""

    province: str = ""
    prefecture: str = ""
    unit: str = ""

    def at(self, level: Level) -> Place:
        """The greater place of this level that contains it."""
        if level is Level.PROVINCE:
            return Place(self.province)
        return Place(self.province, self.prefecture) if level is Level.PREFECTURE else self

    def code(self, level: Level) -> str:
        """The code of the level's own column."""
        if level is Level.PROVINCE:
            return self.province
        return self.prefecture if level is Level.PREFECTURE else self.unit


@dataclass(slots=True)
class Facts:
    """Counts by name (query.py), and the lists that quantiles are taken from."""

    counts: Counter[str] = field(default_factory=Counter)
    delays: list[int] = field(default_factory=list)
    """`delay_ms` of every timed filing."""
    listing: list[int] = field(default_factory=list)
    """Milliseconds from void to listed, of every listing that tells."""
    rules: set[int] = field(default_factory=set)
    """Versions of the rule sets that decided the filings."""

    def add(self, other: Facts) -> None:
        """Take another place's facts in."""
        self.counts.update(other.counts)
        self.delays += other.delays
        self.listing += other.listing
        self.rules |= other.rules


def gathered(facts: dict[Place, Facts], level: Level) -> dict[Place, Facts]:
    """Facts by place of a level, in order of code."""
    found: dict[Place, Facts] = {}
    for place in sorted(facts):
        found.setdefault(place.at(level), Facts()).add(facts[place])
    return found


def total(facts: Iterable[Facts]) -> Facts:
    """All of them together."""
    everything = Facts()
    for one in facts:
        everything.add(one)
    return everything
