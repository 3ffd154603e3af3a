"""Everything that stands on the topics, for tests that search it or count it."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import Consumer, Message, TopicPartition

from natalog.wire.topics import TOPICS


def ends(bootstrap: str, *topics: str) -> dict[str, int]:
    """How many records each topic ever took (transaction markers count too)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-ends"})
    try:
        return {
            topic: sum(
                consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30)[1]
                for p in range(TOPICS[topic].partitions)
            )
            for topic in topics
        }
    finally:
        consumer.close()


def all_records(bootstrap: str, *topics: str) -> Iterator[Message]:
    """Every record of the topics, to their ends."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test-all",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    places = [TopicPartition(topic, p, 0) for topic in topics for p in range(TOPICS[topic].partitions)]
    try:
        consumer.assign(places)
        left = len(places)
        while left:
            message = consumer.poll(30)
            assert message is not None
            if message.error() is None:
                yield message
            else:
                left -= 1
    finally:
        consumer.close()
