"""The local Kafka node: survives kill -9, restarts, and a change of ports with its data."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from tests.kafka_broker import Broker


def produce(broker: Broker, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
    producer.produce("t", value, partition=0)
    assert producer.flush(30) == 0


def read(broker: Broker, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.subscribe(["t"])
        return [m.value() for m in consumer.consume(count, timeout=30)]
    finally:
        consumer.close()


def test_shared_broker_has_the_topics(kafka: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    topics = admin.list_topics(timeout=10).topics
    assert len(topics["ledger"].partitions) == 12
    assert len(topics["birth.registrations"].partitions) == 12


def test_records_survive_kill_and_change_of_ports(own_kafka: Broker) -> None:
    own_kafka.create_topics(["t"], partitions=1)
    produce(own_kafka, b"before kill")
    first, bootstrap = own_kafka.pid, own_kafka.bootstrap
    own_kafka.kill()
    own_kafka.restart()
    assert own_kafka.pid != first
    assert own_kafka.bootstrap == bootstrap
    produce(own_kafka, b"after kill")
    own_kafka.move()
    assert own_kafka.bootstrap != bootstrap
    assert read(own_kafka, 2) == [b"before kill", b"after kill"]
