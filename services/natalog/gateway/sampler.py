"""Asks Kafka, several times a second, where ledger and live intake end.

Ends are high watermarks, read uncommitted: a read_committed end stops short of an open transaction and would
make a lagging replica look up to date. On an intake topic the registrar writes transactionally
(certificate.invalidations: successions) the end may lie behind a commit marker, where no record is; what lies
between the last decided record and the end is then read to learn whether anything is left.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from natalog.cluster import Cluster
from natalog.gateway.clock import Clock
from natalog.gateway.freshness import Freshness, Sample
from natalog.gateway.vital import vital_thread
from natalog.kafka.clients import admin_client, assigned_consumer
from natalog.kafka.offsets import LogBounds

log = logging.getLogger(__name__)

TIMEOUT = 2.0  # seconds one question may take before Kafka counts as away
_MARKERS_WITHIN = 0.5  # seconds


class Sampler:
    """A thread that feeds `Freshness`.

    `topics` are the live intake topics in the order of `Freshness.causes`; `transactional` those of them that
    hold transaction markers.
    """

    def __init__(
        self,
        cluster: Cluster,
        freshness: Freshness,
        clock: Clock,
        *,
        ledger: str,
        topics: Sequence[str],
        transactional: frozenset[str],
        partitions: int,
        every: float,
    ) -> None:
        self._cluster = cluster
        self._freshness = freshness
        self._clock = clock
        self._ledger = ledger
        self._topics = tuple(topics)
        self._transactional = tuple(i for i, topic in enumerate(topics) if topic in transactional)
        self._partitions = partitions
        self._every = every
        self._stop = threading.Event()
        self._thread = vital_thread(self._run, "sampler")
        self._admin = admin_client(cluster, "natalog-gateway")
        self._markers = _Markers(cluster)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def close(self) -> None:
        """Stop; waits for a question under way."""
        self._stop.set()
        self._thread.join(TIMEOUT + 1.0)

    def _run(self) -> None:
        trouble = ""
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._sample(self._clock.mono())
                if self._freshness.failing:
                    log.info("kafka answers again")
                self._freshness.failing, trouble = False, ""
            except KafkaException as error:
                if error.args[0].name() != trouble:
                    trouble = error.args[0].name()
                    log.warning("kafka does not answer", extra={"error": trouble})
                self._freshness.failing = True
                # Else the client goes on asking a leader that is none any more (FENCED_LEADER_EPOCH without end).
                with contextlib.suppress(KafkaException):
                    self._admin.list_topics(timeout=TIMEOUT)
            self._stop.wait(max(0.01, self._every - (time.monotonic() - began)))
        self._markers.close()

    def _sample(self, now: int) -> None:
        told = self._clock.at(now)
        places = [(topic, p) for topic in (self._ledger, *self._topics) for p in range(self._partitions)]
        bounds = LogBounds(self._admin, [], places)
        deadline = time.monotonic() + TIMEOUT
        while not bounds.ready():
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            time.sleep(0.002)
        ends = bounds.ends()
        for partition in range(self._partitions):
            causes = self._freshness.causes(partition)
            if not causes:
                continue  # nothing folded yet
            intake = tuple(ends[topic, partition] for topic in self._topics)
            self._freshness.sampled(partition, Sample(now, ends[self._ledger, partition], intake, told))
            for place in self._transactional:
                if not self._freshness.decided(partition, place, intake[place]):
                    start = causes[place] + 1
                    end = self._markers.empty_to(self._topics[place], partition, start)
                    if end is not None:
                        self._freshness.empty(partition, place, start, end)


class _Markers:
    """Reads on from a decided record to learn whether another one follows."""

    def __init__(self, cluster: Cluster) -> None:
        self._consumer = assigned_consumer(cluster, "natalog-gateway-markers", ends=True, fetch_wait_ms=5)

    def empty_to(self, topic: str, partition: int, start: int) -> int | None:
        """The offset up to which nothing but markers and aborted records follows `start`; None when a record does."""
        self._consumer.assign([TopicPartition(topic, partition, start)])
        try:
            message = self._consumer.poll(_MARKERS_WITHIN)
        finally:
            self._consumer.unassign()
        error = None if message is None else message.error()
        if message is None or error is None or error.code() != KafkaError._PARTITION_EOF:
            return None
        # In read_committed the end met here stops before an open transaction: what lies behind may still count.
        offset: int | None = message.offset()
        return offset

    def close(self) -> None:
        self._consumer.close()
