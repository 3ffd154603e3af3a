"""Counts what was planted and what was found, code by code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from natalog.demo.day import Played
from natalog.demo.expectation import Difference
from natalog.demo.scene import Step


@dataclass(slots=True)
class Row:
    """One line of the table: how often planted, how often found, how many of the planted judged wrongly."""

    planted: int = 0
    found: int = 0
    wrong: int = 0

    @property
    def ok(self) -> bool:
        """Found as planted, each in its place."""
        return self.planted == self.found and self.wrong == 0


@dataclass(slots=True)
class Tally:
    """Rows by code, grouped, and by subject of the planted cases."""

    verdicts: dict[str, Row] = field(default_factory=dict)
    reasons: dict[str, Row] = field(default_factory=dict)
    flags: dict[str, Row] = field(default_factory=dict)
    doubts: dict[str, Row] = field(default_factory=dict)
    subjects: dict[str, Row] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    records: int = 0
    queries: int = 0

    @property
    def ok(self) -> bool:
        """Nothing differs from what the rules demand."""
        return not self.differences and not self.failures


def tally(day: Iterable[Played]) -> Tally:
    """Count a played day."""
    t = Tally()
    for played in day:
        subject = t.subjects.setdefault(played.case.subject, Row())
        subject.planted += 1
        if played.failure:
            t.failures.append(f"{played.scene.name}, after step {len(played.scene.steps)}: {played.failure}")
        different = [d for step in played.scene.steps for d in step.differences]
        t.differences += different
        if different or played.failure:
            subject.wrong += 1
        else:
            subject.found += 1
        for step in played.scene.steps:
            _count(t, step)
    return t


def _count(t: Tally, step: Step) -> None:
    if step.kind == "status":
        t.queries += 1
        return
    t.records += 1
    body, expect, again = step.answer.body, step.expect, step.expect.again
    verdict = "answered with the original" if again is not None else expect.verdict
    found = body.get("verdict", f"HTTP {step.answer.status}")
    if again is not None and body == again.body:
        found = verdict
    _add(t.verdicts, [verdict], [found])
    if again is not None:
        # Its codes are those of the first time, counted there.
        return
    _add(t.reasons, [expect.reason] if expect.reason else [], [body["reason"]] if body.get("reason") else [])
    _add(t.flags, expect.flags, body.get("flags", ()))
    _add(t.doubts, expect.doubts, body.get("doubts", ()))


def _add(rows: dict[str, Row], planted: Iterable[str], found: Iterable[str]) -> None:
    wanted, got = Counter(planted), Counter(found)
    for code in wanted | got:
        row = rows.setdefault(code, Row())
        row.planted += wanted[code]
        row.found += got[code]
        row.wrong += wanted[code] != got[code]
