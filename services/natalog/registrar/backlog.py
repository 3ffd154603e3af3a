"""How many intake records wait for a decision, and for how long: gauges, kept by a thread of its own.

Not by the loop that decides, for what matters is the time when that does not go on: a halted partition, intake that
is not delivered. The age is that of the record itself, read where its partition's decisions stopped, so it survives a
restart and does not depend on when anybody looked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from natalog import metrics
from natalog.cluster import Cluster
from natalog.kafka.clients import admin_client, assigned_consumer
from natalog.kafka.offsets import LogBounds, Place

log = logging.getLogger(__name__)

_EVERY = 2.0  # seconds
_WITHIN = 1.0  # seconds for reading the oldest records


class Backlog:
    """`undecided_from` tells the next offset to decide of each log this registrar answers for; from the thread."""

    def __init__(
        self, cluster: Cluster, name: str, undecided_from: Callable[[], Mapping[Place, int]]
    ) -> None:
        self._cluster = cluster
        self._name = name
        self._undecided_from = undecided_from
        self._exported: set[Place] = set()

    def start(self) -> None:
        """Begin to measure; goes on until the process ends."""
        threading.Thread(target=self._run, name="backlog", daemon=True).start()

    def _run(self) -> None:
        self._admin = admin_client(self._cluster, f"{self._name}-backlog")
        self._consumer = assigned_consumer(
            self._cluster, f"{self._name}-backlog", ends=True, fetch_wait_ms=5, partition_share=1
        )
        while True:
            try:
                self._measure(self._undecided_from())
            except KafkaException as error:
                log.warning("backlog not known", extra={"error": error.args[0].name()})
            time.sleep(_EVERY)

    def _measure(self, undecided_from: Mapping[Place, int]) -> None:
        ends = LogBounds(self._admin, (), undecided_from).ends()
        waiting = {
            place: max(0, ends[place] - offset) for place, offset in undecided_from.items() if place in ends
        }
        oldest = self._oldest({p: undecided_from[p] for p, count in waiting.items() if count})
        now = time.time()
        for place in self._exported - waiting.keys():
            metrics.UNDECIDED.remove(*place)
            metrics.OLDEST_UNDECIDED.remove(*place)
            metrics.DECIDED_TO.remove(*place)
        for place, count in waiting.items():
            at = oldest.get(place) if count else 0
            if at == 0:  # none waits: what lies there are transaction markers, or it was decided meanwhile
                count = 0
            metrics.UNDECIDED.labels(*place).set(count)
            metrics.DECIDED_TO.labels(*place).set(undecided_from[place])
            if at is not None:
                metrics.OLDEST_UNDECIDED.labels(*place).set(max(0.0, now - at / 1000) if at else 0.0)
        self._exported = set(waiting)

    def _oldest(self, offsets: Mapping[Place, int]) -> dict[Place, int]:
        """Broker time (Unix ms) of the first record from each offset on, 0 where there is none.

        A log that does not answer in time is left out.
        """
        found: dict[Place, int] = {}
        if not offsets:
            return found
        self._consumer.assign([TopicPartition(topic, p, offset) for (topic, p), offset in offsets.items()])
        deadline = time.monotonic() + _WITHIN
        try:
            while len(found) < len(offsets) and (left := deadline - time.monotonic()) > 0:
                message = self._consumer.poll(left)
                if message is None:
                    break
                topic, partition, error = message.topic(), message.partition(), message.error()
                if topic is None or partition is None or (topic, partition) in found:
                    continue
                if error is None:
                    found[topic, partition] = message.timestamp()[1]
                elif error.code() == KafkaError._PARTITION_EOF:
                    found[topic, partition] = 0
                else:
                    continue
                self._rest([(topic, partition)])
        finally:
            self._consumer.unassign()
        return found

    def _rest(self, places: Collection[Place]) -> None:
        """Fetch no more of these."""
        self._consumer.incremental_unassign([TopicPartition(topic, p) for topic, p in places])
