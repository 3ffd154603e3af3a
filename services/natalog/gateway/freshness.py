"""How fresh the replica is: the time up to which it knows everything that was sent.

A sample is the end of the ledger and of every live intake topic, asked for at one moment. When the fold has
passed all of it, the replica holds every decision on everything that had been received by that moment. So a
dead registrar does not look fresh: the intake's end runs away from the ledger's causes. Bulk (birth.backfill)
is left out, or a backfill of weeks would close every desk.

Ages are measured by the monotonic clock: a host's clock that is set back must not make a dead registrar look fresh.
A partition is judged by itself, so that one halted partition closes only its own numbers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

KEPT = 256


@dataclass(frozen=True, slots=True)
class Sample:
    """The ends of one partition number (offset of the next record) at one moment."""

    sent_at: int
    """When the sample was asked for, so nothing received later is promised: milliseconds of the monotonic clock."""
    ledger: int
    intake: tuple[int, ...]
    """The same of every live intake topic."""
    time: int
    """The broker's time then, as far as it was known, Unix milliseconds: to be told, never reckoned with."""


class Freshness:
    """Per partition: samples the fold has not passed yet, and the last one it has."""

    def __init__(self, partitions: int) -> None:
        self._lock = threading.Lock()
        self._open: list[deque[Sample]] = [deque() for _ in range(partitions)]
        self._position = [0] * partitions
        self._causes: list[tuple[int, ...]] = [()] * partitions
        self._empty: list[dict[int, tuple[int, int]]] = [{} for _ in range(partitions)]
        self._passed: list[Sample | None] = [None] * partitions
        self.failing = False
        """Whether the last attempt to sample failed: Kafka is known to be away."""

    def passed(self, partition: int) -> Sample | None:
        """The last sample the fold has passed; None when there is none yet."""
        return self._passed[partition]

    def staleness(self) -> float:
        """Seconds since what the partition that lags most is known to hold; infinite before the first sample."""
        sent = [float("-inf") if sample is None else sample.sent_at / 1000 for sample in self._passed]
        return time.monotonic() - min(sent)

    def position(self, partition: int) -> int:
        """Ledger offset up to which the replica has folded."""
        return self._position[partition]

    def causes(self, partition: int) -> tuple[int, ...]:
        """Last decided offset per live intake topic."""
        return self._causes[partition]

    def sampled(self, partition: int, sample: Sample) -> None:
        """A new sample; samples come in order of time."""
        with self._lock:
            waiting = self._open[partition]
            waiting.append(sample)
            if len(waiting) > KEPT:  # far behind: every second one is enough to see progress
                self._open[partition] = deque(s for i, s in enumerate(waiting) if i % 2 == 0)
            self._advance(partition)

    def empty(self, partition: int, topic: int, start: int, end: int) -> None:
        """Offsets `start` to `end - 1` of the topic (its place in `causes`) hold no record to decide and never will."""
        with self._lock:
            first, stop = self._empty[partition].get(topic, (start, start))
            if first <= start <= stop:  # what follows a stretch known as empty belongs to it
                start, end = first, max(stop, end)
            self._empty[partition][topic] = (start, end)
            self._advance(partition)

    def undecided(self, partition: int, topic: int) -> int:
        """The first offset of the topic where a record to decide may stand, for all that is known here."""
        causes = self._causes[partition]
        waits = causes[topic] + 1 if causes else 0
        start, stop = self._empty[partition].get(topic, (0, 0))
        return max(waits, stop) if start <= waits else waits

    def decided(self, partition: int, topic: int, end: int) -> bool:
        """Whether every record of the topic before offset `end` is decided, for all that is known here."""
        return self.undecided(partition, topic) >= end

    def folded(self, partition: int, position: int, causes: Sequence[int]) -> None:
        """The fold reached `position`, the last causes being `causes` (live topics, in their order)."""
        with self._lock:
            self._position[partition] = position
            self._causes[partition] = tuple(causes)
            self._advance(partition)

    def reset(self, partition: int) -> None:
        """The fold of this partition begins anew: nothing is known until it has come to the end again."""
        with self._lock:
            self._position[partition] = 0
            self._causes[partition] = ()
            self._passed[partition] = None
            self._open[partition].clear()

    def _advance(self, partition: int) -> None:
        waiting = self._open[partition]
        while waiting and self._causes[partition]:
            sample = waiting[0]
            if self._position[partition] < sample.ledger or not all(
                self.decided(partition, topic, end) for topic, end in enumerate(sample.intake)
            ):
                return
            self._passed[partition] = waiting.popleft()
