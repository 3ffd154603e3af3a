"""The local Kafka node: survives kill -9, restarts, and a change of ports with its data."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from natalog.local.kafka import KafkaNode, KafkaUnavailable, find_java, find_libs
from natalog.local.shared_classes import make
from natalog.settings import load
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
        return [m.value() for m in consumer.consume(count, timeout=60)]
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


def test_its_directory_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")  # where Java would take all but ASCII for question marks
    directory = tmp_path / r"出生\u 登记=é #:𠮷"
    settings = load()
    # Formatted by Kafka's own tool, which reads the name too.
    KafkaNode(directory, 1, 2, find_libs(settings.kafka_libs), find_java(settings.java)).prepare()
    broker = Broker.start(directory)
    try:
        broker.create_topics(["t"], partitions=1)
        produce(broker, b"before")
        broker.kill()
        broker.restart()
        assert read(broker, 1) == [b"before"]
    finally:
        broker.kill()
    assert (directory / "log" / "meta.properties").is_file()
    assert list(tmp_path.iterdir()) == [directory]


def test_a_directory_kafka_would_take_for_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KafkaUnavailable, match="comma"):
        KafkaNode(tmp_path / "a,b", 1, 2, tmp_path).prepare()
    assert not list(tmp_path.iterdir())


def test_classes_of_an_archive_are_mapped_and_it_may_be_missing(tmp_path: Path) -> None:
    settings = load()
    (tmp_path / "libs").symlink_to(find_libs(settings.kafka_libs))
    libs, java = tmp_path / "libs", find_java(settings.java)

    def mapped() -> int:
        """Kafka's classes that its storage tool took from the archive."""
        node = KafkaNode(tmp_path / "node", 1, 2, libs, java)
        tool, main = node.command()[:-2], "kafka.tools.StorageTool"
        done = subprocess.run(
            [*tool, main, "random-uuid"],
            env={"JAVA_TOOL_OPTIONS": "-Xlog:class+load"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return len(re.findall(r" (?:kafka|org\.apache\.kafka)\.\S+ source: shared objects file", done.stdout))

    assert mapped() == 0
    make(libs, java)
    assert mapped() > 0
