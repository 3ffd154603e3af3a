"""What a reader of the ledger makes of what Kafka delivers at once."""

from __future__ import annotations

import time

from confluent_kafka import Producer

from natalog.cluster import Cluster
from natalog.ledger.follow import LedgerReader
from tests.kafka_broker import Broker

TOPIC = "queries.audit"
"""Which no other test on this broker reads or writes at these places."""
PLACES = (10, 11)


def test_records_and_their_logs_end_in_one_reading(kafka: Broker) -> None:
    """An end is told among the messages, with words where a record has its value: it is a position and no record."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for value in (b"a", b"b", None):
        for place in PLACES:
            producer.produce(TOPIC, value, b"k" if value else None, place)
    assert producer.flush(30) == 0
    reader = LedgerReader(Cluster(kafka.bootstrap), "test", TOPIC)
    try:
        reader.start(dict.fromkeys(PLACES, 0))
        time.sleep(
            2
        )  # until the records and the ends are in the client's hands, or the test sees less at a time
        seen: dict[int, list[tuple[int, bytes, bytes]]] = {place: [] for place in PLACES}
        quiet = time.monotonic() + 30
        while time.monotonic() < quiet:
            for stretch in reader.read(100, 0.5):
                seen[stretch.partition] += zip(stretch.offsets, stretch.keys, stretch.values, strict=True)
                assert stretch.position == (stretch.offsets[-1] + 1 if stretch.offsets else 3)
            if all(reader.position(place) == 3 for place in PLACES):
                quiet = min(quiet, time.monotonic() + 1)
    finally:
        reader.close()
    assert list(seen.values()) == [[(0, b"k", b"a"), (1, b"k", b"b"), (2, b"", b"")]] * 2
