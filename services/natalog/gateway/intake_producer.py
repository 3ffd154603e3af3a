"""Sends intake records: idempotent, never transactional, every partition named by the sender."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from natalog.cluster import Cluster
from natalog.exits import Exit
from natalog.gateway.vital import vital_thread
from natalog.kafka.clients import intake_producer, warm_up

log = logging.getLogger(__name__)

TIMEOUT_MS = 30_000
"""How long a record may stay in the local queue; after that nobody knows, and the sender sends again."""


class QueueFull(Exception):
    """Nothing was sent: the local queue holds as much as it may."""


class TooLarge(Exception):
    """Nothing was sent: the record is larger than the topic takes."""


class IntakeProducer:
    """A producer with a thread of its own that serves delivery reports."""

    def __init__(
        self,
        cluster: Cluster,
        name: str = "natalog-gateway",
        *,
        queue: int,
        queue_mib: int = 256,
        linger_ms: int = 1,
        **more: str | int | bool | float,
    ) -> None:
        self._producer = intake_producer(
            cluster,
            name,
            **{
                "queue.buffering.max.messages": queue,
                "queue.buffering.max.kbytes": queue_mib * 1_024,
                "linger.ms": linger_ms,
                "message.timeout.ms": TIMEOUT_MS,
                # A callback among settings that are typed as plain values.
                "error_cb": _on_error,  # type: ignore[arg-type]
                **more,
            },
        )
        self._stop = threading.Event()
        self._thread = vital_thread(self._serve, "producer")

    def start(self, topic: str) -> None:
        """Connect, so that the first record need not wait, and begin to serve delivery reports.

        Raises KafkaException when the cluster does not answer.
        """
        warm_up(self._producer, topic)
        self._thread.start()

    def send(
        self, topic: str, partition: int, key: bytes, value: bytes, report: Callable[[int | None], None]
    ) -> None:
        """Queue a record. `report` gets its offset, or None when the outcome is unknown, on another thread.

        Raises QueueFull or TooLarge; then nothing was queued and `report` is never called.
        """

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            report(message.offset() if error is None else None)

        self._produce(topic, value=value, key=key, partition=partition, on_delivery=on_delivery)

    def put(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        """Queue a record whose delivery nobody needs to be told. Raises as `send`.

        A report takes the interpreter away from the other threads once per record; without, none is taken.
        """
        self._produce(topic, value=value, key=key, partition=partition)

    @property
    def waiting(self) -> int:
        """Records that are queued or on their way."""
        return len(self._producer)

    def _produce(self, topic: str, **record: Any) -> None:
        try:
            self._producer.produce(topic, **record)
        except BufferError:
            raise QueueFull from None
        except KafkaException as error:
            if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise TooLarge from None
            raise

    def close(self, timeout: float) -> None:
        """Send what is queued, within `timeout` seconds."""
        self._producer.flush(timeout)
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(0.2)


def _on_error(error: KafkaError) -> None:
    # What is not fatal librdkafka mends by itself; that Kafka is away the sampler says.
    if error.fatal():
        # An idempotent producer that lost its sequence can send nothing more. Crash-only: start anew.
        log.critical("the producer failed for good, ending", extra={"error": error.name()})
        os._exit(Exit.DIFFERS)
