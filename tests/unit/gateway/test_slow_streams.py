"""Streams over slow lines: who moves is waited for, however little it is, and who does not is not."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request

from natalog.gateway import answers, submitting
from natalog.gateway.body import Bounds
from natalog.gateway.connection import Connection
from natalog.gateway.language import Language
from natalog.gateway.limits import Limits
from natalog.gateway.submitting import Streamed
from tests.unit.gateway.serving import serving

pytestmark = [pytest.mark.calm(0.1)]

STILL = 1.0
"""Seconds in which neither side moves."""
LINE = b"x" * 1_000
LINES = 3_000


class Stream:
    """Reads the body to its end, then answers; in place of the one behind Kafka."""

    def __init__(self, desk: Any, lane: Any, bulk: Any, ranges: Any, answers: Any, **about: Any) -> None:
        self._answers = answers
        self.read = 0

    async def run(self, chunks: AsyncIterator[bytes], *, gzipped: bool) -> None:
        async for _ in chunks:
            pass
        for _ in range(LINES):
            self._answers.put(LINE)
        self._answers.end()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    monkeypatch.setattr(submitting, "Stream", Stream)
    monkeypatch.setattr(answers, "_BLOCK", 1 << 20)
    monkeypatch.setattr(submitting, "MAX_WAIT", STILL / 2)
    monkeypatch.setattr(submitting, "_LOOK_EVERY", STILL / 10)
    bounds = Bounds(record=1 << 20, stream=1 << 30, seconds=STILL / 2)
    parts: Any = SimpleNamespace(
        bounds=bounds, limits=Limits(rate=0, streams=0), spill=tmp_path, spill_bytes=1 << 30,
        desk=None, lane=None, bulk=None, ranges=None,
    )  # fmt: skip
    caller = SimpleNamespace(principal=SimpleNamespace(sub="x"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        visit: Any = SimpleNamespace(
            request=Request(scope, receive), caller=caller, language=Language.ENGLISH
        )
        await Streamed("claim", 1.0, parts, visit)(scope, receive, send)

    with serving(app, Connection) as server:
        yield server


def dial(server: uvicorn.Server) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", server.servers[0].sockets[0].getsockname()[1]))
    line.settimeout(60)
    line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    return line


def rest(line: socket.socket) -> bytes:
    got = b""
    try:
        while not got.endswith(b"0\r\n\r\n") and (piece := line.recv(1 << 20)):
            got += piece
    except ConnectionError:
        pass
    return got


def test_a_client_that_reads_slowly_gets_everything(server: uvicorn.Server) -> None:
    """So slowly that a block of what waits on disk, or what the system would keep, takes longer than the limit."""
    with dial(server) as line:
        line.sendall(b"0\r\n\r\n")
        size, began = 0, time.monotonic()
        while time.monotonic() - began < 4 * STILL:  # 400 KB in the time that ends a stream that stands still
            size += len(line.recv(40_000))
            time.sleep(STILL / 10)
        size += len(rest(line))
    assert size > LINES * len(LINE)


def test_a_line_that_comes_slowly_is_waited_for(server: uvicorn.Server) -> None:
    with dial(server) as line:
        for _ in range(30):
            line.sendall(b"3\r\nabc\r\n")
            time.sleep(STILL / 10)
        line.sendall(b"0\r\n\r\n")
        assert len(rest(line)) > LINES * len(LINE)


def test_a_client_that_fetches_nothing_is_not_waited_for(server: uvicorn.Server) -> None:
    with dial(server) as line:
        line.sendall(b"0\r\n\r\n")
        time.sleep(3 * STILL)
        assert len(rest(line)) < LINES * len(LINE)
