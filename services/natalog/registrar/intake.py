"""Intake records in batches: a live consumer that holds the group, and a second one for the bulk.

The live consumer subscribes to the lead topic alone and takes the same partition numbers of the other live topics
(the range assignor does not keep several topics aligned during a rolling upgrade). The second one is assigned
birth.backfill by hand. One consumer for both let live records wait seconds behind bulk already fetched.

The group's word alone delivers nothing: what it gives is `held`, and neither consumer is assigned any of it before
`open`, which starts each topic where the ledger says to go on. (Assigned at once and paused, a fetch may slip out at
an offset that has expired meanwhile; librdkafka then refuses to seek on that partition for ever.)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from natalog import metrics
from natalog.registrar.alerts import LEAD as LEAD
from natalog.registrar.alerts import Alerts, Ends
from natalog.registrar.faults import OutcomeUnknown
from natalog.wire.topics import INTAKE_TOPICS, TOPICS

log = logging.getLogger(__name__)

BULK = "birth.backfill"
LIVE_TOPICS = tuple(topic for topic in INTAKE_TOPICS if topic != BULK)
_LIVE_IS_RECENT = 1.0  # seconds


@dataclass(slots=True)
class Batch:
    """Records in hand, none of them decided. `metadata` is the group's, as it was before the first was taken."""

    groups: dict[int, list[Message]]
    """By partition, in the order they came."""
    faults: list[Message]
    metadata: object
    taken_at: float
    """time.perf_counter() when the first was in hand."""


class Intake:
    """Both consumers.

    `assigned` and `revoked` are called with partition numbers from within `take`, `resume` tells the next offset of
    each intake topic of a partition, by the ledger, `unread` the next one where a record may stand, `ends` asks where
    partitions of the lead topic end.

    `cap` bounds a batch, but for alerts that have waited. Bulk fills it only up to `bulk_cap`, since a live record that
    comes meanwhile waits behind two such batches, and up to `shared_cap` when one has come within the last second; of a
    full load of live records it still gets a twentieth.
    """

    def __init__(
        self,
        live: Consumer,
        bulk: Consumer,
        *,
        assigned: Callable[[list[int]], None],
        revoked: Callable[[list[int]], None],
        resume: Callable[[int], list[int]],
        unread: Callable[[int], list[int]],
        ends: Callable[[list[int]], Ends],
        cap: int = 8_000,
        bulk_cap: int = 2_000,
        shared_cap: int = 1_000,
    ) -> None:
        self._live = live
        self._bulk = bulk
        self._assigned = assigned
        self._revoked = revoked
        self._resume = resume
        self._unread = unread
        self._alerts = Alerts(ends)
        self._cap = cap
        self._live_cap = cap - cap // 20
        self._bulk_cap = min(bulk_cap, cap)
        self._shared_cap = min(shared_cap, cap)
        self._held: list[int] = []
        self.unknown: Sequence[int] = ()
        """Partition numbers the group has given us that the ledger does not have."""
        self._open: set[int] = set()
        self._rebalances = 0
        self._bulk_flows = False
        self._live_at = 0.0
        live.subscribe([LEAD], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)

    @property
    def held(self) -> Sequence[int]:
        """Partition numbers the group has given us, of those the ledger has."""
        return self._held

    def take(self, wait: float) -> Batch | None:
        """What is there, waiting up to `wait` seconds for the first live record; None when there is nothing.

        A batch during whose filling partitions came or went is thrown away: its records may be somebody else's now,
        while the group's metadata would already vouch for them. The client's end is not: it is told only once, and
        in the very call in which the partitions go.
        """
        rebalances = self._rebalances
        metadata = self._live.consumer_group_metadata()
        messages: list[Message] = []
        first = self._live.poll(0 if self._bulk_flows else wait)
        now = time.perf_counter()
        if first is not None:
            messages.append(first)
            messages += self._live.consume(self._live_cap - 1, 0)
            messages = self._alerts.sift(messages)
            self._live_at = now
        if self._open:
            cap = self._shared_cap if now - self._live_at < _LIVE_IS_RECENT else self._bulk_cap
            bulk = self._bulk.consume(max(cap - len(messages), self._cap - self._live_cap), 0)
            self._bulk_flows = bool(bulk)
            messages += bulk
        if self._rebalances != rebalances:
            messages = [m for m in messages if (error := m.error()) is not None and _is_fatal(error)]
            self._alerts.clear()
        groups: dict[int, list[Message]] = {}
        faults: list[Message] = []
        for message in messages:
            if message.error() is not None:
                faults.append(message)
                continue
            partition: int = message.partition()
            group = groups.get(partition)
            if group is None:
                groups[partition] = [message]
            else:
                group.append(message)
        self._alerts.release(groups, self._decided_to)
        if not groups and not faults:
            return None
        return Batch(groups, faults, metadata, now)

    def open(self, partitions: Iterable[int]) -> None:
        """Deliver these held partitions, each topic from `resume` on. Also sets back one that is open.

        Not while a batch is being filled. Raises OutcomeUnknown when the client takes no assignment any more.
        """
        self._open.update(partitions)
        self._deliver()

    def close(self, partitions: Iterable[int]) -> None:
        """Deliver these partitions no more. Like `open`."""
        gone = self._open & set(partitions)
        if gone:
            self._open -= gone
            self._deliver()

    def _deliver(self) -> None:
        """Assign what is open, all of it: a member of a group by the eager protocol cannot do so in parts.

        What the client has fetched is dropped and fetched again; no position but the ledger's is ever believed.
        """
        self._alerts.clear()
        live: list[TopicPartition] = []
        bulk: list[TopicPartition] = []
        for number in sorted(self._open):
            for topic, offset in zip(INTAKE_TOPICS, self._resume(number), strict=True):
                if topic == BULK:
                    bulk.append(TopicPartition(topic, number, offset))
                elif topic in LIVE_TOPICS:
                    live.append(TopicPartition(topic, number, offset))
        try:
            self._live.assign(live)
            self._bulk.assign(bulk)
        except KafkaException as exception:
            raise OutcomeUnknown(f"intake: {exception}") from exception

    def is_member(self, partition: int, resume: Sequence[int]) -> bool:
        """Ask the group whether a held partition is still ours, by committing what is committed already.

        A process that was stopped for a while learns of its loss only from the next answer of the group.
        """
        place = TopicPartition(LEAD, partition, resume[INTAKE_TOPICS.index(LEAD)])
        try:
            self._live.commit(offsets=[place], asynchronous=False)
        except KafkaException as exception:
            log.info("no longer a member", extra={"partition": partition, "detail": str(exception)})
            return False
        return True

    def metadata(self) -> object:
        """The group's, as it is now."""
        return self._live.consumer_group_metadata()

    def instance_fault(self, seconds: float) -> KafkaError | None:
        """Listen to the group for up to `seconds`: a fatal error if there is one. Only before ending the process."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self._live.poll(min(left, 0.1))
            if message is not None and (error := message.error()) is not None and _is_fatal(error):
                return error
        return None

    def leave(self) -> None:
        """Give up both consumers. A static member keeps its partitions until its session ends."""
        self._live.close()
        self._bulk.close()

    def _decided_to(self, number: int) -> int:
        return self._unread(number)[INTAKE_TOPICS.index(LEAD)]

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalances += 1
        given = sorted(tp.partition for tp in partitions if tp.topic == LEAD)
        self._held = [number for number in given if number < PARTITIONS]
        self._tell_unknown([number for number in given if number >= PARTITIONS])
        self._open.clear()
        self._deliver()  # nothing, or the client would assign what the group gave, from committed offsets
        self._assigned(self._held)

    def _on_revoke(self, consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._rebalances += 1
        gone, self._held = self._held, []
        self._tell_unknown([])
        self._open.clear()
        self._bulk_flows = False
        self._alerts.clear()
        consumer.unassign()
        self._bulk.unassign()
        self._revoked(gone)

    def _tell_unknown(self, numbers: Sequence[int]) -> None:
        """A number's partition is murmur2 modulo their count for ever, so what came in on others since somebody added
        them cannot be decided: they are told of as halted, and the rest goes on."""
        for number in self.unknown:
            metrics.PARTITION_HALTED.labels(number).set(0)
        self.unknown = numbers
        for number in numbers:
            metrics.PARTITION_HALTED.labels(number).set(1)
        if numbers:
            log.error(
                "unknown partitions of birth.registrations: somebody added some; nothing on them is decided",
                extra={"partitions": numbers},
            )


def _is_fatal(error: KafkaError) -> bool:
    return bool(error.fatal() or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID))


PARTITIONS = TOPICS[LEAD].partitions
