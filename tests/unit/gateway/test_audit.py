"""Query records: the bytes the codec would make, and whoever waits learns how it went."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError
from hypothesis import given

from natalog.events import Principal, QueryRecord
from natalog.gateway import audit as module
from natalog.gateway.audit import Audit, AuditProducer, query_record, stated
from natalog.wire.codec import encode
from tests.property.wire_records import records


@given(records(QueryRecord))
def test_the_bytes_are_those_of_the_codec(record: QueryRecord) -> None:
    told = [(a.certificate_number, a.status) for a in record.answers]
    who = stated(record.submitter, record.purpose, record.officer)
    if not -(2**63) <= record.asked_at < 2**63:
        return
    assert query_record(record.check_id.bytes, record.asked_at, who, told, record.as_of) == encode(record)


class Producer:
    """Reports from `poll`, as librdkafka does."""

    def __init__(self) -> None:
        self.reports: list[Callable[[int | None], None]] = []
        self.holds = False
        self.polls = 0

    def send(self, topic: str, partition: int, key: bytes, value: bytes, report: Any) -> None:
        self.reports.append(report)

    def poll(self) -> None:
        self.polls += 1
        while self.reports and not self.holds:
            self.reports.pop()(7)


WHO = stated(Principal(sub="x", org="330000", roles=()), "registration", None)


def record(audit: Audit) -> Any:
    return audit.record("330106520000", bytes(16), 1, WHO, [], "")


def test_nobody_is_answered_before_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RECORDED_WITHIN", 60)
    producer = Producer()

    async def play() -> None:
        audit = Audit(producer)
        audit.start()
        assert await asyncio.gather(*(record(audit) for _ in range(5))) == [7] * 5
        producer.holds = True
        monkeypatch.setattr(module, "_RECORDED_WITHIN", 0.1)
        late = [asyncio.create_task(record(audit)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in late)
        assert await asyncio.gather(*late) == [None] * 3
        producer.holds = False
        monkeypatch.setattr(module, "_RECORDED_WITHIN", 60)
        assert await record(audit)  # and those that came too late disturb nobody
        audit.close()

    asyncio.run(play())


def test_who_leaves_is_forgotten() -> None:
    producer = Producer()
    producer.holds = True

    async def play() -> None:
        audit = Audit(producer)
        leaving = asyncio.create_task(record(audit))
        await asyncio.sleep(0.005)
        leaving.cancel()
        await asyncio.sleep(0.005)
        producer.holds = False
        assert await record(audit)
        audit.close()

    asyncio.run(play())


def test_whoever_waits_when_it_closes_is_told() -> None:
    producer = Producer()
    producer.holds = True

    async def play() -> None:
        audit = Audit(producer)
        waiting = asyncio.create_task(record(audit))
        await asyncio.sleep(0.005)
        audit.close()
        assert await asyncio.wait_for(waiting, 10) is None
        (report,) = producer.reports
        await asyncio.to_thread(report, 7)  # as a flush does; nothing is left to set

    asyncio.run(play())


def test_an_idle_producer_is_served_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the errors of a broker that is away would pile up for days."""
    monkeypatch.setattr(module, "_SERVE_IDLE", 0.01)
    producer = Producer()

    async def play() -> None:
        audit = Audit(producer)
        audit.start()
        deadline = time.monotonic() + 30
        while (polls := producer.polls) < 3:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        audit.close()
        await asyncio.sleep(0.05)
        assert producer.polls == polls

    asyncio.run(play())


@pytest.mark.parametrize(
    ("failed", "kind", "told"),
    [
        (None, TIMESTAMP_LOG_APPEND_TIME, 7),
        # Our own time would confirm whatever our clock says.
        (None, TIMESTAMP_CREATE_TIME, None),
        (KafkaError(KafkaError._MSG_TIMED_OUT), TIMESTAMP_LOG_APPEND_TIME, None),
    ],
)
def test_only_the_brokers_own_stamp_counts(
    monkeypatch: pytest.MonkeyPatch, failed: KafkaError | None, kind: int, told: int | None
) -> None:
    def produce(self: Any, topic: str, *, on_delivery: Any, **record: Any) -> None:
        on_delivery(failed, SimpleNamespace(timestamp=lambda: (kind, 7)))

    monkeypatch.setattr(AuditProducer, "_produce", produce)
    reports: list[int | None] = []
    AuditProducer.__new__(AuditProducer).send("queries.audit", 0, b"", b"", reports.append)
    assert reports == [told]
