"""Reads single entries of the ledger by partition and offset, many at a time.

Requests that come while a round is under way are answered together in the next one, in order of offset, so
that a file sent twice is read back in long runs and not entry by entry.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from natalog.cluster import Cluster
from natalog.gateway.vital import vital_thread
from natalog.kafka.clients import assigned_consumer

NEAR = 2_000
"""Offsets closer than this are reached by reading on, farther ones by seeking."""
_BEYOND = (KafkaError._PARTITION_EOF, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET)
"""What is asked for does not stand on the ledger, or not any more."""
TIMEOUT = 10.0  # seconds for one round

Place = tuple[int, int]
"""Partition and ledger offset."""


class Missing(Exception):
    """There is no committed record at that place."""


class _Shared:
    """One future for many places: done when the last of them is. Lives on the reader's thread."""

    def __init__(self, size: int) -> None:
        self.future: Future[list[bytes | None]] = Future()
        self._values: list[bytes | None] = [None] * size
        self._left = size

    def told(self, at: int, value: bytes | None, failure: Exception | None) -> None:
        self._left -= 1
        self._values[at] = value
        if self.future.done():
            return
        if failure is not None and not isinstance(failure, Missing):
            self.future.set_exception(failure)
        elif not self._left:
            self.future.set_result(self._values)


class _Part:
    """What a place of a shared future is answered with, as a future of its own would be."""

    def __init__(self, shared: _Shared, at: int) -> None:
        self._shared = shared
        self._at = at

    def set_result(self, value: bytes) -> None:
        self._shared.told(self._at, value, None)

    def set_exception(self, failure: Exception) -> None:
        self._shared.told(self._at, None, failure)


_Asked = list[tuple[Place, "Future[bytes] | _Part"]]


class EntryReader:
    """A thread with a read_committed consumer of its own."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._topic = topic
        self._cluster = cluster
        self._requests: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread = vital_thread(self._run, "ledger-reader")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def read(self, partition: int, offset: int) -> Future[bytes]:
        """The entry's value. The future raises Missing, KafkaException or TimeoutError."""
        future: Future[bytes] = Future()
        self._requests.put([((partition, offset), future)])
        return future

    def read_many(self, places: Sequence[Place]) -> Future[list[bytes | None]]:
        """The entries' values in the order asked, None where there is none. Raises KafkaException or TimeoutError."""
        shared = _Shared(len(places))
        if not places:
            shared.future.set_result([])
            return shared.future
        self._requests.put([(place, _Part(shared, at)) for at, place in enumerate(places)])
        return shared.future

    def close(self) -> None:
        """Answer what was asked, then stop."""
        self._requests.put(None)
        self._thread.join(TIMEOUT)

    def _run(self) -> None:
        consumer = assigned_consumer(
            self._cluster, "natalog-gateway-reader", ends=True, queue_kbytes=4_096, fetch_wait_ms=5
        )
        try:
            while (request := self._requests.get()) is not None:
                wanted: dict[Place, list[Future[bytes] | _Part]] = {}
                for place, future in self._pending(request):
                    wanted.setdefault(place, []).append(future)
                self._round(consumer, wanted)
        finally:
            consumer.close()

    def _pending(self, first: _Asked) -> Iterator[tuple[Place, Future[bytes] | _Part]]:
        yield from first
        while not self._requests.empty():
            request = self._requests.get()
            if request is None:
                self._requests.put(None)
                return
            yield from request

    def _round(self, consumer: Consumer, wanted: dict[Place, list[Future[bytes] | _Part]]) -> None:
        left: dict[int, list[int]] = {}
        for place in sorted(wanted, reverse=True):
            left.setdefault(place[0], []).append(place[1])  # the smallest is last

        def answer(partition: int, offset: int, value: bytes | None) -> None:
            for future in wanted.pop((partition, offset)):
                if value is None:
                    future.set_exception(Missing(f"no entry at {partition}/{offset}"))
                else:
                    future.set_result(value)

        deadline = time.monotonic() + TIMEOUT
        consumer.assign([TopicPartition(self._topic, p, offsets[-1]) for p, offsets in left.items()])
        try:
            while left and (remaining := deadline - time.monotonic()) > 0:
                message = consumer.poll(remaining)
                if message is None:
                    continue
                partition, at, error = message.partition(), message.offset(), message.error()
                if partition is None or at is None or partition not in left:
                    continue
                if error is not None and error.code() not in _BEYOND:
                    if error.fatal():
                        raise KafkaException(error)
                    continue
                offsets = left[partition]
                while offsets and (error is not None or offsets[-1] < at):
                    answer(partition, offsets.pop(), None)
                if offsets and offsets[-1] == at:
                    answer(partition, offsets.pop(), message.value())
                if not offsets:
                    del left[partition]
                    consumer.incremental_unassign([TopicPartition(self._topic, partition)])
                elif offsets[-1] - at > NEAR:
                    consumer.seek(TopicPartition(self._topic, partition, offsets[-1]))
            failure: Exception = TimeoutError("the ledger was not read in time")
        except KafkaException as error:
            failure = error
        finally:
            consumer.unassign()
        for futures in wanted.values():
            for future in futures:
                future.set_exception(failure)
