"""What expired of an intake log behind the last decided record: markers alone, or records that nobody decided.

Nothing can be read there any more. The offsets that the registrars' group has committed tell: they only ever come to
stand behind a record that was decided, or behind offsets that were read and held none (registrar/markers.py). They are
believed of what is gone, never of what can still be read.

The order makes it safe: the committed offset first, once no transaction that carries some is open; then the ledger's
end. What the offset covers has its entries before that end, and once the fold has come there it knows them all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from natalog.gateway.freshness import Freshness
from natalog.kafka.offsets import CommittedOffsets, LogBounds, Place
from natalog.ledger.follow import LEDGER

log = logging.getLogger(__name__)

_WITHIN = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class _Proven:
    """What is gone of a log, `start` to `end - 1`, was decided by entries before `ledger`, or no record."""

    start: int
    end: int
    ledger: int


class Expired:
    """Asks where nothing could be read. `committed_of` asks for the group's offsets.

    For the thread that `admin` is used by: no two questions to one client may be open (`LogBounds`).
    """

    def __init__(
        self,
        admin: AdminClient,
        committed_of: Callable[[Sequence[Place]], CommittedOffsets],
        topics: Sequence[str],
        freshness: Freshness,
    ) -> None:
        self._admin = admin
        self._committed_of = committed_of
        self._topics = tuple(topics)
        self._freshness = freshness
        self._wanted: dict[tuple[int, int], int] = {}
        """Next offset to decide, by place in `topics` and partition."""
        self._asked: dict[tuple[int, int], int] = {}
        self._question: CommittedOffsets | None = None
        self._proven: dict[tuple[int, int], _Proven] = {}

    def ask(self, topic: int, partition: int, start: int) -> None:
        """Find out whether everything from offset `start` on that is gone was decided or no record."""
        self._wanted[topic, partition] = start

    def go_on(self) -> None:
        """Take what was answered, or ask. Waits for Kafka only in the rare case that there is an answer."""
        for (topic, partition), proven in list(self._proven.items()):
            if self._freshness.position(partition) >= proven.ledger:
                self._freshness.empty(partition, topic, proven.start, proven.end)
                del self._proven[topic, partition]
        if self._question is None:
            if self._wanted:
                self._asked, self._wanted = self._wanted, {}
                self._question = self._committed_of([(self._topics[t], p) for t, p in self._asked])
        elif self._question.ready():
            question, self._question = self._question, None
            try:
                self._judge(question.offsets())
            except KafkaException as error:
                log.warning("cannot tell what expired", extra={"error": error.args[0].name()})

    def _judge(self, committed: dict[Place, int]) -> None:
        ends = [(LEDGER, partition) for partition in {p for _, p in self._asked}]
        bounds = LogBounds(self._admin, [(self._topics[t], p) for t, p in self._asked], ends)
        deadline = time.monotonic() + _WITHIN
        while not bounds.ready():
            if time.monotonic() > deadline:
                return
            time.sleep(0.002)
        starts, ledger = bounds.starts(), bounds.ends()
        for (topic, partition), start in self._asked.items():
            place = self._topics[topic], partition
            if start < starts[place] <= committed.get(place, -1):
                proven = _Proven(start, starts[place], ledger[LEDGER, partition])
                self._proven[topic, partition] = proven
