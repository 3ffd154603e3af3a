"""Asks Kafka, several times a second, where ledger and live intake end.

Ends are high watermarks, read uncommitted: a read_committed end stops short of an open transaction and would
make a lagging replica look up to date. On an intake topic the registrar writes transactionally
(certificate.invalidations: successions) the end may lie behind a commit marker, where no record is; what lies
between the last decided record and the end is then read to learn whether anything is left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from natalog.gateway.freshness import Freshness, Sample
from natalog.gateway.vital import vital_thread
from natalog.kafka.clients import admin_client, assigned_consumer
from natalog.kafka.offsets import LogBounds

log = logging.getLogger(__name__)

TIMEOUT = 2.0  # seconds one question may take before Kafka counts as away


class Sampler:
    """A thread that feeds `Freshness`.

    `topics` are the live intake topics in the order of `Freshness.causes`; `transactional` those of them that
    hold transaction markers.
    """

    def __init__(
        self,
        bootstrap: str,
        freshness: Freshness,
        *,
        ledger: str,
        topics: Sequence[str],
        transactional: frozenset[str],
        partitions: int,
        every: float,
    ) -> None:
        self._bootstrap = bootstrap
        self._freshness = freshness
        self._ledger = ledger
        self._topics = tuple(topics)
        self._transactional = transactional
        self._partitions = partitions
        self._every = every
        self._stop = threading.Event()
        self._thread = vital_thread(self._run, "sampler")
        self._admin = admin_client(bootstrap, "natalog-gateway")
        self._markers = _Markers(bootstrap)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def close(self) -> None:
        """Stop; waits for a question under way."""
        self._stop.set()
        self._thread.join(TIMEOUT + 1.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._sample(int(time.time() * 1000))
                if self._freshness.failing:
                    log.info("kafka answers again")
                self._freshness.failing = False
            except KafkaException as error:
                if not self._freshness.failing:
                    log.warning("kafka does not answer", extra={"error": error.args[0].name()})
                self._freshness.failing = True
            self._stop.wait(max(0.01, self._every - (time.monotonic() - began)))
        self._markers.close()

    def _sample(self, now: int) -> None:
        places = [(topic, p) for topic in (self._ledger, *self._topics) for p in range(self._partitions)]
        bounds = LogBounds(self._admin, [], places)
        deadline = time.monotonic() + TIMEOUT
        while not bounds.ready():
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            time.sleep(0.002)
        ends = bounds.ends()
        self._freshness.answered_at = now
        for partition in range(self._partitions):
            causes = self._freshness.causes(partition)
            if not causes:
                continue  # nothing folded yet
            intake = [
                self._last_record(topic, partition, ends[topic, partition], cause)
                for topic, cause in zip(self._topics, causes, strict=True)
            ]
            sample = Sample(sent_at=now, ledger=ends[self._ledger, partition], intake=tuple(intake))
            self._freshness.sampled(partition, sample)

    def _last_record(self, topic: str, partition: int, end: int, cause: int) -> int:
        if cause >= end - 1 or topic not in self._transactional:
            return end - 1
        return cause if self._markers.only_markers(topic, partition, cause + 1, end) else end - 1


class _Markers:
    """Whether a stretch of a topic holds no record that was or may yet be committed."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = assigned_consumer(bootstrap, "natalog-gateway-markers", ends=True, fetch_wait_ms=5)
        self._clear: dict[tuple[str, int], tuple[int, int]] = {}

    def only_markers(self, topic: str, partition: int, start: int, end: int) -> bool:
        """True when offsets `start` to `end - 1` hold markers and aborted records alone."""
        known = self._clear.get((topic, partition))
        if known is not None and known[0] <= start and end <= known[1]:
            return True
        self._consumer.assign([TopicPartition(topic, partition, start)])
        try:
            message = self._consumer.poll(TIMEOUT)
        finally:
            self._consumer.unassign()
        error = None if message is None else message.error()
        if message is None or error is None or error.code() != KafkaError._PARTITION_EOF:
            return False
        # In read_committed the end met here stops at an open transaction: what lies behind is not clear.
        reached = message.offset()
        if reached is None or reached == OFFSET_INVALID:
            return False
        self._clear[topic, partition] = (start, reached)
        return reached >= end

    def close(self) -> None:
        self._consumer.close()
