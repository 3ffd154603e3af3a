"""Reads a whole ledger again and proves it: chain, causes, every decision, I1 and I2, Successions.

Shares the pure parts with the registrar (`decision/`, `wire/`, the two functions of `ledger/step.py`) and nothing of
its loop.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from natalog.decision import codes
from natalog.decision.commands import Succession
from natalog.decision.rules import RuleSets
from natalog.ledger.head import GENESIS
from natalog.ledger.step import command_of
from natalog.replay.again import Again, Seal
from natalog.replay.chain import Chain, Link
from natalog.replay.finding import Finding, Findings, Kind
from natalog.replay.intake import IntakeCheck
from natalog.replay.model import Model
from natalog.replay.report import PartitionReport, Report
from natalog.replay.source import Source, Stalled
from natalog.replay.states import MANY, Tables
from natalog.replay.successions import Successions
from natalog.replay.undecided import Undecided
from natalog.wire.topics import MARKED

LIMIT = 100
"""Findings kept."""


def verify(
    source: Source,
    *,
    rules: RuleSets | None = None,
    seal: Seal | None = None,
    unseal: Seal | None = None,
    limit: int = LIMIT,
    progress: Callable[[int], None] = lambda _: None,
    many: int = MANY,
    now: int | None = None,
) -> Report:
    """Audit what `source` holds.

    `rules`: the sets entries may have been decided under (default: the built-in ones). `seal` and `unseal`
    (ledger/seal.py) let unreadable records be decided again too. `progress` is told ledger offsets passed, in steps.
    From `many` keys of a partition on, states lie on disk. `now`: when it takes place, UTC milliseconds; by default
    the clock's.
    """
    began = time.monotonic()
    findings = Findings(limit)
    successions = Successions(findings)
    undecided = Undecided()
    audits = []
    for partition in source.partitions:
        tables = Tables(many)
        try:
            audit = _Audit(
                source, partition, rules or RuleSets(), seal, unseal, tables, successions, undecided, findings
            )
            audit.run(progress)
            audits.append(audit)
        finally:
            tables.close()
    partitions = [audit.report.partition for audit in audits]
    successions.settle(partitions, {p: source.settled(p) for p in partitions})
    undecided.settle(findings, round(time.time() * 1000) if now is None else now)
    return Report(
        partitions=[audit.report for audit in audits],
        findings=findings,
        expired=sum(audit.intake.expired for audit in audits),
        shape_only=sum(audit.again.shape_only for audit in audits),
        pending_successions=successions.pending,
        unchecked_successions=successions.unchecked,
        undecided=undecided.waiting,
        seconds=time.monotonic() - began,
    )


class _Audit:
    """One partition from its first entry to its sampled end."""

    def __init__(
        self,
        source: Source,
        partition: int,
        rules: RuleSets,
        seal: Seal | None,
        unseal: Seal | None,
        tables: Tables,
        successions: Successions,
        undecided: Undecided,
        findings: Findings,
    ) -> None:
        self.report = PartitionReport(partition)
        self.intake = IntakeCheck(source, partition, findings)
        self.chain = Chain(partition, findings)
        self.again = Again(
            partition,
            rules=rules,
            seal=seal,
            unseal=unseal,
            states=tables.states,
            clouded=self.chain.clouded,
            successions=successions,
            findings=findings,
        )
        self._model = Model(partition, tables.model, findings)
        self._verdicts: Counter[int] = Counter()
        self._source = source
        self._successions = successions
        self._undecided = undecided
        self._findings = findings

    def run(self, progress: Callable[[int], None]) -> None:
        partition = self.report.partition
        start, end = self._source.ledger_bounds(partition)
        if start > 0:
            self._report(Kind.SHORTENED, None, "offset", "0", f"the log begins at {start}")
        passed = start
        try:
            for batch in self._source.ledger(partition):
                self._take(self.chain.feed(batch))
                if batch:
                    progress(batch[-1].offset + 1 - passed)
                    passed = batch[-1].offset + 1
            self._take(self.chain.end())
            for topic, record in self.intake.rest():
                self._undecided.add(topic, partition, record)
                if topic == MARKED:
                    self._successions.waits(partition, record)
        except Stalled as stalled:
            self._report(
                Kind.STALLED, stalled.position, "", "a log that can be read to its end", str(stalled)
            )
        progress(end - passed)
        head = self.chain.head
        self.report.seq = int(head.seq) - 1
        self.report.hash = head.prev.hex() if head.prev != GENESIS else ""
        self.report.void = self.chain.void
        self.report.verdicts = Counter({codes.VERDICTS[v]: n for v, n in sorted(self._verdicts.items())})

    def _take(self, links: Sequence[Link]) -> None:
        if not links:
            return
        self.report.entries += len(links)
        self._verdicts.update([int(entry.verdict) for _, entry in links])
        causes = self.intake.causes(links)
        self.again.take(links, causes)
        commands = [command_of(entry) for _, entry in links]
        for link, command in zip(links, commands, strict=True):
            if isinstance(command, Succession):
                self._successions.arrived(self.report.partition, *link, command)
        clouded = self.chain.clouded
        if clouded:
            judged = zip(links, commands, strict=True)
            commands = [None if link[0].key in clouded else command for link, command in judged]
        self._model.take(links, commands)

    def _report(self, kind: Kind, offset: int | None, field: str, expected: str, found: str) -> None:
        self._findings.add(Finding(kind, self.report.partition, None, offset, field, expected, found))
