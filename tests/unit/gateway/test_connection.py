"""Connections: who does not say what it wants is not waited for, and no head or trailer is kept without end."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from natalog.gateway.connection import HEAD_BYTES, Connection
from tests.unit.gateway.serving import serving

pytestmark = [pytest.mark.calm(0.1)]

SOON = 0.4


class Impatient(Connection):
    head_seconds = SOON


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Says how long the body was; to /early says so before it is read; to /large more than a socket holds; to /streamed
    "ab" in two pieces, and to /refused a 401, before the body is read. To /slow not at once."""
    if scope["path"] == "/streamed":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        while (await receive()).get("more_body"):
            pass
        await asyncio.sleep(SOON / 2)
        await send({"type": "http.response.body", "body": b"b"})
        return
    if scope["path"] == "/refused":
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    size = 0
    while scope["path"] != "/early" and (message := await receive()):
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(SOON / 2)
    body = b"x" * 30_000_000 if scope["path"] == "/large" else b"%d" % size
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[uvicorn.Server]:
    with serving(answer, Impatient, timeout_keep_alive=1) as server:
        yield server


def dial(server: uvicorn.Server) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", server.servers[0].sockets[0].getsockname()[1]))
    line.settimeout(SOON + 60)
    return line


def told(line: socket.socket) -> tuple[int, dict[str, Any], bool]:
    """Status and body of one answer that is a problem, and whether the connection was closed after it."""
    head, _, body = everything(line).partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    return int(head.split(b" ")[1]), json.loads(body), b"Connection: close" in head


def everything(line: socket.socket) -> bytes:
    """What comes until the connection is closed."""
    got = b""
    while piece := line.recv(65_536):
        got += piece
    return got


HEAD = b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
POST = HEAD % b"a"


@pytest.mark.parametrize("sent", [b"P", POST, POST + b"X-Name: va"])
def test_a_head_that_does_not_come_is_a_408(server: uvicorn.Server, sent: bytes) -> None:
    with dial(server) as line:
        line.sendall(sent)
        began = time.monotonic()
        status, problem, closed = told(line)
        assert (status, problem["status"], closed) == (408, 408, True)
        assert problem["type"] == "urn:natalog:problem:too-slow"
        assert time.monotonic() - began > SOON / 2


def test_a_head_that_comes_bit_by_bit_has_no_more_time(server: uvicorn.Server) -> None:
    with dial(server) as line:
        began = time.monotonic()
        line.sendall(POST)
        while not select.select([line], [], [], SOON / 10)[0]:
            line.sendall(b"X: y\r\n")
        assert SOON / 2 < time.monotonic() - began < SOON + 1.5
        assert told(line)[0] == 408


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
def test_a_connection_that_asks_nothing_is_closed_without_a_word(server: uvicorn.Server, sent: bytes) -> None:
    with dial(server) as line:
        line.sendall(sent)
        assert line.recv(100) == b""


def test_the_second_request_of_a_connection_has_no_more_time(server: uvicorn.Server) -> None:
    with dial(server) as line:
        line.sendall(POST + b"\r\nab")
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
        line.sendall(POST)
        assert told(line)[0] == 408


def test_a_body_may_take_longer_and_so_may_the_next_request(server: uvicorn.Server) -> None:
    with dial(server) as line:
        for _ in range(2):
            line.sendall(POST + b"\r\na")
            time.sleep(SOON * 1.5)
            line.sendall(b"b")
            assert line.recv(1000).startswith(b"HTTP/1.1 200")
            time.sleep(SOON * 1.5)


def test_a_body_that_was_answered_before_it_came_ends(server: uvicorn.Server) -> None:
    """What comes of it is thrown away, and not for ever."""
    began = time.monotonic()
    with dial(server) as line:
        line.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
        while not select.select([line], [], [], SOON / 10)[0]:
            line.sendall(b"x" * 1000)
    assert SOON / 2 < time.monotonic() - began < SOON + 1.5


FIELD = b"X: " + b"y" * 95 + b"\r\n"  # 100 bytes


@pytest.mark.parametrize(
    "sent",
    [
        POST + FIELD * (HEAD_BYTES // 100 + 1) + b"\r\nab",  # whole, and a little too large
        POST + b"X: " + b"y" * 2 * HEAD_BYTES,  # one field that does not end
        b"GET /" + b"y" * 2 * HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"y" * 2 * HEAD_BYTES,
    ],
)
def test_a_head_that_is_too_large_is_a_431(server: uvicorn.Server, sent: bytes) -> None:
    with dial(server) as line:
        line.sendall(sent)
        status, problem, closed = told(line)
        assert (status, problem["type"], closed) == (431, "urn:natalog:problem:too-large", True)


def test_a_large_head_within_the_bound_is_taken(server: uvicorn.Server) -> None:
    with dial(server) as line:
        line.sendall(POST + FIELD * (HEAD_BYTES // 100 - 1) + b"\r\nab")
        assert line.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("more", [FIELD * 100, b"y" * 10_000])
def test_trailers_without_end_are_not_kept(server: uvicorn.Server, more: bytes) -> None:
    with dial(server) as line:
        line.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n"
        )
        for _ in range(50):  # what came in one read with the body's end does not count
            line.sendall(more)
        assert told(line)[0] == 431


def test_a_body_in_small_chunks_has_no_such_bound(server: uvicorn.Server) -> None:
    with dial(server) as line:
        line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            line.sendall(b"1\r\na\r\n" * 5_000)
        line.sendall(b"0\r\n\r\n")
        assert line.recv(1000).endswith(b"200000")


def test_what_is_not_http_is_told_so(server: uvicorn.Server) -> None:
    with dial(server) as line:
        line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        status, problem, closed = told(line)
        assert (status, problem["type"], closed) == (400, "urn:natalog:problem:bad-request", True)


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_an_answer_that_is_not_fetched_is_not_kept(server: uvicorn.Server, close: bytes) -> None:
    with dial(server) as line:
        line.sendall(HEAD % b"large" + close + b"\r\nab")
        connections = server.server_state.connections
        eventually = time.monotonic() + 60
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        while connections:
            assert time.monotonic() < eventually
            time.sleep(0.05)


def test_a_body_beside_an_offer_of_another_protocol_is_read(server: uvicorn.Server) -> None:
    """Java's HttpClient offers HTTP/2 with its first request over plain HTTP."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n\r\n"
    with dial(server) as line:
        line.sendall(POST + offer + b"ab")
        assert line.recv(1000).endswith(b"\r\n\r\n2")
        line.sendall(POST + offer)
        line.sendall(b"ab")
        assert line.recv(1000).endswith(b"\r\n\r\n2")


@pytest.mark.parametrize("more", [b"\0", b"\x16\x03\x01 hello\r\n\r\n"])
def test_a_request_keeps_its_answer_whatever_follows_it(server: uvicorn.Server, more: bytes) -> None:
    """A 4xx says that nothing was recorded, so it must not stand where the answer to a whole request belongs. A
    client may send a string's final zero byte too, one more than the length it states."""
    with dial(server) as line:
        line.sendall((POST + b"\r\nab") * 2 + more)
        assert everything(line).count(b"HTTP/1.1 200") == 2
    with dial(server) as line:
        line.sendall(POST + b"\r\nab" + more + POST)
        got = everything(line)
        assert got.startswith(b"HTTP/1.1 200")
        assert got.endswith(b"\r\n\r\n2"), "and the line is closed, since nobody knows what else it brings"


def test_who_waits_to_be_told_to_go_on_is_told_before_the_answer_begins(server: uvicorn.Server) -> None:
    """Verdicts of a stream begin before its body was read. After a final answer no client would send it."""
    with dial(server) as line:
        line.sendall(HEAD % b"streamed" + b"Expect: 100-continue\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        line.sendall(b"ab")
        line.shutdown(socket.SHUT_WR)
        assert everything(line).endswith(b"0\r\n\r\n")


def test_who_is_refused_is_not_told_to_go_on(server: uvicorn.Server) -> None:
    with dial(server) as line:
        line.sendall(HEAD % b"refused" + b"Expect: 100-continue\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 401")


def test_no_chunks_are_sent_to_who_knows_none(server: uvicorn.Server) -> None:
    """RFC 9112, 6.1: an answer to HTTP/1.0 ends with its connection."""
    for path in (b"streamed", b"a"):
        with dial(server) as line:
            line.sendall((HEAD % path).replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\nab")
            head, _, body = everything(line).partition(b"\r\n\r\n")
            assert b"chunked" not in head
            assert body == (b"ab" if path == b"streamed" else b"2")
    with dial(server) as line:
        line.sendall(HEAD % b"streamed" + b"Connection: close\r\n\r\nab")
        assert everything(line).endswith(b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")


@pytest.mark.parametrize("path", [b"slow", b"streamed"])
def test_who_has_sent_all_and_says_so_is_answered(server: uvicorn.Server, path: bytes) -> None:
    """As `nc -N` does: it closes its side of the line and reads on. What it asked for is recorded all the same."""
    with dial(server) as line:
        line.sendall(HEAD % path + b"\r\nab")
        line.shutdown(socket.SHUT_WR)
        got = everything(line)
        assert got.endswith(b"\r\n\r\n2" if path == b"slow" else b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("sent", [b"", POST, POST + b"\r\na", POST + b"\r\nab" + POST])
def test_who_closes_before_all_was_sent_is_not_waited_for(server: uvicorn.Server, sent: bytes) -> None:
    """Neither for the rest of a head, which would be told as a 408, nor for that of a body, without end."""
    with dial(server) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        got = everything(line)
        assert b" 408 " not in got
        assert got.count(b"HTTP/1.1 200") == sent.count(b"ab")
