"""What a registrar knows of one partition, and whether it may decide there."""

from __future__ import annotations

from enum import Enum

from natalog.ledger.fold import Fold
from natalog.ledger.head import Head
from natalog.ledger.step import Outcome
from natalog.registrar.gaps import Gaps
from natalog.wire.topics import MARKED


class Phase(Enum):
    """FOLLOWING: somebody else's, folded so that a takeover is short. TAKING_OVER: ours, but the fold has not passed
    all that may have been written before. DECIDING: ours, and nobody else writes. HALTED: needs people."""

    FOLLOWING = "following"
    TAKING_OVER = "taking_over"
    DECIDING = "deciding"
    HALTED = "halted"


STALL = 15.0
"""Seconds without progress, with records waiting, after which an intake is read anew from where it stands."""


class Patience:
    """Tells a stalled intake from an idle one. A consumer that silently delivers nothing would look idle for ever."""

    def __init__(self) -> None:
        self._resume: list[int] = []
        self._since = 0.0
        self._answered: list[int] = []

    def is_spent(self, resume: list[int], now: float) -> bool:
        """Whether reading again brought nothing either, as long again: the client is past help.

        Only for topics without transaction markers; elsewhere what waits may be markers alone.
        """
        return bool(self._answered) and resume == self._resume and now - self._since >= STALL

    def is_over(self, resume: list[int], ends: list[int], now: float) -> bool:
        """Whether records wait before `ends`, and none were decided for long.

        Says so once for the same ends: what waits may be transaction markers, which are never delivered.
        """
        waits = any(at < end for at, end in zip(resume, ends, strict=True))
        if not waits or resume != self._resume:
            self._resume, self._since, self._answered = resume, now, []
            return False
        if now - self._since < STALL or ends == self._answered:
            return False
        self._since, self._answered = now, ends
        return True


REMEMBERED = 600.0
"""Seconds a step of the broker's clock stays to be seen: several scrapes, and the time an alarm takes."""


class ClockStep:
    """The largest step back of the broker's clock that was met lately."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._at = 0.0

    def note(self, seconds: float, now: float) -> None:
        """One was met. `now` is time.monotonic()."""
        if seconds >= self.recent(now):
            self._seconds, self._at = seconds, now

    def recent(self, now: float) -> float:
        """Seconds; 0 when there was none for `REMEMBERED`."""
        return self._seconds if self._seconds and now - self._at < REMEMBERED else 0.0


class Partition:
    """One partition. All positions are offsets of the next record."""

    def __init__(self, fold: Fold) -> None:
        self.number = fold.partition
        self.fold = fold
        self.phase = Phase.FOLLOWING
        self.target: int | None = None
        """TAKING_OVER: the ledger's high watermark that the fold must pass; None until it is known."""
        self.since = 0.0
        """time.monotonic() when the takeover began."""
        self.patience = Patience()
        self.suspicious = False
        """TAKING_OVER again although we held it: any record found now is somebody else's."""
        self.tail = 0
        """Entries folded since the shelf was last known to be on disk."""
        self.next_own = 0
        """DECIDING: where the next own entry must land. Anything else means that something else was written."""
        self.settled = self.own_then = 0
        """DECIDING: `next_own` when the ends of logs were asked for before the last time, and the last time."""
        self.cause = ""
        """HALTED: why."""
        self.clock_step = ClockStep()
        self.alarmed_to = fold.head.offset
        """Void entries before this ledger offset are history: they were counted by whoever met them first."""
        self.gaps = Gaps(self.number)
        self.passed = 0
        """Offset of MARKED_TOPIC before which nothing is left to decide, though the last record decided lies further
        back: what stands between are transaction markers (markers.py). 0 when not known."""
        self.vouched = 0
        """What the group has committed of MARKED_TOPIC, as far as known: another registrar can tell `passed` by it."""
        self.ahead: Outcome | None = None
        """DECIDING: what a flight carries; the fold does not have it yet."""

    @property
    def decided_to(self) -> Head:
        """Where the next decision goes on, what is in flight included."""
        return self.fold.head if self.ahead is None else self.ahead.head

    @property
    def resume(self) -> list[int]:
        """Next offset of each intake topic: by the ledger, and past markers known as such."""
        offsets = [last + 1 for last in self.fold.head.causes]
        offsets[MARKED] = max(offsets[MARKED], self.passed)
        return offsets

    @property
    def unread(self) -> list[int]:
        """Next offset of each intake topic where a record may stand: `resume`, and past gaps told of."""
        return [self.gaps.beyond(topic, offset) for topic, offset in enumerate(self.resume)]
