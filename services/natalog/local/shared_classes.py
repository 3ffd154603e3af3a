"""Kafka's classes, loaded once and mapped at every later start (dynamic class-data sharing, JEP 350).

    python -m natalog.local.shared_classes     part of `make setup`; some ten seconds

A node starts in half the time with it. Java ignores an archive that another Java or other jars have made, and a node
starts as well without one.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import KafkaException

from natalog.kafka.topics import apply_topics
from natalog.local.kafka import KafkaNode, KafkaUnavailable, find_java, find_libs, shared_classes
from natalog.local.ports import choose
from natalog.settings import load

_PATIENCE = 120.0  # seconds


def make(libs: Path, java: str) -> Path:
    """Run a node for a moment and keep what it has loaded. Raises KafkaUnavailable when it does not run."""
    archive = shared_classes(libs)
    fresh = archive.with_suffix(".new")
    archive.unlink(missing_ok=True)
    fresh.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="natalog-classes.") as directory:
        ports = choose(("broker", "controller"), {})
        node = KafkaNode(Path(directory), ports["broker"], ports["controller"], libs, java, heap=512)
        node.prepare()
        with Path(directory, "output.log").open("wb") as out:
            process = subprocess.Popen(
                node.command(f"-XX:ArchiveClassesAtExit={fresh}"),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=directory,
            )
        try:
            _await(node, process)
            apply_topics(node.bootstrap)  # as every node has to soon
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE)
        except (subprocess.TimeoutExpired, KafkaException, KafkaUnavailable) as error:
            raise KafkaUnavailable(Path(directory, "output.log").read_text(errors="replace")) from error
        finally:
            process.kill()
            process.wait()
    fresh.rename(archive)
    return archive


def _await(node: KafkaNode, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not node.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise KafkaUnavailable("Kafka did not start")
        time.sleep(0.1)


def main() -> None:
    """Make it for the jars and the Java of the settings."""
    settings = load()
    try:
        make(find_libs(settings.kafka_libs), find_java(settings.java))
    except KafkaUnavailable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
