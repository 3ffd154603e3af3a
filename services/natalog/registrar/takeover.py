"""What must be known before the first decision on a partition, asked in the one safe order.

1. The group's committed offsets, once they are stable: a transaction of the former holder that carries offsets has
   then ended, and a later one is fenced by the group.
2. Only then the ledger's high watermark, open transactions included: whatever the former holder wrote lies before it.

The fold passes that mark when every transaction before it has ended. (The end as a read_committed consumer sees it
would be short of it exactly while one is open.)
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from natalog import metrics
from natalog.kafka.offsets import CommittedOffsets, LogBounds, Place
from natalog.ledger.expired import vouched_to
from natalog.ledger.follow import LEDGER
from natalog.registrar.faults import OutcomeUnknown
from natalog.registrar.partition import Partition
from natalog.wire.topics import INTAKE_TOPICS, MARKED_TOPIC

log = logging.getLogger(__name__)

_PAUSE = 0.25
_PATIENCE = 10.0
"""Seconds between two tries, and without any answer until a new process with new clients is the better try."""
_UNSTABLE = 60.0
"""Seconds that offsets may stay unstable while Kafka answers: it ends a dead holder's transaction within twenty, and
our own we end (hidden.py)."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Next committed offsets, first and next offsets of intake logs, high watermarks of ledger partitions."""

    committed: dict[Place, int]
    starts: dict[Place, int]
    ends: dict[Place, int]
    ledger_ends: dict[int, int]
    folded: dict[int, int]
    """Where our own fold stood when `ledger_ends` was asked: a ledger that ended before it has lost records."""


def passed(resume: int, number: int, findings: Findings) -> int:
    """Where MARKED_TOPIC begins, if all that expired of it from `resume` on was transaction markers; else 0."""
    place = (MARKED_TOPIC, number)
    return vouched_to(resume, findings.starts[place], findings.committed.get(place, -1), findings.ends[place])


def missing_intake(partition: Partition, findings: Findings) -> str | None:
    """What says that records to be decided are gone, if anything does."""
    for topic, resume in zip(INTAKE_TOPICS, partition.resume, strict=True):
        start, end = findings.starts[topic, partition.number], findings.ends[topic, partition.number]
        if start > resume:
            return f"{topic} begins at {start}, but {resume} is to be decided next: records expired undecided"
        if end < resume:
            return f"{topic} ends at {end}, but records up to {resume} were decided: it is not the same log"
    return None


def compare_committed(partition: Partition, findings: Findings) -> None:
    """Alarm of committed offsets that are not where they belong: something lost or touched them."""
    for topic, resume in zip(INTAKE_TOPICS, partition.resume, strict=True):
        place = (topic, partition.number)
        committed = findings.committed.get(place, -1)
        past_markers = topic == MARKED_TOPIC and resume <= committed <= findings.ends[place]
        if committed != resume and (committed >= 0 or resume > 0) and not past_markers:
            metrics.COMMITTED_DIFFERS.labels(topic, partition.number).inc()
            log.error(
                "committed offset differs from the ledger; the ledger counts",
                extra={
                    "topic": topic,
                    "partition": partition.number,
                    "committed": committed,
                    "ledger": resume,
                },
            )


class Round:
    """The questions for some partitions. `findings` is polled; questions that failed are asked again from the first."""

    def __init__(
        self,
        admin: AdminClient,
        consumer: Consumer,
        partitions: Collection[int],
        folded: Callable[[int], int],
    ) -> None:
        """`consumer` knows what the group has committed, `folded` how far a partition of the ledger is folded."""
        self.partitions = frozenset(partitions)
        self._position = folded
        self._admin = admin
        self._consumer = consumer
        self._intake = [
            (topic, partition) for topic in INTAKE_TOPICS for partition in sorted(self.partitions)
        ]
        self._question: CommittedOffsets | None = None
        self._committed: dict[Place, int] = {}
        self._bounds: LogBounds | None = None
        self._folded: dict[int, int] = {}
        self._not_before = 0.0
        self._began = self._answered = time.monotonic()
        self.unstable = False
        """Whether offsets were not told while Kafka answers: a transaction that carries some is open still."""
        self._ask()

    def _ask(self) -> None:
        self._question = CommittedOffsets(self._consumer, self._intake)
        self._bounds = None

    def _failed(self, exception: KafkaException) -> None:
        """Ask again a little later, for some time. The admin client would go on asking a leader that is none any more
        (FENCED_LEADER_EPOCH without end) unless it is made to look who leads."""
        log.warning("takeover: asking again", extra={"detail": str(exception)})
        answers = False
        with contextlib.suppress(KafkaException):
            self._admin.list_topics(timeout=2.0)
            answers = True
        now = time.monotonic()
        self.unstable = answers and self._bounds is None
        if self.unstable and now - self._began < _UNSTABLE:
            self._answered = now
        if now - self._answered > _PATIENCE:
            raise OutcomeUnknown(f"no answer about offsets: {exception}") from exception
        self._question, self._bounds = None, None
        self._not_before = now + _PAUSE

    def findings(self) -> Findings | None:
        """The answers, None while some are missing. Waits for nothing but, after a failure, metadata (2 s at most)."""
        if time.monotonic() < self._not_before:
            return None
        try:
            if self._question is None:
                self._ask()
            if self._bounds is None:
                if self._question is None or not self._question.ready():
                    return None
                self._committed = self._question.offsets()
                self._folded = {partition: self._position(partition) for partition in self.partitions}
                ledger = [(LEDGER, partition) for partition in self.partitions]
                self._bounds = LogBounds(self._admin, self._intake, [*self._intake, *ledger])
            if not self._bounds.ready():
                return None
            starts, ends = self._bounds.starts(), self._bounds.ends()
        except KafkaException as exception:
            self._failed(exception)
            return None
        return Findings(
            committed=self._committed,
            starts=starts,
            ends={place: end for place, end in ends.items() if place[0] != LEDGER},
            ledger_ends={partition: end for (topic, partition), end in ends.items() if topic == LEDGER},
            folded=self._folded,
        )
