"""Who does not say what it wants is not waited for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from natalog.gateway.punctual import Punctual

SLOW = 0.6


class Impatient(Punctual):
    head_seconds = SLOW


async def answer(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(answer, port=0, loop="uvloop", http=Impatient, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def dial(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port))
    line.settimeout(SLOW + 5)
    return line


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize("sent", [b"", b"P", HEAD])
def test_a_head_that_does_not_come_ends_the_connection(port: int, sent: bytes) -> None:
    with dial(port) as line:
        line.sendall(sent)
        began = time.monotonic()
        assert line.recv(100) == b""
        assert time.monotonic() - began > SLOW / 2


def test_so_does_the_second_one(port: int) -> None:
    with dial(port) as line:
        line.sendall(HEAD + b"\r\nab")
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
        line.sendall(HEAD)
        assert line.recv(1000) == b""


def test_a_body_may_take_longer_and_so_may_the_next_request(port: int) -> None:
    with dial(port) as line:
        for _ in range(2):
            line.sendall(HEAD + b"\r\na")
            time.sleep(SLOW * 1.5)
            line.sendall(b"b")
            assert line.recv(1000).startswith(b"HTTP/1.1 200")
            time.sleep(SLOW * 1.5)


def test_a_head_without_an_end_ends_the_connection(port: int) -> None:
    endless = HEAD + (b"X-More: " + b"x" * 1_000_000 + b"\r\n") * 64
    with dial(port) as line, pytest.raises(OSError):
        line.sendall(endless)
