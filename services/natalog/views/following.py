"""The ledger as batches: proves that it is the one the projection was folded from, and folds what is new."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from natalog import metrics
from natalog.decision.rules import RuleSetError, RuleSets
from natalog.ledger.follow import LedgerReader, Stretch
from natalog.views.batch import Batch, Fold
from natalog.views.positions import OtherLedger

log = logging.getLogger(__name__)

ENTRIES = 20_000
"""Entries of one transaction at most; more gain nothing."""
_SLICE = 32
"""Entries folded in one go. Compiled code keeps the interpreter's lock while it runs, and whoever writes the batch
before needs the lock for a moment at each piece it sends: PostgreSQL would wait for us there."""

_ARRANGED = 128
"""Filings put in order in one go, for the same reason."""


@dataclass(slots=True)
class Tail:
    """Where reading one partition stands."""

    fold: Fold
    proven: bool
    position: int
    """Ledger offset up to which everything is folded, markers included."""
    held: int = 0
    """The same of what is written."""
    halted: bool = False


class Following:
    """Reads the ledger on from where the database stands. Not for use by several threads.

    `known` has the rule sets that its entries may have been decided under.
    """

    def __init__(self, reader: LedgerReader, known: RuleSets, *, counting: bool = True) -> None:
        self._reader = reader
        self._known = known
        self._counting = counting
        self.tails: dict[int, Tail] = {}

    def begin(self, folds: Mapping[int, Fold]) -> None:
        """(Re)start at these positions. The last entry of each is read again first: it must be there, unchanged."""
        for partition, fold in folds.items():
            at = int(fold.head.offset if fold.last < 0 else fold.last)
            self.tails[partition] = Tail(fold, fold.last < 0, at, held=int(fold.head.offset))
        self._reader.start({p: tail.position for p, tail in self.tails.items()})

    def read(self, timeout: float, entries: int = ENTRIES) -> Batch:
        """What has come, folded; waits up to `timeout` seconds for the first record.

        Raises OtherLedger, and KafkaException when the client can go on no more.
        """
        batch = Batch(self._known)
        for stretch in self._reader.read(entries, timeout):
            tail = self.tails[stretch.partition]
            if not tail.halted:
                self._take(batch, tail, stretch)
        while batch.arrange(_ARRANGED):
            pass
        for partition, offsets in batch.void.items():
            log.error("void entries skipped", extra={"partition": partition, "offsets": offsets[:10]})
        return batch

    def _take(self, batch: Batch, tail: Tail, stretch: Stretch) -> None:
        if stretch.outside:
            raise OtherLedger(f"partition {stretch.partition}: {stretch.outside}")
        if not tail.proven:
            if not stretch.offsets:
                # A broker that has just come back may not show its newest records yet.
                log.error(
                    "the ledger ends before what the projection holds of it: waiting",
                    extra={"partition": stretch.partition, "offset": int(tail.fold.last)},
                )
                return
            _prove(tail.fold, stretch)
            tail.proven = True
        first = 0
        while first < len(stretch.offsets) and stretch.offsets[first] < tail.fold.head.offset:
            first += 1
        partition, size = stretch.partition, len(stretch.offsets)
        for at in range(first, size, _SLICE):
            to = min(size, at + _SLICE)
            batch.add(
                tail.fold, partition, stretch.offsets[at:to], stretch.keys[at:to], stretch.values[at:to]
            )
            tail.fold = batch.folds[partition]
            if partition in batch.faults:
                break
        if stretch.partition in batch.faults:
            self.halt(stretch.partition, batch.faults[stretch.partition])
        else:
            tail.position = max(tail.position, stretch.position)

    def reached(self, ends: Mapping[int, int]) -> bool:
        """Whether everything before these ledger offsets is folded, but for what is halted."""
        return all(self.tails[p].halted or self.tails[p].position >= end for p, end in ends.items())

    def folded(self, partition: int) -> int:
        """Ledger offset of the next record of a partition to be folded."""
        tail = self.tails[partition]
        return max(tail.position, int(tail.fold.head.offset))

    def covered(self) -> int:
        """Ledger offsets folded, of all partitions."""
        return sum(tail.position for tail in self.tails.values())

    def written(self) -> None:
        """All that was folded so far is in the database."""
        for tail in self.tails.values():
            tail.held = max(tail.held, tail.position)

    def hold(self, partition: int, offset: int) -> None:
        """A partition is in the database up to this offset."""
        self.tails[partition].held = offset

    def held(self, partition: int) -> int:
        """Ledger offset up to which the database holds a partition."""
        return self.tails[partition].held

    def halt(self, partition: int, fault: Exception) -> None:
        """Read a partition no further: what cannot be folded is not guessed at, and the others go on."""
        log.critical(
            "partition halted: this build cannot fold it (docs/operating.md)",
            extra={
                "partition": partition,
                "offset": int(self.tails[partition].fold.head.offset),
                # Any other text might hold part of a record.
                "reason": str(fault) if isinstance(fault, RuleSetError) else type(fault).__name__,
            },
            exc_info=fault,
        )
        if self._counting:
            metrics.VIEW_HALTED.labels("projection", partition).set(1)
        self.tails[partition].halted = True
        self._reader.stop([partition])


def _prove(fold: Fold, stretch: Stretch) -> None:
    where = f"partition {stretch.partition}"
    if stretch.offsets[0] != fold.last:
        raise OtherLedger(f"{where}: no entry at offset {fold.last}, where the projection's last one stood")
    if hashlib.sha256(stretch.values[0]).digest() != fold.head.prev:
        raise OtherLedger(f"{where}: another entry at offset {fold.last} than the projection was folded from")
