"""The logs of a running Kafka: committed records up to ends that are sampled once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, KafkaException, TopicPartition

from natalog.cluster import Cluster
from natalog.kafka.clients import admin_client, assigned_consumer
from natalog.kafka.offsets import LogBounds
from natalog.ledger.follow import LEDGER
from natalog.ledger.step import PARTITIONS
from natalog.replay.source import Record, Stalled
from natalog.wire.topics import INTAKE_TOPICS

_BATCH = 4_000
PATIENCE = 30.0
"""Seconds without a record before the end; open transactions end within ten, the registrar's time-out."""


class KafkaLogs:
    """A `source.Source` on Kafka. `close` it.

    Raises KafkaException when Kafka cannot be reached or has no ledger.
    """

    def __init__(
        self, cluster: Cluster, partitions: Sequence[int] = (), *, patience: float = PATIENCE
    ) -> None:
        self._cluster = cluster
        self._partitions = list(partitions) or list(range(PARTITIONS))
        self._patience = patience
        self._consumers: dict[str, Consumer] = {}
        self._admin = admin_client(cluster, "replay")
        found = self._admin.list_topics(LEDGER, 10).topics[LEDGER]
        if found.error is not None:
            raise KafkaException(found.error)
        ledger = [(LEDGER, p) for p in self._partitions]
        intake = [(topic, p) for topic in INTAKE_TOPICS for p in self._partitions]
        # In this order: what an entry below `settled` stems from lies below `ends`, and what entries below `ends`
        # sent lies below the ends of the intake. All are high watermarks: an open transaction is waited for.
        self._settled = LogBounds(self._admin, [], ledger).ends()
        bounds = LogBounds(self._admin, ledger, ledger)
        self._starts, self._ends = bounds.starts(), bounds.ends()
        bounds = LogBounds(self._admin, intake, intake)
        self._starts |= bounds.starts()
        self._ends |= bounds.ends()

    @property
    def partitions(self) -> Sequence[int]:
        return self._partitions

    @property
    def offsets(self) -> int:
        """Ledger offsets to be read, markers counted."""
        return sum(self._ends[LEDGER, p] - self._starts[LEDGER, p] for p in self._partitions)

    def ledger(self, partition: int) -> Iterator[list[Record]]:
        return self._read(LEDGER, partition)

    def ledger_bounds(self, partition: int) -> tuple[int, int]:
        return self._starts[LEDGER, partition], self._ends[LEDGER, partition]

    def settled(self, partition: int) -> int:
        return self._settled[LEDGER, partition]

    def intake(self, topic: str, partition: int) -> Iterator[list[Record]]:
        return self._read(topic, partition)

    def intake_start(self, topic: str, partition: int) -> int:
        return self._starts[topic, partition]

    def close(self) -> None:
        """Give up the connections."""
        for consumer in self._consumers.values():
            consumer.close()
        self._consumers.clear()

    def _read(self, topic: str, partition: int) -> Iterator[list[Record]]:
        position, end = self._starts[topic, partition], self._ends[topic, partition]
        if position >= end:
            return
        consumer = self._consumer(topic)
        consumer.assign([TopicPartition(topic, partition, position)])
        progress = time.monotonic()
        while position < end:
            first = consumer.poll(0.2)
            records: list[Record] = []
            for message in () if first is None else (first, *consumer.consume(_BATCH, 0)):
                if message.partition() != partition:
                    continue  # of an assignment before
                error = message.error()
                if error is not None:
                    position = max(position, self._judge(topic, partition, message.offset(), error))
                    continue
                offset = message.offset()
                assert offset is not None
                if offset < end:
                    key, (stamp, at) = message.key() or b"", message.timestamp()
                    by_broker = stamp == TIMESTAMP_LOG_APPEND_TIME
                    records.append(Record(offset, at, key, message.value(), by_broker))
                position = offset + 1
            if records:
                progress = time.monotonic()
                yield records
            elif position < end and time.monotonic() - progress > self._patience:
                self._admin.list_topics(topic, 10)  # raises where it is Kafka that does not answer
                raise Stalled(topic, partition, position, end)
        consumer.unassign()

    def _judge(self, topic: str, partition: int, offset: int | None, error: KafkaError) -> int:
        """Position that an event which is no record tells."""
        if error.code() == KafkaError._PARTITION_EOF:
            return offset or 0
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            # Retention took the log's beginning between sampling and reading.
            start = LogBounds(self._admin, [(topic, partition)], []).starts()[topic, partition]
            self._starts[topic, partition] = start
            self._consumer(topic).assign([TopicPartition(topic, partition, start)])
            return start
        if error.fatal():
            raise KafkaException(error)
        return -1

    def _consumer(self, topic: str) -> Consumer:
        if topic not in self._consumers:
            # Short fetches: the consumer is given one partition after the other.
            self._consumers[topic] = assigned_consumer(
                self._cluster, f"replay-{topic}", ends=True, fetch_wait_ms=10
            )
        return self._consumers[topic]
