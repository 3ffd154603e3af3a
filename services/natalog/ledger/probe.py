"""Whether records stand at an offset of a log, asked of a client of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from natalog.ledger.follow import LedgerReader

_RECORDS = 10
"""Most read at a time; one record is enough to know that records stand there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read of one partition: from `first` to before `end`, and whether that held any record. `end` is `first`
    where nothing can be read, as while a transaction is open there."""

    partition: int
    first: int
    end: int
    holds_records: bool


class Probe:
    """Reads one log in each of some partitions, once. Nobody else may use `reader`."""

    def __init__(self, reader: LedgerReader) -> None:
        self._reader = reader
        self._asked: dict[int, int] = {}

    @property
    def asked(self) -> frozenset[int]:
        """Partitions without an answer yet."""
        return frozenset(self._asked)

    def ask(self, partition: int, first: int) -> None:
        """Begin to read there. An older question is forgotten."""
        self._asked[partition] = first
        self._reader.start({partition: first})

    def forget(self, partition: int) -> None:
        """Want no answer any more."""
        if self._asked.pop(partition, None) is not None:
            self._reader.stop([partition])

    def answers(self) -> Iterator[Answer]:
        """Those that have come; none where the log begins or ends elsewhere. Waits for nothing."""
        for stretch in self._reader.read(_RECORDS, 0.0):
            number = stretch.partition
            if number in self._asked:
                first = self._asked[number]
                self.forget(number)
                if not stretch.outside:
                    yield Answer(number, first, max(first, stretch.position), bool(stretch.offsets))

    def close(self) -> None:
        """Give up the connection."""
        self._reader.close()
