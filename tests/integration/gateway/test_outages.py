"""What the gateway answers while something is away, and that nothing is lost by it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from natalog.cluster import Cluster
from natalog.gateway.replica import LIVE_TOPICS
from natalog.wire.codec import encode
from natalog.wire.partition import partition_of
from tests.integration.gateway.stack import Stack, ask, claim, eventually, filing, number
from tests.integration.registrar import records
from tests.integration.stranger import Stranger
from tests.kafka_broker import Broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


MOST = 4.9
"""Seconds that an answer may take that was to come after one, and not after the five that a gateway waits by itself."""
APART = timedelta(seconds=1)
"""More than the broker's time as a gateway knows it may be off."""


@pytest.fixture
def stopped(stack: Stack) -> Iterator[Stack]:
    """A stack whose registrar stands still for the test."""
    stack.registrar.give(signal.SIGSTOP)
    try:
        yield stack
    finally:
        stack.registrar.give(signal.SIGCONT)
        eventually(lambda: stack.post("claims", claim(number())).status_code == 200, 60)


@pytest.mark.calm(0.5)
def test_late_is_202_and_the_verdict_is_found_later(stack: Stack) -> None:
    record = filing(number())
    stack.registrar.give(signal.SIGSTOP)
    try:
        began = time.monotonic()
        reply = stack.post("filings", record, params={"wait": "1"})
        assert 1 <= time.monotonic() - began < MOST
        assert reply.status_code == 202
        assert reply.json() == {
            "event_id": record["event_id"],
            "status": 202,
            "location": f"/v1/submissions/{record['event_id']}",
        }
        assert stack.get(f"submissions/{record['event_id']}").status_code == 404
        pending = stack.lines("claims", [claim(number()), b"{"], params={"wait": "0.5"})
        assert [p["status"] for p in pending] == [202, 400]
    finally:
        stack.registrar.give(signal.SIGCONT)
    location = reply.headers["location"]
    eventually(lambda: stack.client.get(location, headers=stack.headers()).status_code == 200, 60)
    verdict = stack.client.get(location, headers=stack.headers()).json()
    assert verdict["verdict"] == "ACCEPTED"
    assert stack.post("filings", record).json() == verdict


@pytest.mark.calm(0.5)
@pytest.mark.parametrize(
    ("prefer", "least", "most"), [("respond-async, wait=1", 1, MOST), ("", 5, 6.5)], ids=["told", "by itself"]
)
def test_prefer_wait(stopped: Stack, prefer: str, least: float, most: float) -> None:
    began = time.monotonic()
    headers = {**stopped.headers(), "Prefer": prefer}
    reply = stopped.client.post("/v1/claims", json=claim(number()), headers=headers)
    assert reply.status_code == 202
    assert least <= time.monotonic() - began < most


def test_a_dead_registrar_does_not_look_fresh(stack: Stack) -> None:
    """The replica holds all of the ledger, and yet not what was sent: its numbers close."""
    certificate = number()
    asked = f"certificates/{certificate}"
    stack.registrar.give(signal.SIGSTOP)
    try:
        assert ask(stack, asked).status_code == 200
        stack.post("filings", filing(certificate), params={"wait": "0"})
        eventually(lambda: stack.get(asked).status_code == 503)
        status = stack.get(asked)
        assert (status.json()["status"], status.json()["usable"]) == ("UNKNOWN", False)
        assert status.headers["retry-after"]
        assert status.json()["staleness_ms"] > 3_000
        time.sleep(1)
        assert stack.get(asked).json()["staleness_ms"] > status.json()["staleness_ms"]
    finally:
        stack.registrar.give(signal.SIGCONT)
    eventually(lambda: ask(stack, asked).json()["status"] == "USED")


def test_an_end_without_records_needs_no_deciding_but_an_open_transaction_may(stack: Stack) -> None:
    """What a stranger leaves on the live topics: a gateway looks behind it, and never takes for empty what may still
    come to count."""
    certificate = number()
    partition = partition_of(certificate.encode(), 12)

    def status() -> tuple[int, str]:
        reply = stack.get(f"certificates/{certificate}")
        return reply.status_code, reply.json()["status"]

    def as_of() -> datetime | None:
        """What an answer to be relied on is known to hold."""
        reply = stack.get(f"certificates/{certificate}")
        return datetime.fromisoformat(reply.json()["as_of"]["time"]) if reply.status_code == 200 else None

    for topic in LIVE_TOPICS:
        Stranger(Cluster(stack.bootstrap), (topic, partition), [b"?"] * 3).abort()
    left = datetime.now(UTC) + APART
    eventually(lambda: (as_of() or left) > left, 40, stack.gateway.log)
    stranger = Stranger(
        Cluster(stack.bootstrap),
        (LIVE_TOPICS[0], partition),
        [encode(records.filing(certificate))],
        certificate.encode(),
    )
    written = datetime.now(UTC) + APART
    closed = 0
    while closed < 10:
        told = as_of()
        assert told is None or told < written, "its record may yet count"
        closed += told is None
        time.sleep(0.2)
    assert status() == (503, "UNKNOWN")
    stranger.commit()
    eventually(lambda: status()[0] == 200, 60, stack.gateway.log)
    assert status() == (200, "USED")


def test_a_killed_gateway_loses_no_verdict(stack: Stack) -> None:
    before = [filing(number()) for _ in range(20)]
    verdicts = stack.lines("filings", before)
    during = filing(number())
    stack.registrar.give(signal.SIGSTOP)
    assert stack.post("filings", during, params={"wait": "0"}).status_code == 202
    stack.gateway.end(signal.SIGKILL)
    stack.registrar.give(signal.SIGCONT)
    stack.gateway.start()
    stack.gateway.wait_ready()
    eventually(lambda: stack.get(f"submissions/{during['event_id']}").status_code == 200, 60)
    for record, verdict in zip(before, verdicts, strict=True):
        assert stack.get(f"submissions/{record['event_id']}").json() == verdict
    assert stack.lines("filings", before) == verdicts


def test_a_gateway_with_an_empty_directory_knows_all(stack: Stack) -> None:
    import shutil

    record = filing(number())
    verdict = stack.post("filings", record).json()
    stack.gateway.end()
    shutil.rmtree(stack.directory / "gateway" / "replica")
    stack.gateway.start()
    stack.gateway.wait_ready()
    assert stack.get(f"submissions/{record['event_id']}").json() == verdict
    assert ask(stack, f"certificates/{record['certificate_number']}").json()["used"]


def test_a_flipped_bit_in_the_snapshot_is_found_and_the_view_rebuilt(stack: Stack) -> None:
    record = filing(number())
    verdict = stack.post("filings", record).json()
    asked = f"certificates/{record['certificate_number']}"
    assert ask(stack, asked).json()["used"]
    stack.gateway.end()
    tables = sorted((stack.directory / "gateway" / "replica").glob("*.sst"))
    for table in tables:  # the snapshot lies in one of them; every 97th byte leaves no block whole
        content = bytearray(table.read_bytes())
        for at in range(50, len(content) - 60, 97):
            content[at] ^= 4
        table.write_bytes(bytes(content))
    assert tables
    stack.gateway.start()
    stack.gateway.wait_ready()
    assert ask(stack, asked).json()["used"]
    assert stack.get(f"submissions/{record['event_id']}").json() == verdict
    assert "the status view is folded anew" in stack.gateway.log()


def test_an_audit_topic_that_refuses_writes_closes_the_status_query(stack: Stack) -> None:
    asked = f"certificates/{number()}"

    def limit(size: str) -> None:
        admin = AdminClient({"bootstrap.servers": stack.bootstrap})
        entry = ConfigEntry("max.message.bytes", size, incremental_operation=AlterConfigOpType.SET)
        changed = ConfigResource(ResourceType.TOPIC, "queries.audit", incremental_configs=[entry])
        for future in admin.incremental_alter_configs([changed]).values():
            future.result(30)

    assert ask(stack, asked).status_code == 200
    limit("1")
    try:
        eventually(lambda: stack.get(asked).status_code == 503)
        refused = stack.get(asked)
        assert (refused.json()["status"], refused.json()["usable"]) == ("UNKNOWN", False)
        assert refused.headers["retry-after"]
        many = stack.post("certificates/check", {"certificate_numbers": [number(), number()]})
        assert many.status_code == 503
        assert {a["status"] for a in many.json()["certificates"]} == {"UNKNOWN"}
        assert stack.post("claims", claim(number())).status_code == 200  # deciding goes on
    finally:
        limit("262144")
    eventually(lambda: stack.get(asked).status_code == 200)


def test_many_clients_and_a_registrar_that_dies(stack: Stack) -> None:
    """Every submission ends in its one verdict, however often it had to be sent."""
    records = [claim(number()) for _ in range(200)]

    def send(record: dict[str, object]) -> dict[str, object]:
        while True:
            reply = stack.post("claims", record, params={"wait": "2"})
            if reply.status_code == 200:
                return dict(reply.json())
            assert reply.status_code in (202, 503)

    with ThreadPoolExecutor(8) as pool:
        verdicts = pool.map(send, records)
        time.sleep(0.3)
        stack.registrar.end(signal.SIGKILL)
        stack.registrar.start()
        answered = list(verdicts)
    places = {(v["ledger"]["partition"], v["ledger"]["seq"]) for v in answered}  # type: ignore[index]
    assert len(places) == len(records)
    assert {v["event_id"] for v in answered} == {r["event_id"] for r in records}


def test_kafka_away_is_503_and_comes_back_by_itself(own_kafka: Broker, tmp_path: Path) -> None:
    own_kafka.apply_topics()
    stack = Stack(own_kafka.bootstrap, tmp_path / "stack", gateway_stale_seconds=3.0)
    try:
        stack.start()
        record = filing(number())
        verdict = stack.post("filings", record).json()
        own_kafka.stop()
        hanging = stack.post("claims", claim(number()), params={"wait": "1"})
        assert hanging.status_code in (202, 503)  # sent before it was known
        eventually(lambda: stack.post("claims", claim(number()), params={"wait": "0.1"}).status_code == 503)
        away = stack.post("claims", claim(number()))
        assert away.headers["retry-after"]
        assert away.json()["type"] == "urn:natalog:problem:kafka-away"
        assert {a["status"] for a in [stack.post("filings", record).json()]} == {503}
        status = stack.get(f"certificates/{record['certificate_number']}")
        assert (status.status_code, status.json()["usable"]) == (503, False)
        assert stack.client.get("/healthz").status_code == 200
        own_kafka.restart()
        stack.registrar.end(signal.SIGKILL)  # its own recovery is its own test; here the gateway's counts
        stack.registrar.start()
        eventually(lambda: stack.post("claims", claim(number())).status_code == 200, 90, stack.registrar.log)
        assert stack.post("filings", record).json() == verdict
        eventually(lambda: stack.get(f"certificates/{number()}").status_code == 200)
    finally:
        stack.close()


def test_a_gateway_started_without_kafka_waits_for_it(own_kafka: Broker, tmp_path: Path) -> None:
    own_kafka.apply_topics()
    own_kafka.stop()
    stack = Stack(own_kafka.bootstrap, tmp_path / "stack")
    try:
        stack.gateway.start()
        eventually(lambda: stack.client.get("/healthz").status_code == 200)
        assert stack.client.get("/readyz").status_code == 503
        assert stack.post("claims", claim(number())).status_code == 503
        assert stack.get(f"submissions/{claim(number())['event_id']}").status_code == 503
        own_kafka.restart()
        stack.gateway.wait_ready()
    finally:
        stack.close()
