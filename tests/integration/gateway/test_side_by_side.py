"""Several gateways on one Kafka, any of them killed at any moment: no wrong answer, no lost record, no doubled one.

Also the commands that send through them and show what came of it: `natalog submit` and `natalog tail`.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from confluent_kafka import Producer

from natalog.events import Entry, Filing, Repeat, Verdict
from natalog.wire.codec import decode
from natalog.wire.partition import partition_of
from tests.integration.gateway.stack import ROOT, Service, Stack, claim, eventually, filing, number
from tests.integration.gateway.topics import all_records, ends

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

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
    with httpx.Client(base_url=url, trust_env=False, timeout=200) as client:
        reply = client.post("/v1/filings?wait=30", content=body, headers=headers)
    assert reply.status_code == 200, reply.text
    return [orjson.loads(line) for line in reply.content.splitlines()]


def until_killed(stack: Stack, service: Service, body: bytes, kill_after: int) -> bytes:
    """What came back of a stream whose gateway is killed once that many answers are there.

    The second half of the body is held back: however fast all are decided, it is killed before the last one is.
    """
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.settimeout(120)
    token = stack.token("adapter")
    head = (
        f"POST /v1/filings?wait=30 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    def send() -> None:
        with contextlib.suppress(OSError):  # killed
            connection.sendall(head.encode() + body[: len(body) // 2])

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

    eventually(every_record_is_decided)
    assert {decided[i] for i in ids} == {1}
    assert places == entries


def natalog(*arguments: str) -> subprocess.Popen[str]:
    """A command under way; what it says is read by `said`."""
    return subprocess.Popen(
        [sys.executable, "-m", "natalog", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "services"), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(command: subprocess.Popen[str], within: float = 240) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    try:
        out, err = command.communicate(timeout=within)
    finally:
        command.kill()
    return command.returncode, out, err


@pytest.fixture
def to_gateway(stack: Stack, tmp_path: Path) -> list[str]:
    """Options that lead to the stack's gateway as an adapter of the province."""
    token = tmp_path / "token"
    token.write_text(stack.token("adapter", "330000"))
    return ["--gateway", stack.gateway.url, "--token-file", str(token)]


def written(file: Path, records: list[Any]) -> str:
    lines = b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in records)
    file.write_bytes(gzip.compress(lines) if file.suffix == ".gz" else lines)
    return str(file)


def test_submit_outlives_its_gateway_and_goes_on_where_it_was_stopped(
    stack: Stack, tmp_path: Path, to_gateway: list[str]
) -> None:
    sent = [filing(number()) for _ in range(LINES)]
    file = written(tmp_path / "day.ndjson.gz", [{"kind": "filing", **r} for r in sent])
    out = tmp_path / "verdicts.ndjson"
    before = ends(stack.bootstrap, "birth.registrations")["birth.registrations"]
    command = natalog("submit", file, *to_gateway, "--verdicts", str(out))
    eventually(lambda: ends(stack.bootstrap, "birth.registrations")["birth.registrations"] > before + 200)
    stack.gateway.end(signal.SIGKILL)
    stack.gateway.start()
    code, _, table = said(command)
    assert code == 0, table
    assert f"{LINES:,}" in table
    verdicts = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert [v["event_id"] for v in verdicts] == [r["event_id"] for r in sent]
    check_ledger(stack, sent, verdicts)

    whole = out.read_bytes()
    out.write_bytes(whole[: len(whole) * 9 // 10])  # stopped in the middle of a line
    before = ends(stack.bootstrap, "birth.registrations")["birth.registrations"]
    code, _, table = said(natalog("submit", file, *to_gateway, "--verdicts", str(out)))
    assert code == 0, table
    assert f"{LINES:,}" in table
    assert out.read_bytes() == whole
    again = ends(stack.bootstrap, "birth.registrations")["birth.registrations"] - before
    assert LINES // 20 < again < LINES // 5


def test_submit_tells_what_was_not_accepted(stack: Stack, tmp_path: Path, to_gateway: list[str]) -> None:
    taken = number()
    records = [
        {"kind": "filing", **filing(taken)},
        {"kind": "filing", **filing(taken)},
        {"kind": "claim", **claim("M33O123456")},
        {"kind": "claim", **claim(number(), unit_code="110105520000")},
        {"kind": "claim", **claim(number())},
        {"kind": "blacklist-change", **claim(number(), action="ADD", cause="LOST", owner="330100")},
    ]
    file = written(tmp_path / "f.ndjson", records)
    code, out, table = said(natalog("submit", file, *to_gateway, "--json"))
    assert code == 1, table
    answers = [orjson.loads(line) for line in out.splitlines()]
    told = [a.get("verdict") or (a["status"], a.get("line"), a.get("field")) for a in answers]
    assert told == [
        "ACCEPTED",
        "REFUSED",
        (422, 3, "certificate_number"),
        (403, 4, "unit_code"),
        "ACCEPTED",
        (403, 6, None),
    ]
    rows = [" ".join(line.split()) for line in table.splitlines()]
    assert any(row.startswith("filing REFUSED USED") and row.endswith(" 1") for row in rows)
    assert "claim ACCEPTED 1" in rows
    assert any(row.startswith("flag CONTESTED") for row in rows)
    assert any(row.startswith("line 3: certificate_number:") for row in rows)
    assert "M330123456" in table  # what was meant


@pytest.mark.parametrize(
    ("records", "options", "code", "says"),
    [
        ([b"{broken"], [], 1, "line 1: This is not JSON"),
        (
            [{"kind": "claim", **claim("M330123456")}],
            ["--gateway", "http://127.0.0.1:9"],
            5,
            "does not answer",
        ),
    ],
)
def test_submit_that_cannot_begin(
    tmp_path: Path, to_gateway: list[str], records: list[Any], options: list[str], code: int, says: str
) -> None:
    file = written(tmp_path / "f.ndjson", records)
    ended, _, told = said(natalog("submit", file, *to_gateway, *options, "--patience", "1"))
    assert (ended, says in told) == (code, True), told


def test_submit_asks_again_for_what_was_late(stack: Stack, tmp_path: Path, to_gateway: list[str]) -> None:
    file = written(tmp_path / "f.ndjson", [{"kind": "claim", **claim(number())} for _ in range(3)])
    arguments = ["submit", file, *to_gateway, "--verdicts", str(tmp_path / "out")]
    stack.registrar.give(signal.SIGSTOP)
    try:
        code, _, table = said(natalog(*arguments, "--patience", "1"))
    finally:
        stack.registrar.give(signal.SIGCONT)
    assert (code, "PENDING" in table) == (1, True), table
    code, _, table = said(natalog(*arguments))
    assert (code, "ACCEPTED" in table, "PENDING" in table) == (0, True, False), table


def test_tail_shows_what_stands_on_the_ledger(stack: Stack) -> None:
    certificate = number()
    record = filing(certificate)
    verdict = stack.post("filings", record, params={"wait": "30"}).json()
    place = ["tail", "ledger", "--kafka", stack.bootstrap]
    _, out, _ = said(natalog(*place, "--from", "begin", "--no-follow", "--json", "--key", certificate))
    (line,) = [orjson.loads(text) for text in out.splitlines()]
    assert (line["topic"], line["key"], line["kind"]) == ("ledger", certificate, "Entry")
    assert line["partition"] == verdict["ledger"]["partition"]
    assert (line["record"]["seq"], line["record"]["verdict"]) == (verdict["ledger"]["seq"], "ACCEPTED")
    assert line["record"]["record"]["registration_id"] == record["registration_id"]
    _, out, _ = said(natalog(*place, "--from", str(line["offset"]), "--no-follow", "--key", certificate))
    assert f"#{verdict['ledger']['seq']} ACCEPTED" in out
    assert record["registration_id"] in out
    code, out, _ = said(natalog(*place, "--from", "begin", "-n", "1", "--partition", str(line["partition"])))
    assert (code, len(out.splitlines())) == (0, 1)


def test_tail_follows_and_shows_what_it_cannot_read(stack: Stack) -> None:
    command = natalog("tail", "birth.registrations", "--kafka", stack.bootstrap, "--json", "-n", "1")
    producer = Producer({"bootstrap.servers": stack.bootstrap})
    key = f"e:{uuid.uuid4()}".encode()

    def ended_by_a_record() -> bool:  # it takes a moment until the command stands at the end
        producer.produce("birth.registrations", b"no record", key, partition_of(key, 12))
        producer.flush(10)
        time.sleep(0.2)
        return command.poll() is not None

    eventually(ended_by_a_record)
    code, out, _ = said(command)
    line = orjson.loads(out)
    assert (code, line["key"], base64.b64decode(line["value"])) == (0, key.decode(), b"no record")
    assert "single-object encoding" in line["problem"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nothing", "--no-follow"], 5, "Unknown topic"),
        (["ledger", "--from", "yesterday"], 2, "a time with an offset"),
        (["ledger", "--partition", "99"], 2, "ledger has 12 partitions"),
    ],
)
def test_tail_says_what_is_wrong(stack: Stack, arguments: list[str], code: int, says: str) -> None:
    ended, _, told = said(natalog("tail", *arguments, "--kafka", stack.bootstrap))
    assert (ended, says in " ".join(told.replace("│", " ").split())) == (code, True), told
