"""A Kafka of the benchmark's own: one node in a temporary directory, on free ports."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from natalog.kafka.topics import apply_topics
from natalog.local.kafka import KafkaNode, find_java, find_libs
from natalog.local.ports import choose
from natalog.local.tether import tethered
from natalog.settings import load
from natalog.wire.topics import TOPICS

INTAKE = "birth.registrations"
BACKFILL = "birth.backfill"
LEDGER = "ledger"
PEER_LEDGER = "bench.streams.ledger"
"""Where the Kafka Streams program writes; configured as the ledger is."""
PEER_LIVE_LEDGER = "bench.streams.live"
PARTITIONS = 12


class Cluster:
    """A running node with the topics of topics.yaml and those of the Kafka Streams program."""

    def __init__(self, directory: Path, *, heap: int = 1024, gc_log: Path | None = None) -> None:
        settings = load()
        ports = choose(("broker", "controller"), {})
        self.node = KafkaNode(
            directory=directory,
            port=ports["broker"],
            controller_port=ports["controller"],
            libs=find_libs(settings.kafka_libs),
            java=find_java(settings.java),
            heap=heap,
        )
        self.node.prepare()
        command = self.node.command()
        if gc_log is not None:
            command.insert(1, f"-Xlog:gc*,safepoint:file={gc_log}:time,uptime")
        with (directory / "output.log").open("ab") as out:
            self.process = subprocess.Popen(
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=directory,
                start_new_session=True,
            )
        self._wait()

    @property
    def bootstrap(self) -> str:
        """host:port."""
        return self.node.bootstrap

    def create_topics(self) -> None:
        """All topics, led."""
        apply_topics(self.bootstrap)
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        config = {k: v for k, v in TOPICS[LEDGER].config.items() if k != "min.insync.replicas"}
        own = [
            NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=config)
            for name in (PEER_LEDGER, PEER_LIVE_LEDGER)
        ]
        for future in admin.create_topics(own, operation_timeout=30).values():
            future.result()

    def close(self) -> None:
        """Stop the node."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while not self.node.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError((self.node.directory / "output.log").read_text(errors="replace"))
            time.sleep(0.1)


def preload_producer(bootstrap: str) -> Producer:
    """For writing much at once, in order, in large batches."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "message.max.bytes": 262_144,
            "batch.size": 240_000,
            "batch.num.messages": 10_000,
            "linger.ms": 20,
            "queue.buffering.max.messages": 100_000,
        }
    )
