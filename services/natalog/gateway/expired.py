"""What expired of MARKED_TOPIC behind the last decided record: markers alone, or records that nobody decided.

Nothing can be read there any more; the registrars' group tells (ledger/expired.py). The order makes it safe: the
committed offset first, once no transaction that carries some is open; then the ledger's end. What the offset covers has
its entries before that end, and once the fold has come there it knows them all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from natalog.gateway.freshness import Freshness
from natalog.kafka.offsets import CommittedOffsets, LogBounds, Place
from natalog.ledger.expired import vouched_to
from natalog.ledger.follow import LEDGER
from natalog.wire.topics import MARKED_TOPIC

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Proven:
    """What is gone of a log, `start` to `end - 1`, was decided by entries before `ledger`, or no record."""

    start: int
    end: int
    ledger: int


class Expired:
    """Asks where nothing could be read.

    `committed_of` asks for the group's offsets. `admin` gives the client to ask for ends, one of its own: the sampler
    goes on asking, and no two questions to one client may be open (`LogBounds`).

    `topic` is MARKED_TOPIC's place in `Freshness.causes`. For one thread, which never waits here.
    """

    def __init__(
        self,
        admin: Callable[[], AdminClient],
        committed_of: Callable[[Sequence[Place]], CommittedOffsets],
        topic: int,
        freshness: Freshness,
    ) -> None:
        self._admin = admin
        self._committed_of = committed_of
        self._topic = topic
        self._freshness = freshness
        self._wanted: dict[int, int] = {}
        """Next offset to decide, by partition."""
        self._asked: dict[int, int] = {}
        self._question: CommittedOffsets | None = None
        self._committed: dict[Place, int] = {}
        self._bounds: LogBounds | None = None
        self._proven: dict[int, _Proven] = {}

    def ask(self, partition: int, start: int) -> None:
        """Find out whether everything from offset `start` on that is gone was decided or no record."""
        self._wanted[partition] = start

    def go_on(self) -> None:
        """Take what was answered, and ask what comes next."""
        for partition, proven in list(self._proven.items()):
            if self._freshness.position(partition) >= proven.ledger:
                self._freshness.empty(partition, self._topic, proven.start, proven.end)
                del self._proven[partition]
        try:
            self._next()
        except KafkaException as error:
            log.warning("cannot tell what expired", extra={"error": error.args[0].name()})
            self._question = self._bounds = None  # asked again when it is wanted again

    def _next(self) -> None:
        if self._bounds is not None:
            if self._bounds.ready():
                self._judge(self._bounds)
                self._bounds = None
        elif self._question is not None:
            if self._question.ready():
                self._committed = self._question.offsets()
                self._question = None
                marked = [(MARKED_TOPIC, p) for p in self._asked]
                self._bounds = LogBounds(
                    self._admin(), marked, [*marked, *((LEDGER, p) for p in self._asked)]
                )
        elif self._wanted:
            self._asked, self._wanted = self._wanted, {}
            self._question = self._committed_of([(MARKED_TOPIC, p) for p in self._asked])

    def _judge(self, bounds: LogBounds) -> None:
        starts, ends = bounds.starts(), bounds.ends()
        for partition, start in self._asked.items():
            place = MARKED_TOPIC, partition
            end = vouched_to(start, starts[place], self._committed.get(place, -1), ends[place])
            if end:
                self._proven[partition] = _Proven(start, end, ends[LEDGER, partition])
