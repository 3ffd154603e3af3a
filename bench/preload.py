"""Writing records into an intake topic before they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, Message

from bench.cluster import preload_producer


def preload(
    bootstrap: str,
    topic: str,
    records: Iterable[tuple[bytes, bytes]],
    tick: Callable[[int], None] = lambda _: None,
) -> int:
    """Write all records; the number of them. `tick` is told of progress. Raises RuntimeError when one is lost."""
    producer = preload_producer(bootstrap)
    lost: list[str] = []

    def reported(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            lost.append(error.str())

    count = 0
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key, on_delivery=reported)
                break
            except BufferError:
                producer.poll(0.05)
        count += 1
        if count % 5_000 == 0:
            producer.poll(0)
            tick(5_000)
    producer.flush(60)
    tick(count % 5_000)
    if lost or len(producer):
        raise RuntimeError(f"{len(lost) + len(producer)} records were not written: {lost[:1]}")
    return count
