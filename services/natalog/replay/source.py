"""Where an audit reads: the logs of one ledger and its intake, bounded. Kafka, or lists in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One committed record of a log. `timestamp` is UTC milliseconds; a null key reads as b""."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes | None
    by_broker: bool = True
    """Whether `timestamp` is the broker's (LogAppendTime)."""


class Stalled(Exception):
    """A log cannot be read to its sampled end: a transaction is open there and does not end."""

    def __init__(self, topic: str, partition: int, position: int, end: int) -> None:
        super().__init__(f"{topic}-{partition} is held at offset {position} of {end} by an open transaction")
        self.position = position


class Source(Protocol):
    """Logs with ends that were sampled once, so that an audit of a running system ends.

    The ends of the intake are sampled after those of the ledger: what an entry sent is then below them.
    """

    @property
    def partitions(self) -> Sequence[int]:
        """Partitions to audit."""
        ...

    def ledger(self, partition: int) -> Iterator[list[Record]]:
        """Committed records in order. Raises Stalled."""
        ...

    def ledger_bounds(self, partition: int) -> tuple[int, int]:
        """First and next offset of the ledger."""
        ...

    def settled(self, partition: int) -> int:
        """Ledger offset sampled before all ends: what caused an entry below it lies below the ends everywhere."""
        ...

    def intake(self, topic: str, partition: int) -> Iterator[list[Record]]:
        """What is still there of an intake log, in order. Raises Stalled."""
        ...

    def intake_start(self, topic: str, partition: int) -> int:
        """First offset that is still there."""
        ...


class MemorySource:
    """Logs held in lists, by partition and by (topic, partition). `starts`: where an intake log begins, else at 0."""

    def __init__(
        self,
        ledger: Mapping[int, Sequence[Record]],
        intake: Mapping[tuple[str, int], Sequence[Record]],
        starts: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._starts = starts or {}

    @property
    def partitions(self) -> Sequence[int]:
        return sorted(self._ledger)

    def ledger(self, partition: int) -> Iterator[list[Record]]:
        yield list(self._ledger[partition])

    def ledger_bounds(self, partition: int) -> tuple[int, int]:
        records = self._ledger[partition]
        return 0, records[-1].offset + 1 if records else 0

    def settled(self, partition: int) -> int:
        return self.ledger_bounds(partition)[1]

    def intake(self, topic: str, partition: int) -> Iterator[list[Record]]:
        start = self.intake_start(topic, partition)
        yield [r for r in self._intake.get((topic, partition), ()) if r.offset >= start]

    def intake_start(self, topic: str, partition: int) -> int:
        return self._starts.get((topic, partition), 0)
