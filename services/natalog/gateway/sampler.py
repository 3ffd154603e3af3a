"""Asks Kafka, several times a second, where ledger and live intake end.

Ends are high watermarks, read uncommitted: a read_committed end stops short of an open transaction and would
make a lagging replica look up to date. So an end may lie behind offsets that hold no record; tails.py looks.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from natalog.cluster import Cluster
from natalog.gateway.clock import Clock
from natalog.gateway.expired import Expired
from natalog.gateway.freshness import Freshness, Sample
from natalog.gateway.tails import Tails
from natalog.gateway.vital import vital_thread
from natalog.kafka.clients import admin_client, offsets_consumer
from natalog.kafka.offsets import CommittedOffsets, LogBounds
from natalog.ledger.follow import LedgerReader
from natalog.ledger.probe import Probe
from natalog.wire.topics import MARKED_TOPIC

log = logging.getLogger(__name__)

TIMEOUT = 2.0  # seconds one question may take before Kafka counts as away


class Sampler:
    """A thread that feeds `Freshness`. `topics` are the live intake topics in the order of `Freshness.causes`, `group`
    is that of the registrars."""

    def __init__(
        self,
        cluster: Cluster,
        freshness: Freshness,
        clock: Clock,
        *,
        ledger: str,
        topics: Sequence[str],
        partitions: int,
        group: str,
        every: float,
    ) -> None:
        self._cluster = cluster
        self._freshness = freshness
        self._clock = clock
        self._ledger = ledger
        self._topics = tuple(topics)
        self._partitions = partitions
        self._every = every
        self._group = group
        self._stop = threading.Event()
        self._thread = vital_thread(self._run, "sampler")
        self._admin = admin_client(cluster, "natalog-gateway")
        self._tails = Tails(
            lambda topic: Probe(LedgerReader(cluster, "natalog-gateway-tails", topic)),
            Expired(
                lambda: self._admin_of_expired,
                lambda places: CommittedOffsets(self._group_offsets, places),
                self._topics.index(MARKED_TOPIC),
                freshness,
            ),
            topics,
            freshness,
        )

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def close(self) -> None:
        """Stop; waits for a question under way."""
        self._stop.set()
        self._thread.join(TIMEOUT + 1.0)

    @functools.cached_property
    def _admin_of_expired(self) -> AdminClient:
        return admin_client(self._cluster, "natalog-gateway-expired")

    @functools.cached_property
    def _group_offsets(self) -> Consumer:
        """Never closed: a question to it may be open on a thread of its own."""
        return offsets_consumer(self._cluster, self._group, "natalog-gateway")

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
        self._tails.close()

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
        intake: dict[int, tuple[int, ...]] = {}
        for partition in range(self._partitions):
            if self._freshness.causes(partition):  # else nothing is folded yet
                intake[partition] = tuple(ends[topic, partition] for topic in self._topics)
                sample = Sample(now, ends[self._ledger, partition], intake[partition], told)
                self._freshness.sampled(partition, sample)
        self._look_behind(intake)

    def _look_behind(self, ends: dict[int, tuple[int, ...]]) -> None:
        """By partition. What goes wrong here makes answers stale in time, and is no sign that Kafka is away."""
        try:
            for partition, of_topics in ends.items():
                self._tails.look(partition, of_topics, time.monotonic())
            self._tails.read()
        except KafkaException as error:
            log.warning("cannot look behind the ends of logs", extra={"error": error.args[0].name()})
