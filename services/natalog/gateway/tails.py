"""Whether records wait between the last decided one of an intake log and its end, or none stand there.

A log may end in offsets without a record: markers of the registrars' transactions on certificate.invalidations, and
elsewhere what a stranger's aborted transaction leaves. They need no deciding, so they must not make answers stale. Only
reading tells, and a reader of committed records is told of an end no later than the last stable offset: before it every
transaction has ended, so what it was not given never becomes a record. What lies behind, where one is open, may still
count and stays undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from natalog.gateway.expired import Expired
from natalog.gateway.freshness import Freshness
from natalog.ledger.probe import Probe
from natalog.wire.topics import MARKED_TOPIC

QUIET = 0.5
"""Seconds that a log must wait for its next decision before it is read: most records are decided sooner."""
AGAIN = 1.0
"""Seconds until a log is read once more, where no answer came or an open transaction was met."""
_EXPIRED_EVERY = 10
"""Readings of the same place, the third of which first, between two looks at what expired there."""


@dataclass(slots=True)
class _Wait:
    """What is to be decided next of a log, and when it is to be read from there (time.monotonic())."""

    start: int
    look_at: float
    asked: int = 0
    holds_records: bool = False
    """Records do wait there: no reason to read again."""


class Tails:
    """Looks behind the last decided records. `probe_of` makes a probe of a topic, needed only where one waits.

    `topics` in the order of `Freshness.causes`. For one thread.
    """

    def __init__(
        self,
        probe_of: Callable[[str], Probe],
        expired: Expired,
        topics: Sequence[str],
        freshness: Freshness,
    ) -> None:
        self._probe_of = probe_of
        self._expired = expired
        self._topics = tuple(topics)
        self._freshness = freshness
        self._waits: dict[tuple[int, int], _Wait] = {}
        """By place in `topics` and partition."""
        self._probes: dict[int, Probe] = {}

    def look(self, partition: int, ends: Sequence[int], now: float) -> None:
        """Begin to read where something has waited for a while. `ends` by topic; `now` is time.monotonic()."""
        for topic, end in enumerate(ends):
            start = self._freshness.undecided(partition, topic)
            if start >= end:
                self._waits.pop((topic, partition), None)
                continue
            wait = self._waits.get((topic, partition))
            if wait is None or wait.start != start:
                self._waits[topic, partition] = _Wait(start, now + QUIET)
            elif not wait.holds_records and now >= wait.look_at:
                wait.look_at = now + AGAIN
                probe = self._probes.get(topic)
                if probe is None:
                    probe = self._probes[topic] = self._probe_of(self._topics[topic])
                if partition not in probe.asked:
                    probe.ask(partition, start)
                wait.asked += 1
                # A log that begins behind `start` gives no answer.
                if wait.asked % _EXPIRED_EVERY == 3 and self._topics[topic] == MARKED_TOPIC:
                    self._expired.ask(partition, start)

    def read(self) -> None:
        """Take what was found."""
        for topic, probe in self._probes.items():
            for answer in probe.answers():
                wait = self._waits.get((topic, answer.partition))
                if answer.holds_records:
                    if wait is not None and wait.start == answer.first:
                        wait.holds_records = True
                elif answer.end > answer.first:
                    self._freshness.empty(answer.partition, topic, answer.first, answer.end)
        self._expired.go_on()

    def close(self) -> None:
        """Give up the connections."""
        for probe in self._probes.values():
            probe.close()
