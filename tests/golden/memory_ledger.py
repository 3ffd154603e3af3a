"""Intake and ledger in lists: records are decided in the order they are sent, as one registrar would.

Nothing in it depends on a clock or on chance, so the same scenes give the same bytes.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import replace
from typing import Any, TypeVar

from natalog import events
from natalog.decision.rules import NEWEST, RuleSet
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch
from natalog.replay.source import MemorySource, Record
from natalog.wire.codec import decode, encode
from natalog.wire.murmur2 import partition_of
from natalog.wire.partition import key_of
from natalog.wire.topics import INTAKE_TOPICS

R = TypeVar("R", bound=events.Intake)

PARTITIONS = 12
START = 1_790_000_000_000  # 2026-09-21 in Beijing
SUCCESSIONS = "certificate.invalidations"
TOPIC_OF = {
    events.Claim: "birth.registrations",
    events.Release: "birth.registrations",
    events.Completion: "birth.registrations",
    events.Filing: "birth.registrations",
    events.Withdrawal: "birth.registrations",
    events.BlacklistChange: "blacklist.changes",
    events.Invalidation: SUCCESSIONS,
    events.Succession: SUCCESSIONS,
    events.FilingOverdue: "sla.alerts",
}


def seal(raw: bytes) -> bytes:
    """Stands in for ledger/seal.py; no secret is at stake."""
    return b"sealed:" + raw[::-1]


def unseal(sealed: bytes) -> bytes:
    if not sealed.startswith(b"sealed:"):
        raise ValueError("not sealed under this key, or altered")
    return sealed[len(b"sealed:") :][::-1]


class MemoryLedger:
    """`now` is the broker's clock, UTC milliseconds; set it forward (or back) as a scene needs."""

    def __init__(self, rules: RuleSet = NEWEST) -> None:
        self.rules = rules
        self.now = START
        self.partitions = PARTITIONS
        self.intake: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.ledger: dict[int, list[Record]] = {p: [] for p in range(PARTITIONS)}
        self._heads = {p: Head.genesis() for p in range(PARTITIONS)}
        self._states: dict[int, dict[bytes, bytes]] = {p: {} for p in range(PARTITIONS)}
        self._serial = 0

    def id(self) -> uuid.UUID:
        """The next event id."""
        self._serial += 1
        return uuid.uuid5(uuid.NAMESPACE_OID, f"natalog golden {self._serial}")

    def number(self, partition: int | None = None, start: str = "Y33") -> str:
        """A certificate number not given before, of this partition if one is given."""
        while True:
            self._serial += 1
            number = f"{start}{self._serial:0{10 - len(start)}d}"
            if partition is None or partition_of(number.encode(), PARTITIONS) == partition:
                return number

    def send(self, record: events.Intake, topic: str | None = None, key: bytes | None = None) -> events.Entry:
        """Put a record on the intake, decide it and every Succession it calls for; its entry."""
        if topic is None:
            bulk = isinstance(record, events.Filing) and record.origin is events.Origin.BACKFILL
            topic = "birth.backfill" if bulk else TOPIC_OF[type(record)]
        key = key_of(record) if key is None else key
        return self.put(topic, key, encode(record))

    def put(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> events.Entry:
        if partition is None:
            partition = int(partition_of(key, PARTITIONS))
        return self.decide(topic, partition, self.append(topic, partition, key, value))

    def append(self, topic: str, partition: int, key: bytes, value: bytes | None) -> Record:
        """Put bytes on the intake, undecided."""
        log = self.intake[topic, partition]
        # Offsets leave gaps where Successions come in by transactions, as their markers do.
        offset = log[-1].offset + (2 if topic == SUCCESSIONS else 1) if log else 0
        record = Record(offset, self.now, key, value)
        log.append(record)
        return record

    def decide(self, topic: str, partition: int, record: Record) -> events.Entry:
        """Decide an appended record."""
        outcome = decide_batch(
            self._heads[partition],
            partition,
            [INTAKE_TOPICS.index(topic)],
            [record.offset],
            [record.timestamp],
            [record.key],
            [record.value],
            self._states[partition],
            self.rules,
            seal,
        )
        self._heads[partition] = outcome.head
        self._states[partition].update(outcome.states)
        ledger = self.ledger[partition]
        ((key, value),) = outcome.entries
        ledger.append(Record(ledger[-1].offset + 2 if ledger else 0, self.now, key, value))
        for key, target, sent in outcome.successions:
            self.now += 1
            self.put(SUCCESSIONS, key, sent, target)
        entry = decode(value)
        assert isinstance(entry, events.Entry)
        return entry

    def source(self, starts: dict[tuple[str, int], int] | None = None) -> MemorySource:
        """What an audit reads: the lists themselves, so that a test can alter them."""
        return MemorySource(self.ledger, self.intake, starts)

    def again(self, record: R, **changes: object) -> R:
        """The record under a new event id, with changes."""
        fields: dict[str, Any] = {"event_id": self.id(), **changes}
        return replace(record, **fields)
