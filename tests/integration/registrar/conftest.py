"""One broker for all registrar tests of a worker; each test gets empty topics and a group of its own."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupState, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from natalog.events import Entry
from natalog.ledger.seal import seal_with
from natalog.wire.topics import TOPICS
from tests.integration.registrar.process import RegistrarProcess
from tests.integration.registrar.records import Sender
from tests.kafka_broker import Broker
from tests.ledger_check import Checked, chain_of, check_ledger, read_logs
from tests.waiting import until


@pytest.fixture(scope="session")
def registrar_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker.start(tmp_path_factory.mktemp(f"registrar-kafka-{os.getpid()}"))
    try:
        yield broker
    finally:
        broker.stop()


class Bench:
    """An empty ledger, and what a test needs around it."""

    def __init__(self, broker: Broker, directory: Path) -> None:
        self.broker = broker
        self.bootstrap = broker.bootstrap
        self.directory = directory
        self.group = f"registrar-{uuid.uuid4().hex[:8]}"
        self.seal_key = directory / "seal.key"
        self.seal_key.write_bytes(bytes(range(32)))
        self.sender = Sender(self.bootstrap)
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap})
        self.processes: list[RegistrarProcess] = []

    def registrar(self, instance: str = "r1", data: str = "", **extra: object) -> RegistrarProcess:
        """Start one. The same `instance` keeps its state, unless `data` names another directory."""
        # RUNNER_WITHOUT in the tests' own environment takes guards out of every registrar (see guards.py).
        out = (extra.pop("without", None), os.environ.get("RUNNER_WITHOUT"))
        extra["without"] = ",".join(str(guards) for guards in out if guards)
        process = RegistrarProcess(
            bootstrap=self.bootstrap,
            data=self.directory / (data or instance),
            group=self.group,
            instance=f"{self.group}-{instance}",
            seal_key=self.seal_key,
            **extra,  # type: ignore[arg-type]
        )
        self.processes.append(process)
        return process

    def check(self, **options: object) -> Checked:
        """The ledger against the intake."""
        return check_ledger(self.bootstrap, seal=seal_with(self.seal_key), **options)  # type: ignore[arg-type]

    def count(self) -> int:
        """Records on the ledger; -1 while an open transaction hides its end."""
        try:
            return sum(map(len, read_logs(self.bootstrap, ["ledger"], timeout=2)["ledger"].values()))
        except AssertionError:
            return -1

    def eventually(self, entries: int, timeout: float = 60.0, **options: object) -> Checked:
        """The ledger, once it has that many entries (more are an error)."""
        deadline = time.monotonic() + timeout
        while True:
            ledger = read_logs(self.bootstrap, ["ledger"])["ledger"]
            if sum(map(len, ledger.values())) >= entries or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        checked = self.check(complete=False)
        logs = "\n".join(process.log() for process in self.processes)
        assert checked.count == entries, f"{checked.count} entries instead of {entries}\n{logs}"
        return self.check(**options)

    def eventually_valid(self, entries: int, timeout: float = 60.0, *, complete: bool = True) -> Checked:
        """Like `eventually`, counting valid entries only: for ledgers with void ones."""
        deadline = time.monotonic() + timeout
        while (checked := self.check(complete=False)).count < entries and time.monotonic() < deadline:
            time.sleep(0.2)
        logs = "\n".join(process.log() for process in self.processes)
        assert checked.count == entries, f"{checked.count} entries instead of {entries}\n{logs}"
        return self.check(complete=complete)

    def chain(self, partition: int) -> list[Entry]:
        """Valid entries of a partition, their inputs not compared with the intake."""
        checked = Checked()
        chain_of(partition, read_logs(self.bootstrap, ["ledger"])["ledger"][partition], checked)
        return checked.entries[partition]

    def wait_until_left(self) -> None:
        """Until the group has no member any more: only then it lets people set its offsets, or delete it. A static
        member that was killed is one until its session ends."""
        until(
            lambda: (
                self.admin.describe_consumer_groups([self.group])[self.group].result().state
                is ConsumerGroupState.EMPTY
            )
        )

    def no_transaction_is_open(self) -> bool:
        """Whether none hides anything of the ledger: the broker has ended those that timed out."""
        places = [TopicPartition("ledger", partition) for partition in range(12)]
        stable, all_ = (
            [
                end.result().offset
                for end in self.admin.list_offsets(
                    dict.fromkeys(places, OffsetSpec.latest()), isolation_level=level
                ).values()
            ]
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        return stable == all_

    def empty(self) -> None:
        """Delete all topics and make them anew."""
        empty_topics(self.broker)

    def close(self) -> None:
        for process in self.processes:
            process.close()


def empty_topics(broker: Broker) -> None:
    """Delete all topics and make them anew."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    old = [topic for topic in admin.list_topics(timeout=10).topics if not topic.startswith("__")]
    if old:
        for future in admin.delete_topics(old, operation_timeout=30).values():
            future.result()
    # The controller has deleted them; a broker that has not heard of it yet would say that all are there.
    until(lambda: admin.list_topics(timeout=10).topics.keys().isdisjoint(old))

    def made() -> bool:
        try:
            broker.apply_topics()
            found = admin.list_topics(timeout=10).topics
        except KafkaException:
            return False
        return found.keys() >= TOPICS.keys() and all(
            place.leader >= 0 for topic in found.values() for place in topic.partitions.values()
        )

    until(made)


@pytest.fixture
def bench(registrar_broker: Broker, tmp_path: Path) -> Iterator[Bench]:
    empty_topics(registrar_broker)
    bench = Bench(registrar_broker, tmp_path)
    try:
        yield bench
    finally:
        bench.close()


@pytest.fixture
def own_bench(own_kafka: Broker, tmp_path: Path) -> Iterator[Bench]:
    """With a broker that the test may kill."""
    own_kafka.apply_topics()
    bench = Bench(own_kafka, tmp_path)
    try:
        yield bench
    finally:
        bench.close()
