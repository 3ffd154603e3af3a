"""One partition as a watch reads it: where it stands, how far it has surely read, what it may commit. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from natalog.watch.obligations import Folded, Obligations


class Gap(Exception):
    """Records are missing before this one."""

    def __init__(self, expected: int, offset: int) -> None:
        super().__init__(f"offset {offset} came where {expected} was expected")
        self.expected = expected
        self.offset = offset


class ReadAgain(Exception):
    """The consumer went back: what was folded here no longer counts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The log ended at `end` after `mono` (this process's monotonic clock, ms)."""

    mono: int
    end: int


class Partition:
    """`position` is the offset of the next record."""

    def __init__(self, obligations: Obligations, start: int, began: int) -> None:
        """Begins at offset `start`, at the moment `began` (monotonic, ms)."""
        self.obligations = obligations
        self.position = start
        self._began = began
        self.committed = -1
        """What this process has committed itself."""
        self.sample: Sample | None = None
        """An end that the position has not reached yet."""
        self.newest: Sample | None = None
        """The last end asked for, reached or not: what stands behind it was appended later."""
        self.read_to: int | None = None
        """Everything appended before this moment (monotonic, ms) is folded; None until that is known."""

    def fold(self, offset: int, key: bytes, value: bytes | None, received_at: int) -> Folded:
        """Take the next record. Raises Gap or ReadAgain when it is not the next one; nothing is folded then."""
        if offset > self.position:
            raise Gap(self.position, offset)
        if offset < self.position:
            raise ReadAgain
        folded = self.obligations.fold(offset, key, value, received_at)
        self.position = offset + 1
        return folded

    def skip_to(self, offset: int) -> int:
        """Go on at `offset` although records before it are gone; returns how many."""
        missing = offset - self.position
        self.position = offset
        return missing

    def sampled(self, sample: Sample) -> None:
        """The log's end was asked for."""
        self.sample = self.newest = sample
        self.advance()

    def advance(self) -> None:
        """See whether the sampled end is reached."""
        if self.sample is not None and self.position >= self.sample.end:
            self.read_to, self.sample = self.sample.mono, None

    @property
    def lag(self) -> int:
        """Records known to be unread."""
        return 0 if self.sample is None else self.sample.end - self.position

    @property
    def stale_since(self) -> int:
        """Since when (monotonic, ms) something may be unread: all until then is read, or it began then."""
        return self._began if self.read_to is None else self.read_to

    def to_commit(self) -> int | None:
        """The offset to commit, when it has moved on: nothing before it is needed by whoever reads next."""
        needed = self.obligations.needed_from(self.position)
        return needed if needed > self.committed else None
