"""What the ledger says, as counters: filings, decisions, refusals, flags, doubts.

The projector hands every batch of valid entries here once it is committed. Only what lies beyond the ledger's end at
the start of the process counts, so a restart or a rebuild counts nothing again; what was decided while the projector
was down is in the tables and in no counter. Assessment reads the tables (ADR 20).

Labels are divisions, never stations. All label values are there from the start: a counter that appears with its first
increment hides that increment from `increase` and `rate`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from natalog import events, metrics
from natalog.decision.calendar import beijing_day
from natalog.decision.codes import DOUBTS, FILED_LATE, FLAGS, NOT_TIMEABLE, REASONS, REFUSED, VERDICTS, names
from natalog.decision.commands import Filing
from natalog.decision.divisions import MUNICIPALITIES, prefecture_of, prefectures, province_of
from natalog.decision.numbers import PROVINCES
from natalog.metrics import UNKNOWN
from natalog.wire.hot import RECORD_INPUT, EntryView, read_command
from natalog.wire.kinds import KIND_OF_RECORD


class Committed(Protocol):
    """A valid entry that the projection now holds, and its place on the ledger."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def entry(self) -> EntryView: ...


C = TypeVar("C", bound=Committed)
Cause = Callable[[C], str]
"""From the entry of a late filing to whose fault it was: one of `CAUSES`."""

CAUSES: Final = ("STATION", "TRANSPORT", "MINISTRY", "CLOCK", "UNKNOWN")
NO_CAUSE: Final = "NONE"
"""Label of filings that were not late."""
ON_TIME: Final = "on_time"
LATE: Final = "late"
UNTIMED: Final = "untimed"

_KINDS: Final = {record.__name__: KIND_OF_RECORD[record] for record in events.INTAKE}
_PROVINCES: Final = (*sorted(f"{code}0000" for code in PROVINCES | MUNICIPALITIES), UNKNOWN)


@dataclass(slots=True)
class Tally:
    """Increments by label values, in the order the metrics declare them."""

    filings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    delays: list[tuple[str, float]] = field(default_factory=list)
    """Province and seconds of each timed filing."""
    decisions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    flags: Counter[tuple[str, str]] = field(default_factory=Counter)
    doubts: Counter[tuple[str, str]] = field(default_factory=Counter)


def tally(committed: Iterable[C], cause: Cause[C]) -> Tally:
    """What valid entries add to the counters. Pure.

    A registration counts as filed once: at the filing that was timed, or that could have been were the hour known.
    Repeats and unreadable records hold no record, so their kind and province are unknown.
    """
    added = Tally()
    for one in committed:
        entry = one.entry
        verdict = VERDICTS[entry.verdict]
        if entry.kind != RECORD_INPUT:
            added.decisions[UNKNOWN, verdict, UNKNOWN] += 1
            continue
        command = read_command(entry.input)
        province = province_of(command.unit_code) or UNKNOWN
        added.decisions[_KINDS[type(command).__name__], verdict, province] += 1
        if entry.verdict == REFUSED:
            added.refusals[REASONS[entry.reason].code, province] += 1
        for flag in names(FLAGS, entry.flags):
            added.flags[flag, province] += 1
        for doubt in names(DOUBTS, entry.doubts):
            added.doubts[doubt, province] += 1
        if isinstance(command, Filing):
            fault = cause(one) if entry.flags & FILED_LATE else NO_CAUSE
            _tally_filing(added, entry, command.unit_code, province, fault)
    return added


def _tally_filing(added: Tally, entry: EntryView, unit: str, province: str, cause: str) -> None:
    if entry.delay_ms < 0 and not entry.flags & NOT_TIMEABLE:
        return  # an amendment, a correction, backfill: this registration's filing was another
    day = beijing_day(entry.received_at)
    prefecture = prefecture_of(unit, day) or province
    if entry.delay_ms < 0:
        added.filings[prefecture, UNTIMED, NO_CAUSE] += 1
        return
    added.delays.append((province, entry.delay_ms / 1000))
    added.filings[prefecture, LATE if entry.flags & FILED_LATE else ON_TIME, cause] += 1


class LedgerMetrics(Generic[C]):
    """The counters of one projector. `publish` takes what a batch added."""

    def __init__(self, cause: Cause[C], publish: Callable[[Tally], None]) -> None:
        self._cause = cause
        self._publish = publish
        self._next: dict[int, int] = {}
        """By partition the ledger offset from which on nothing was counted yet."""

    def hand_on(self, committed: Sequence[C], live: bool) -> None:
        """Count valid entries once they are committed, in order by partition, when they belong to the live head:
        decided after this process began and never handed on before.

        An offset that comes again does not count, whatever the flag says. What is committed but lost to a crash before
        this call is in the tables.
        """
        if not live:
            return
        fresh: list[C] = []
        for entry in committed:
            if entry.offset >= self._next.get(entry.partition, 0):
                self._next[entry.partition] = entry.offset + 1
                fresh.append(entry)
        if fresh:
            self._publish(tally(fresh, self._cause))


def publish(added: Tally) -> None:
    """Add to the metrics."""
    for counter, increments in (
        (metrics.FILINGS, added.filings),
        (metrics.DECISIONS, added.decisions),
        (metrics.REFUSALS, added.refusals),
        (metrics.FLAGS, added.flags),
        (metrics.DOUBTS, added.doubts),
    ):
        for labels, count in increments.items():
            counter.labels(*labels).inc(count)
    for province, seconds in added.delays:
        metrics.FILING_DELAY.labels(province).observe(seconds)


def show_open(overdue: Mapping[str, int], contested: Mapping[str, int]) -> None:
    """Set the gauges to what the tables hold now, by province (six digits); a province left out has none."""
    for gauge, counts in ((metrics.OVERDUE_OPEN, overdue), (metrics.CONTESTED_OPEN, contested)):
        known = {name if name in _PROVINCES else UNKNOWN: 0 for name in (*_PROVINCES, *counts)}
        for name, count in counts.items():
            known[name if name in known else UNKNOWN] += count
        for name, count in known.items():
            gauge.labels(name).set(count)


def declare() -> None:
    """Every label value at 0; once, before the first scrape."""
    for prefecture in (*prefectures(), *_PROVINCES):
        for result in (ON_TIME, UNTIMED):
            metrics.FILINGS.labels(prefecture, result, NO_CAUSE)
        for cause in CAUSES:
            metrics.FILINGS.labels(prefecture, LATE, cause)
    for province in _PROVINCES:
        metrics.FILING_DELAY.labels(province)
        for kind in _KINDS.values():
            for verdict in VERDICTS[: REFUSED + 1]:
                metrics.DECISIONS.labels(kind, verdict, province)
        for reason in REASONS[1:]:
            metrics.REFUSALS.labels(reason.code, province)
        for flag in FLAGS:
            metrics.FLAGS.labels(flag.code, province)
        for doubt in DOUBTS:
            metrics.DOUBTS.labels(doubt.code, province)
    for verdict in VERDICTS[REFUSED + 1 :]:
        metrics.DECISIONS.labels(UNKNOWN, verdict, UNKNOWN)
