"""Several gateways on one Kafka, any of them killed at any moment: no wrong answer, no lost record, no doubled one."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from natalog.events import Entry, Filing, Repeat, Verdict
from natalog.wire.codec import decode
from tests.integration.gateway.stack import Service, Stack, eventually, filing, number
from tests.integration.gateway.topics import all_records

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("gateway-side-by-side")]

LINES = 6_000


@pytest.fixture(scope="module")
def second(stack: Stack) -> Iterator[Service]:
    gateway = stack.another_gateway()
    gateway.start()
    try:
        gateway.wait_ready()
        yield gateway
    finally:
        gateway.end(signal.SIGKILL)


def bodies(records_: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(r) + b"\n" for r in records_)


def stream(stack: Stack, url: str, body: bytes) -> list[dict[str, Any]]:
    headers = {**stack.headers("adapter"), "Content-Type": "application/x-ndjson"}
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        reply = client.post("/v1/filings?wait=30", content=body, headers=headers)
    assert reply.status_code == 200, reply.text
    return [orjson.loads(line) for line in reply.content.splitlines()]


def until_killed(stack: Stack, service: Service, body: bytes, kill_after: int) -> bytes:
    """What came back of a stream whose gateway is killed once that many answers are there."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.settimeout(60)
    token = stack.token("adapter")
    head = (
        f"POST /v1/filings?wait=30 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    def send() -> None:
        with contextlib.suppress(OSError):  # killed
            connection.sendall(head.encode() + body)

    sending = threading.Thread(target=send)
    sending.start()
    got, killed = b"", False
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(1 << 16):
            got += data
            if not killed and got.count(b"}\n") >= kill_after:
                service.end(signal.SIGKILL)
                killed = True
    connection.close()
    sending.join()
    assert killed
    return got


def whole_lines(got: bytes) -> list[dict[str, Any]]:
    """The verdicts that came whole, out of chunks."""
    found = []
    for line in got.split(b"\n"):
        at = line.find(b'{"event_id"')
        if at >= 0 and line.rstrip().endswith(b"}"):
            with contextlib.suppress(orjson.JSONDecodeError):
                found.append(orjson.loads(line[at:]))
    return found


def test_a_gateway_killed_in_a_stream_and_all_sent_again_to_another(stack: Stack, second: Service) -> None:
    sent = [filing(number()) for _ in range(LINES)]
    body = bodies(sent)
    first = whole_lines(until_killed(stack, stack.gateway, body, 300))
    assert 300 <= len(first) < LINES
    verdicts = stream(stack, second.url, body)
    assert [v["event_id"] for v in verdicts] == [r["event_id"] for r in sent]
    by_id = {v["event_id"]: v for v in verdicts}
    assert [by_id[v["event_id"]] for v in first] == first  # what the killed one said stands
    stack.gateway.start()
    stack.gateway.wait_ready()
    assert stream(stack, stack.gateway.url, body) == verdicts
    check_ledger(stack, sent, verdicts)


def test_the_same_records_through_both_at_once_while_one_is_killed(stack: Stack, second: Service) -> None:
    """An agent that gives up on one gateway and goes on at the other, though the first has not died of it."""
    sent = [filing(number()) for _ in range(LINES)]
    body = bodies(sent)
    told: list[list[dict[str, Any]]] = []
    beside = threading.Thread(target=lambda: told.append(stream(stack, second.url, body)))
    beside.start()
    first = whole_lines(until_killed(stack, stack.gateway, body, 300))
    beside.join()
    verdicts = told[0]
    assert [v["event_id"] for v in verdicts] == [r["event_id"] for r in sent]
    by_id = {v["event_id"]: v for v in verdicts}
    assert [by_id[v["event_id"]] for v in first] == first
    stack.gateway.start()
    stack.gateway.wait_ready()
    check_ledger(stack, sent, verdicts)


def check_ledger(stack: Stack, sent: list[dict[str, Any]], verdicts: list[dict[str, Any]]) -> None:
    """One entry that is no repeat for each record, and the verdicts are those entries'."""
    ids = {r["event_id"] for r in sent}
    assert {v.get("verdict") for v in verdicts} == {"ACCEPTED"}
    places = {(v["ledger"]["partition"], v["ledger"]["seq"]): v["event_id"] for v in verdicts}
    assert len(places) == len(sent)
    decided: Counter[str] = Counter()
    entries: dict[tuple[int, int], str] = {}

    def every_record_is_decided() -> bool:
        decided.clear()
        for message in all_records(stack.bootstrap, "ledger"):
            entry = decode(message.value() or b"")
            assert isinstance(entry, Entry)
            if isinstance(entry.input, Repeat):
                continue
            assert isinstance(entry.input, bytes)
            record = decode(entry.input)
            if isinstance(record, Filing) and str(record.event_id) in ids:
                assert entry.verdict is Verdict.ACCEPTED
                decided[str(record.event_id)] += 1
                entries[(message.partition() or 0, entry.seq)] = str(record.event_id)
        return len(entries) == len(ids)

    eventually(every_record_is_decided, 30)
    assert {decided[i] for i in ids} == {1}
    assert places == entries
