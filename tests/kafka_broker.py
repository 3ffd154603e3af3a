"""A real one-node Kafka for tests, on free ports, in a directory of its own.

Fixtures (registered in tests/conftest.py):

* `kafka`: one broker per xdist worker and session, topics of topics.yaml applied. Tests sharing it must use
  keys of their own, and must not stop it.
* `own_kafka`: a broker of the test's own, without topics; stop, kill or restart it as you like.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from natalog.local import kafka as local_kafka
from natalog.local.tether import tethered
from natalog.settings import load
from tests.ports import free_port

READY_WITHIN = 120.0  # seconds

_formatted: dict[str, bytes] = {}
"""What Kafka's storage tool made for the first node of this process: each later one gets a copy of it. The tool is a
JVM of its own, a third of what a node's start costs. Nodes then share ids; no two of them ever meet."""


class Broker:
    """A running node. `pid` changes with every restart, the ports and the data do not."""

    def __init__(self, node: local_kafka.KafkaNode) -> None:
        self._node = node
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls, directory: Path, *, heap: int = 512, node: type[local_kafka.KafkaNode] = local_kafka.KafkaNode
    ) -> Self:
        """Start a node whose data lies in `directory`; returns when it answers."""
        settings = load()
        broker = cls(
            node(
                directory=directory,
                port=free_port(),
                controller_port=free_port(),
                libs=local_kafka.find_libs(settings.kafka_libs),
                java=local_kafka.find_java(settings.java),
                heap=heap,
                quick_start=True,
            )
        )
        broker._launch()
        return broker

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return self._node.bootstrap

    @property
    def directory(self) -> Path:
        """Configuration, data and output of the node."""
        return self._node.directory

    @property
    def pid(self) -> int:
        """Process id of the running node."""
        return self._running().pid

    def stop(self) -> None:
        """Shut down in an orderly way; does nothing when it is down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: the broker hangs without closing a connection."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self._running().send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop if it runs, start again on the same ports and data; returns when it answers."""
        self.stop()
        self._launch()

    def move(self) -> None:
        """Like `restart`, but on other ports."""
        self.stop()
        self._node = replace(self._node, port=free_port(), controller_port=free_port())
        self._launch()

    def create_topics(
        self, topics: Mapping[str, Mapping[str, str]] | list[str], *, partitions: int = 12
    ) -> None:
        """Create topics (name to config, or just names) for a test that needs some of its own."""
        configs = topics if isinstance(topics, Mapping) else {name: {} for name in topics}
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        wanted = [
            NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config))
            for name, config in configs.items()
        ]
        for future in admin.create_topics(wanted, operation_timeout=30).values():
            future.result()

    def apply_topics(self) -> None:
        """Create the topics of topics.yaml."""
        from natalog.kafka.topics import apply_topics

        apply_topics(self.bootstrap)

    def output(self) -> str:
        """What the node printed, for a failing test's message."""
        return (self.directory / "output.log").read_text(errors="replace")

    def _launch(self) -> None:
        self._format()
        self._node.prepare()
        with (self.directory / "output.log").open("ab") as out:
            self._process = subprocess.Popen(
                tethered(self._node.command()),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_WITHIN
        while not self._node.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{self.output()}")
            time.sleep(0.05)

    def _format(self) -> None:
        log = self.directory / "log"
        if log.exists():
            return
        if not _formatted:
            self._node.prepare()
            _formatted.update({path.name: path.read_bytes() for path in log.iterdir()})
            return
        log.mkdir(parents=True)
        for name, content in _formatted.items():
            (log / name).write_bytes(content)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the broker is down")
        return self._process


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The worker's shared broker, with all topics."""
    broker = Broker.start(tmp_path_factory.mktemp(f"kafka-{os.getpid()}"))
    try:
        broker.apply_topics()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, without topics."""
    broker = Broker.start(tmp_path / "kafka")
    try:
        yield broker
    finally:
        broker.kill()
