"""One Kafka node (KRaft, broker and controller in one) from jars, without containers.

The settings were tried on Kafka 4.3.1 with Java 17. The quorum is static (`controller.quorum.voters`), not
dynamic: a dynamic quorum writes the controller's port into its log, and a second start may need another.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from natalog.local.ports import LOOPBACK
from natalog.resources import checkout, resource


class KafkaUnavailable(Exception):
    """Kafka cannot be started on this machine; the text says what to install."""

    safe_to_log = True


@dataclass(frozen=True, slots=True)
class KafkaNode:
    """Where one node lives and how it is started. `heap` is the JVM's maximum heap in MiB."""

    directory: Path
    port: int
    controller_port: int
    libs: Path
    java: str = "java"
    heap: int = 1024
    quick_start: bool = False

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def properties(self) -> Path:
        """The file the node is configured by."""
        return self.directory / "server.properties"

    def prepare(self) -> None:
        """Write the configuration; format the storage on the first start.

        Raises KafkaUnavailable when Java is missing or refuses, or Kafka could not use the directory.
        """
        if "," in str(self.directory):
            raise KafkaUnavailable(
                f"Kafka takes a comma for the end of a directory: choose one without it, not {self.directory}"
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        self.properties.write_text(
            "".join(f"{key}={_escaped(value)}\n" for key, value in self._configuration().items()), "ascii"
        )
        if (self.directory / "log" / "meta.properties").is_file():
            return
        cluster_id = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
        if cluster_id.startswith("-"):  # an option to the tool's argument parser
            cluster_id = "A" + cluster_id[1:]
        format_storage = [
            *self._java("kafka.tools.StorageTool", heap=256),
            "format",
            "--cluster-id",
            cluster_id,
            "--config",
            str(self.properties),
        ]
        done = subprocess.run(format_storage, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KafkaUnavailable(f"formatting Kafka's storage failed: {done.stderr or done.stdout}")

    def command(self, *options: str) -> list[str]:
        """The command line that runs the node in the foreground, with further `options` of the JVM."""
        return [*self._java("kafka.Kafka", *options, heap=self.heap), str(self.properties)]

    def answers(self, timeout: float = 0.2) -> bool:
        """Whether something listens on the client port; `timeout` in seconds."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout):
                return True
        except OSError:
            return False

    def is_ready(self) -> bool:
        """Whether it serves clients: it listens, and names itself as a broker. Takes up to five seconds."""
        if not self.answers():
            return False
        try:
            admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return len(admin.list_topics(timeout=5).brokers) == 1
        except KafkaException:
            return False

    def _java(self, main: str, *options: str, heap: int) -> list[str]:
        # C1 alone saves a second at each start; only for tests, whose brokers live for seconds. Else the parallel
        # collector: its pauses take a few ms at this heap, those of G1, the default, some 20 on two cores.
        quick = (
            ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] if self.quick_start else ["-XX:+UseParallelGC"]
        )
        archive = shared_classes(self.libs)
        return [
            # Java reads and writes the names of files in the locale's encoding, and would replace what that lacks.
            *("env", "LC_ALL=C.UTF-8"),
            self.java,
            f"-Xmx{heap}m",
            *quick,
            *([f"-XX:SharedArchiveFile={archive}"] if archive.is_file() else []),
            "-Djava.awt.headless=true",
            # Native libraries are unpacked there, and a killed node leaves them.
            f"-Djava.io.tmpdir={self.directory}",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            *options,
            "-cp",
            f"{self.libs}/*",
            main,
        ]

    def _configuration(self) -> dict[str, str]:
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"BROKER://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"BROKER://{LOOPBACK}:{self.port}",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            "log.dirs": str(self.directory / "log"),
            # One node: there is nobody to replicate to.
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # Fewer internal partitions: each costs files and start-up time, and there is one registrar group.
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            # A node killed with kill -9 may come back only when its old session has expired (default 9 s).
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "1000",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "transaction.max.timeout.ms": "60000",
            "unclean.leader.election.enable": "false",
            "message.max.bytes": str(1 << 20),
            "log.retention.check.interval.ms": "60000",
        }


def _escaped(value: str) -> str:
    """A value in a Java properties file: ASCII, anything else as UTF-16 units (java.util.Properties, load)."""
    units = memoryview(value.encode("utf-16-be")).cast("B")
    codes = [units[i] << 8 | units[i + 1] for i in range(0, len(units), 2)]
    return "".join(chr(c) if c < 0x80 and c != 0x5C else f"\\u{c:04x}" for c in codes)


def find_libs(configured: Path | None) -> Path:
    """Directory with Kafka's jars: the configured one, or what scripts/setup put into the checkout.

    Raises KafkaUnavailable saying how to get them.
    """
    top = checkout()
    for candidate in (configured, top / ".kafka" / "libs" if top else None):
        if candidate is not None and any(candidate.glob("kafka_2.13-*.jar")):
            return candidate.resolve()
    raise KafkaUnavailable(
        "Kafka's jars are missing. In a checkout run `make setup`. Elsewhere run `mvn -f POM "
        "dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=LIBS` with "
        f"POM={resource('deploy/kafka/pom.xml')} and set NATALOG_KAFKA_LIBS=LIBS."
    )


def shared_classes(libs: Path) -> Path:
    """Where the archive of Kafka's classes is kept for these jars; it may not be there (`shared_classes.py`)."""
    return libs.parent / "classes.jsa"


def find_java(configured: str) -> str:
    """Path of the java command. Raises KafkaUnavailable saying what to install."""
    found = shutil.which(configured)
    if found is None:
        raise KafkaUnavailable(
            f"`{configured}` is not there: install a Java 17 runtime (Debian: apt-get install "
            "openjdk-17-jre-headless) or set NATALOG_JAVA to the command."
        )
    return found
