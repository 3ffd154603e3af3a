"""How soon a whole gateway is ready again with many numbers behind it: process, Kafka, store and tail.

    python -m bench.status_restart [--numbers 10000000]     some minutes, 2 GB below TMPDIR
    python -m bench.status_restart --rebuild [--numbers N]  all N entries on Kafka, an empty view

The view is folded beforehand as `bench.status_view` does it, into the directory the gateway then opens; the ledger on
Kafka holds empty records up to where the view stands, which nobody reads, and real entries from there on: the last one
folded and a tail. The gateway is stopped in order once and killed (kill -9) otherwise.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from confluent_kafka import Producer

from bench.cluster import LEDGER, PARTITIONS, Cluster
from bench.processes import cpu_seconds, resident_mib
from bench.status_query import Gateway
from bench.status_view import stretches
from natalog.cluster import Cluster as Kafka
from natalog.gateway import listings
from natalog.kafka.clients import admin_client
from natalog.kafka.identity import identity_of
from natalog.ledger.follow import Stretch
from natalog.status.view import StatusView

_TAIL = 2  # stretches of 1,000 entries of each partition that are not in the view yet


def measure(count: int, directory: Path) -> dict[str, object]:
    """Seconds from the start of the process until /readyz says so, and until a status is told."""
    with Cluster(directory / "kafka") as cluster:
        cluster.create_topics()
        gateway = Gateway(cluster.bootstrap, directory / "gateway")
        tails = _fold(cluster, directory / "gateway" / "data" / "replica", count)
        number = tails[0][-1].keys[-1].decode()
        _write(cluster, tails)
        took: list[float] = []
        answered: list[float] = []
        try:
            for turn in range(4):
                began = time.monotonic()
                took.append(round(gateway.start(), 2))
                while (told := _ask(gateway, number)) is None:
                    time.sleep(0.02)
                answered.append(round(time.monotonic() - began, 2))
                assert told["used"], told
                assert gateway.process is not None
                memory = round(resident_mib(gateway.pid))
                if turn == 1:
                    gateway.stop()
                else:
                    gateway.process.kill()
                    gateway.process.wait()
        finally:
            gateway.stop()
    return {
        "numbers": count,
        "tail_entries": sum(len(s.offsets) for tail in tails for s in tail[1:]),
        "ready_s": took,
        "first_answer_s": answered,
        "rss_mib": memory,
    }


def rebuild(count: int, directory: Path) -> dict[str, object]:
    """Seconds from the start of a gateway without a view until it has folded the whole ledger."""
    with Cluster(directory / "kafka") as cluster:
        cluster.create_topics()
        gateway = Gateway(cluster.bootstrap, directory / "gateway")
        producer = _producer(cluster)
        for stretch in stretches(count):
            for key, value in zip(stretch.keys, stretch.values, strict=True):
                _send(producer, stretch.partition, key, value)
        producer.flush()
        try:
            took = gateway.start()
            cpu = cpu_seconds(gateway.pid)
        finally:
            gateway.stop()
    return {
        "rebuild_entries": count,
        "rebuild_s": round(took, 2),
        "rebuild_per_second": round(count / took),
        "rebuild_cpu_s": round(cpu, 2),
    }


def _fold(cluster: Cluster, directory: Path, count: int) -> list[list[Stretch]]:
    """Fold all but the tail; of each partition the last stretch folded and the tail."""
    identity = identity_of(admin_client(Kafka(cluster.bootstrap), "bench"), LEDGER)
    view = StatusView(directory, PARTITIONS, beside=listings.rows, beside_format=listings.FORMAT)
    view.load(f"{identity.cluster}/{identity.topic}")
    kept: list[list[Stretch]] = [[] for _ in range(PARTITIONS)]
    for stretch in stretches(count):
        waiting = kept[stretch.partition]
        waiting.append(stretch)
        if len(waiting) > _TAIL + 1:
            waiting.pop(0)
        if len(waiting) == _TAIL + 1:
            assert not view.apply(waiting[0]).void
    view.close()
    return kept


def _producer(cluster: Cluster) -> Producer:
    return Producer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "compression.type": "lz4",
            "linger.ms": 50,
            "batch.num.messages": 100_000,
            "queue.buffering.max.messages": 1_000_000,
            "enable.idempotence": True,
        }
    )


def _send(producer: Producer, partition: int, key: bytes | None, value: bytes | None) -> None:
    while True:
        try:
            producer.produce(LEDGER, value, key, partition)
            return
        except BufferError:
            producer.poll(0.05)


def _write(cluster: Cluster, tails: list[list[Stretch]]) -> None:
    producer = _producer(cluster)
    for partition, tail in enumerate(tails):
        for _ in range(tail[0].offsets[0]):
            _send(producer, partition, None, None)
        for stretch in tail:
            for key, value in zip(stretch.keys, stretch.values, strict=True):
                _send(producer, partition, key, value)
    producer.flush()


def _ask(gateway: Gateway, number: str) -> dict[str, object] | None:
    """The status; None while it cannot be told."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}/v1/certificates/{number}",
        headers={"Authorization": f"Bearer {gateway.tokens()[0]}"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            told: dict[str, object] = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return None
    return told


def main() -> int:
    """Run it. The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.status_restart")
    parser.add_argument("--numbers", type=int, default=10_000_000)
    parser.add_argument("--rebuild", action="store_true", help="from an empty view")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="natalog-restart."))
    try:
        print(json.dumps((rebuild if arguments.rebuild else measure)(arguments.numbers, directory)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
