"""Query records: who asked about which number and was told what, on the audit topic before the answer goes out.

The event loop itself serves the delivery reports, every millisecond while somebody waits: a thread of the producer's
would have to be given the interpreter for each of them, in the middle of the next question.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Protocol

from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    TIMESTAMP_NOT_AVAILABLE,
    KafkaError,
    Message,
)

from natalog.cluster import Cluster
from natalog.events import Principal
from natalog.gateway.intake_producer import IntakeProducer, QueueFull, TooLarge
from natalog.gateway.submission import PARTITIONS
from natalog.kafka.clients import warm_up
from natalog.wire.partition import partition_of
from natalog.wire.schemas import SCHEMAS
from natalog.wire.varint import string, varint

log = logging.getLogger(__name__)

AUDIT: Final = "queries.audit"
_RECORDED_WITHIN: Final = 3.0  # seconds
_LINGER_MS: Final = (
    2  # a request for every two milliseconds of questions; each costs the broker more than a question
)
_SERVE_EVERY: Final = 0.001  # seconds, while somebody waits
_SERVE_IDLE: Final = 0.5  # seconds; or errors that nobody fetches would pile up
_HEADER: Final = SCHEMAS["QueryRecord"].newest.header


class Sends(Protocol):
    """A producer the loop serves: reports are called from within `poll`, with the broker's time of the record."""

    def send(
        self, topic: str, partition: int, key: bytes, value: bytes, report: Callable[[int | None], None]
    ) -> None: ...

    def poll(self) -> None: ...


class AuditProducer(IntakeProducer):
    """A producer without a thread that serves its reports, and without idempotence.

    A query record that is sent again after a lost acknowledgement may stand twice; its check id says that it is one,
    and the order of queries means nothing. With idempotence librdkafka makes no request for a partition while five
    records of it are under way, and its thread spins until then (docs/benchmarks.md): 65 µs of CPU a query, now 5.
    """

    def __init__(self, cluster: Cluster, *, queue: int) -> None:
        super().__init__(
            cluster,
            "natalog-gateway-audit",
            queue=queue,
            linger_ms=_LINGER_MS,
            **{"enable.idempotence": False},
        )

    def start(self, topic: str) -> None:
        """Connect. Raises KafkaException when the cluster does not answer."""
        warm_up(self._producer, topic)

    def send(
        self, topic: str, partition: int, key: bytes, value: bytes, report: Callable[[int | None], None]
    ) -> None:
        """As `IntakeProducer.send`, but `report` gets the broker's time of the record, Unix milliseconds."""

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            kind, stamp = (TIMESTAMP_NOT_AVAILABLE, 0) if error is not None else message.timestamp()
            if kind == TIMESTAMP_CREATE_TIME:  # our own: it would confirm whatever our clock says
                log.error("queries.audit is not stamped by the broker")
            report(stamp if kind == TIMESTAMP_LOG_APPEND_TIME else None)

        self._produce(topic, value=value, key=key, partition=partition, on_delivery=on_delivery)

    def poll(self) -> None:
        """Call the reports that have come."""
        self._producer.poll(0)


class Audit:
    """Records queries. Lives on the event loop."""

    def __init__(self, producer: Sends) -> None:
        self._producer = producer
        self._waiting: deque[tuple[float, asyncio.Future[int | None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._idle = True

    def start(self) -> None:
        """Begin to serve the producer."""
        self._arm(asyncio.get_running_loop(), _SERVE_IDLE)

    def close(self) -> None:
        """Serve it no longer; whoever still waits learns that nobody knows.

        Reports that come while the producer is closed come on another thread, and find nobody.
        """
        if self._timer is not None:
            self._timer.cancel()
        for _, written in self._waiting:
            if not written.done():
                written.set_result(None)
        self._waiting.clear()

    async def record(
        self,
        unit: str,
        check_id: bytes,
        asked_at: int,
        stated: bytes,
        answers: Sequence[tuple[str, str]],
        as_of: str,
    ) -> int | None:
        """The broker's time of the query on its topic, Unix milliseconds; None when nobody knows, or it was not taken.

        `unit` is the key; `stated` as `stated` makes it; the other arguments are the fields of a QueryRecord.
        """
        loop = asyncio.get_running_loop()
        written: asyncio.Future[int | None] = loop.create_future()

        def report(offset: int | None) -> None:
            if not written.done():
                written.set_result(offset)

        key = unit.encode()
        value = query_record(check_id, asked_at, stated, answers, as_of)
        try:
            self._producer.send(AUDIT, _partition(key), key, value, report)
        except (QueueFull, TooLarge):
            return None
        self._waiting.append((loop.time() + _RECORDED_WITHIN, written))
        if self._idle:
            self._idle = False
            self._arm(loop, _SERVE_EVERY)
        return await written

    def _arm(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._serve, loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        self._producer.poll()
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            written = waiting.popleft()[1]
            if not written.done():
                written.set_result(None)
        self._idle = not waiting
        self._timer = loop.call_later(_SERVE_IDLE if self._idle else _SERVE_EVERY, self._serve, loop)


@lru_cache(10_000)
def _partition(key: bytes) -> int:
    return partition_of(key, PARTITIONS[AUDIT])


@lru_cache(10_000)
def stated(principal: Principal, purpose: str, officer: str | None) -> bytes:
    """The part of a QueryRecord that a caller's questions share: submitter, purpose, officer."""
    roles = principal.roles
    return b"".join(
        [
            string(principal.sub),
            string(principal.org),
            *([varint(len(roles)), *map(string, roles)] if roles else []),
            b"\x00",
            string(purpose),
            b"\x00" if officer is None else b"\x02" + string(officer),
        ]
    )


def query_record(
    check_id: bytes, asked_at: int, stated: bytes, answers: Sequence[tuple[str, str]], as_of: str
) -> bytes:
    """The value of a QueryRecord, as `codec.encode` makes it. `answers` are numbers with what was told of each."""
    parts = [_HEADER, check_id, varint(asked_at), stated]
    if answers:
        parts.append(varint(len(answers)))
        for number, status in answers:
            parts.append(string(number))
            parts.append(string(status))
    parts.append(b"\x00")
    parts.append(string(as_of))
    return b"".join(parts)
