"""Live before bulk: a backfill at full speed must not keep a station desk waiting."""

from __future__ import annotations

import threading
import time

from confluent_kafka import Consumer, TopicPartition

from natalog.wire.codec import decode
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import filing, number
from tests.ledger_check import PARTITIONS

BACKLOG = 25_000


def test_live_keeps_its_latency_during_a_backfill(bench: Bench) -> None:
    bulk = [filing(number(), backfill=True) for _ in range(BACKLOG)]
    bench.sender.send(bulk)
    committed: dict[bytes, float] = {}
    stop = threading.Event()
    listener = threading.Thread(target=listen, args=(bench.bootstrap, committed, stop))
    listener.start()
    registrar = bench.registrar().wait_ready()
    sent: dict[bytes, float] = {}
    try:
        while registrar.decided() < BACKLOG // 2 and len(sent) < 60:
            record = filing(number())
            sent[record.event_id.bytes] = time.monotonic()
            bench.sender.send([record])
            time.sleep(0.02)
        assert sent, "the backfill was over before a live record was sent"
        during = registrar.metric("natalog_registrar_records_total", topic="birth.backfill")
        bench.eventually(BACKLOG + len(sent), timeout=120)
    finally:
        stop.set()
        listener.join()
    waited = sorted(committed[event_id] - at for event_id, at in sent.items())
    # One consumer for both lets a live record wait for all bulk that was fetched before it: many seconds.
    assert waited[len(waited) // 2] < 0.7, waited
    assert waited[-1] < 2.5, waited
    assert during > 0


def listen(bootstrap: str, committed: dict[bytes, float], stop: threading.Event) -> None:
    """When entries of live filings become visible, by event id."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "listen",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.assign([TopicPartition("ledger", p, 0) for p in range(PARTITIONS)])
    while not stop.is_set():
        for message in consumer.consume(2000, 0.01):
            if message.error() is None and b"birth.registrations" in (value := message.value() or b""):
                entry = decode(value)
                committed[entry.input[10:26]] = time.monotonic()  # type: ignore[union-attr, index]
    consumer.close()
