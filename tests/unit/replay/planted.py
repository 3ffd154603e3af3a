"""The golden ledger with one fault planted, and what an audit finds there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from natalog import events
from natalog.decision.rules import RuleSets, from_json
from natalog.replay.finding import Kind
from natalog.replay.report import Report
from natalog.replay.source import MemorySource, Record
from natalog.replay.verify import verify
from natalog.wire.codec import decode, encode
from tests.golden.make import FILE, read
from tests.golden.memory_ledger import seal, unseal
from tests.golden.scenes import SHORT_RULES

Place = tuple[Kind, int, int | None, str]
"""Kind, partition, seq, field."""


@cache
def _golden() -> dict[tuple[str, int], list[Record]]:
    return read(FILE.read_text(encoding="ascii"))


class Planted:
    """A copy of the golden ledger. `ledger` and `intake` may be altered; seq n stands at ledger offset 2n."""

    def __init__(self) -> None:
        logs = {place: list(records) for place, records in _golden().items()}
        self.ledger = {p: logs.pop(("ledger", p), []) for p in range(12)}
        self.intake = logs
        self.starts: dict[tuple[str, int], int] = {}

    def entry(self, partition: int, seq: int) -> events.Entry:
        return entry_of(self.ledger[partition][seq])

    def find(self, wanted: Callable[[events.Entry], bool], before_end: int = 0) -> tuple[int, int]:
        """Partition and seq of the first such entry with at least `before_end` after it."""
        for partition, log in self.ledger.items():
            for seq, record in enumerate(log[: len(log) - before_end]):
                if wanted(entry_of(record)):
                    return partition, seq
        raise LookupError("no such entry on the golden ledger")

    def put(self, partition: int, seq: int, value: bytes) -> None:
        """Other bytes in place of an entry; the chain is left as it is."""
        log = self.ledger[partition]
        log[seq] = log[seq]._replace(value=value)

    def forge(self, partition: int, seq: int, **changes: Any) -> None:
        """Another entry in its place, and the chain hashed anew from there: no hash gives it away."""
        self.put(partition, seq, encode(replace(self.entry(partition, seq), **changes)))
        self.rehash(partition, seq + 1)

    def rehash(self, partition: int, seq: int) -> None:
        log = self.ledger[partition]
        for place in range(max(seq, 1), len(log)):
            prev = hashlib.sha256(log[place - 1].value or b"").digest()
            self.put(partition, place, encode(replace(self.entry(partition, place), prev=prev)))

    def expire(self) -> None:
        """Nothing of the intake is there any more."""
        self.starts = {place: log[-1].offset + 1 for place, log in self.intake.items()}

    def audit(self, **options: Any) -> Report:
        rules = RuleSets()
        rules.add(from_json(SHORT_RULES))
        settings: dict[str, Any] = {"rules": rules, "seal": seal, "unseal": unseal, **options}
        return verify(MemorySource(self.ledger, self.intake, self.starts), **settings)

    def places(self, **options: Any) -> list[Place]:
        """What an audit finds."""
        return places(self.audit(**options))


def entry_of(record: Record) -> events.Entry:
    entry = decode(record.value)
    assert isinstance(entry, events.Entry)
    return entry


def input_of(entry: events.Entry) -> Any:
    """The record an entry holds, None where it holds none."""
    return decode(entry.input) if isinstance(entry.input, bytes) else None


def places(report: Report) -> list[Place]:
    return [(f.kind, f.partition, f.seq, f.field) for f in report.found]


def is_filing(entry: events.Entry) -> bool:
    return isinstance(input_of(entry), events.Filing)
