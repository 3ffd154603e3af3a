"""One partition of the ledger folded into its shelf.

A shelf may have been filled from a ledger that is not this one any more (a broker set back from a copy, a disk
exchanged). So the last entry folded is read again first, and must be where it was, with the same hash.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from natalog.ledger.follow import Stretch
from natalog.ledger.head import Head
from natalog.ledger.step import fold_batch
from natalog.ledger.store import Position, Shelf

Beside = Callable[[list[int], list[bytes], set[int]], dict[bytes, bytes]]
"""From ledger offsets, entries and the offsets of void ones to what is kept beside the states."""


class ShelfDisagrees(Exception):
    """What the shelf was folded from is not what stands on the ledger."""


@dataclass(frozen=True, slots=True)
class Advance:
    """What a stretch brought: how many entries count, and the ledger offsets of those that do not."""

    entries: int
    void: list[int]


class Fold:
    """Head, states and position of one partition, kept in step with a shelf."""

    def __init__(self, partition: int, shelf: Shelf) -> None:
        self.partition = partition
        self.shelf = shelf
        stored = shelf.position()
        self.head = stored.head if stored else Head.genesis()
        self.last = stored.last if stored else -1
        """Ledger offset of the last valid entry, -1 before the first."""
        self._proven = self.last < 0

    @property
    def resume(self) -> int:
        """Ledger offset to read from: the last entry again while it is unproven, else the next."""
        return self.head.offset if self._proven else self.last

    @property
    def is_proven(self) -> bool:
        """Whether the last entry has been found on the ledger, or there is none."""
        return self._proven

    def doubt(self) -> None:
        """Demand that the last entry be proven again (reading restarts at `resume`)."""
        self._proven = self.last < 0

    def apply(self, stretch: Stretch, beside: Beside | None = None) -> Advance:
        """Fold a stretch in, states and position.

        `beside` gets offsets, values and void offsets of what is folded; what it returns is put into the shelf in
        the same step as the states (an index kept beside them, under keys that no record can have).
        Raises ShelfDisagrees when the shelf was folded from another ledger: `restart`, and read from `resume`.
        Raises whatever `fold_batch` does for an entry that this build cannot fold: nothing has changed then.
        """
        if stretch.outside:
            raise ShelfDisagrees(stretch.outside)
        if not self._proven:
            self._prove(stretch)
        known = bisect_left(stretch.offsets, self.head.offset)
        offsets, keys, values = stretch.offsets[known:], stretch.keys[known:], stretch.values[known:]
        if not offsets:
            self.head.offset = max(self.head.offset, stretch.position)
            return Advance(0, [])
        folded = fold_batch(self.head, self.partition, offsets, keys, values, self.shelf.states(keys))
        void = set(folded.void)
        valid = [offset for offset in offsets if offset not in void]
        states = folded.states
        if beside is not None:
            states = {**states, **beside(offsets, values, void)}
        self.accept(
            states, folded.head, max(int(folded.head.offset), stretch.position), valid[-1] if valid else -1
        )
        return Advance(len(valid), folded.void)

    def accept(self, states: dict[bytes, bytes], head: Head, offset: int, last: int) -> None:
        """Make `head` the head and `offset` the position; `last` is the last valid entry's offset, -1 if none is new.

        Writes the shelf.
        """
        head.offset = offset
        self.head = head
        if last >= 0:
            self.last = last
        self.shelf.write(states, Position(head, self.last))

    def restart(self) -> None:
        """Empty the shelf and begin at the ledger's first offset."""
        self.shelf.clear()
        self.head = Head.genesis()
        self.last = -1
        self._proven = True

    def _prove(self, stretch: Stretch) -> None:
        if not stretch.offsets:
            raise ShelfDisagrees(
                f"the ledger ends at {stretch.position}, before entry {self.last} of the shelf"
            )
        if stretch.offsets[0] != self.last:
            raise ShelfDisagrees(f"no entry at {self.last}, where the shelf's last one stood")
        if hashlib.sha256(stretch.values[0]).digest() != self.head.prev:
            raise ShelfDisagrees(f"another entry at {self.last} than the shelf was folded from")
        self._proven = True
