"""A ledger on real Kafka, decided by `decide_batch` directly: no registrar takes part."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from confluent_kafka import Producer

from natalog import events
from natalog.cluster import Cluster
from natalog.decision.rules import NEWEST
from natalog.ledger.head import Head
from natalog.ledger.seal import open_with, seal_with
from natalog.ledger.step import decide_batch
from natalog.replay.kafka_logs import KafkaLogs
from natalog.replay.report import Report
from natalog.replay.verify import verify
from natalog.wire.codec import encode
from natalog.wire.partition import key_of
from natalog.wire.topics import INTAKE_TOPICS
from tests.integration.registrar.records import TOPIC_OF
from tests.ledger_check import read_logs


class Written:
    """Intake is sent by `send`, decided by `decide` in transactions, audited by `audit`."""

    def __init__(self, bootstrap: str, directory: Path) -> None:
        self.bootstrap = bootstrap
        self.directory = directory
        self.seal_key = directory / "seal.key"
        self.seal_key.write_bytes(bytes(range(32)))
        self.heads = {p: Head.genesis() for p in range(12)}
        self.states: dict[int, dict[bytes, bytes]] = {p: {} for p in range(12)}
        self.intake = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
        self.writer = self.transactional()

    def transactional(self, **settings: object) -> Producer:
        """A producer of transactions: the registrar's, or a stranger's."""
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "transactional.id": uuid.uuid4().hex,
                "transaction.timeout.ms": 60_000,
                **settings,
            }
        )
        producer.init_transactions(30)
        return producer

    def send(self, *records: events.Intake) -> None:
        for record in records:
            self.intake.produce(TOPIC_OF[type(record)], encode(record), key_of(record))
        assert self.intake.flush(30) == 0

    def put(self, topic: str, partition: int, key: bytes, value: bytes | None) -> None:
        self.intake.produce(topic, value, key, partition)
        assert self.intake.flush(30) == 0

    def decide(self, write: Callable[[bytes], bytes] = lambda value: value) -> int:
        """Decide what is on the intake and not on the ledger, until nothing is left; how many entries came.

        `write` may put other bytes on the ledger than were decided.
        """
        count = 0
        while decided := self._decide_once(write):
            count += decided
        return count

    def audit(self, *partitions: int, patience: float = 30.0) -> Report:
        """What `natalog replay verify` finds."""
        with closing(KafkaLogs(Cluster(self.bootstrap), partitions, patience=patience)) as logs:
            return verify(logs, seal=seal_with(self.seal_key), unseal=open_with(self.seal_key))

    def _decide_once(self, write: Callable[[bytes], bytes]) -> int:
        logs = read_logs(self.bootstrap, INTAKE_TOPICS)
        count = 0
        self.writer.begin_transaction()
        for partition, head in self.heads.items():
            waiting = [
                (topic, record)
                for topic, name in enumerate(INTAKE_TOPICS)
                for record in logs[name][partition]
                if record.offset > head.causes[topic]
            ]
            if not waiting:
                continue
            outcome = decide_batch(
                head,
                partition,
                [topic for topic, _ in waiting],
                [record.offset for _, record in waiting],
                [record.timestamp for _, record in waiting],
                [record.key for _, record in waiting],
                [record.value for _, record in waiting],
                self.states[partition],
                NEWEST,
                seal_with(self.seal_key),
            )
            self.heads[partition] = outcome.head
            self.states[partition].update(outcome.states)
            for key, value in outcome.entries:
                self.writer.produce("ledger", write(value), key, partition)
            for key, target, value in outcome.successions:
                self.writer.produce("certificate.invalidations", value, key, target)
            count += len(waiting)
        if count:
            self.writer.commit_transaction(30)
        else:
            self.writer.abort_transaction(30)
        return count
