"""Reading the ledger: partitions in order, committed records only, with a position that passes what is not shown.

A position counts offsets, not records: markers and records of aborted transactions take offsets too and are never
delivered. Only the event at the end of a partition tells that reading has come past them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from natalog.cluster import Cluster
from natalog.kafka.clients import assigned_consumer

log = logging.getLogger(__name__)

LEDGER = "ledger"


@dataclass(slots=True)
class Stretch:
    """Consecutive records of one partition.

    A missing key or value (never written by a registrar) reads as b"".
    """

    partition: int
    offsets: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    position: int = -1
    """Offset that will be read next; -1 when only `outside` is told."""
    outside: str = ""
    """Not empty: the position asked for is not on the ledger, which begins later or ends earlier."""


class LedgerReader:
    """Reads partitions of the ledger, or of `topic`, each from a position of its own. Not for several threads."""

    def __init__(self, cluster: Cluster, name: str, topic: str = LEDGER) -> None:
        self._topic = topic
        self._consumer = assigned_consumer(cluster, f"{name}-{topic}", ends=True)
        self._assigned: set[int] = set()
        self._positions: dict[int, int] = {}

    @property
    def partitions(self) -> frozenset[int]:
        """Partitions being read."""
        return frozenset(self._assigned)

    def start(self, positions: Mapping[int, int]) -> None:
        """Read these partitions from these offsets, also those read already; the others go on as they were."""
        self.stop(positions.keys() & self._assigned)
        if positions:
            self._consumer.incremental_assign(
                [TopicPartition(self._topic, p, at) for p, at in positions.items()]
            )
            self._assigned |= positions.keys()
            self._positions.update(positions)

    def position(self, partition: int) -> int:
        """Offset up to which `read` has handed out a partition, markers at its end included."""
        return self._positions[partition]

    def stop(self, partitions: Iterable[int]) -> None:
        """Read these partitions no longer."""
        gone = self._assigned & set(partitions)
        if gone:
            self._consumer.incremental_unassign([TopicPartition(self._topic, p) for p in gone])
            self._assigned -= gone

    def read(self, limit: int, timeout: float) -> list[Stretch]:
        """What has come, at most `limit` records, waiting up to `timeout` seconds for the first.

        A stretch without records tells a position alone. Raises KafkaException when the client can go on no more.
        """
        first = self._consumer.poll(timeout)
        if first is None:
            return []
        stretches: dict[int, Stretch] = {}
        for partition, group in groupby([first, *self._consumer.consume(limit, 0)], Message.partition):
            if partition not in self._assigned:
                continue
            stretch = stretches.get(partition)
            if stretch is None:
                stretch = stretches[partition] = Stretch(partition)
            run = list(group)
            if any(map(Message.error, run)):
                for message in run:
                    self._add(stretch, [message])
            else:
                self._add(stretch, run)
        self._positions.update((s.partition, s.position) for s in stretches.values() if s.position >= 0)
        return [s for s in stretches.values() if s.position >= 0 or s.outside]

    def _add(self, stretch: Stretch, run: list[Message]) -> None:
        """What comes next in a stretch: one message, or several without an error among them."""
        error = run[0].error()
        if error is not None:
            self._judge(stretch, run[0].offset() or 0, error)
            return
        # A call for each field of all messages takes half as long as one for each message.
        stretch.offsets += map(Message.offset, run)
        stretch.keys += [key or b"" for key in map(Message.key, run)]
        stretch.values += [value or b"" for value in map(Message.value, run)]
        stretch.position = stretch.offsets[-1] + 1

    def close(self) -> None:
        """Give up the connections."""
        self._consumer.close()

    def _judge(self, stretch: Stretch, offset: int, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            stretch.position = offset
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            stretch.outside = error.str()
        elif error.fatal():
            raise KafkaException(error)
        else:
            detail = {"partition": stretch.partition, "code": error.name(), "detail": error.str()}
            log.warning("reading %s", self._topic, extra=detail)
