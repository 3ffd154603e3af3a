"""Sends prepared HTTP requests over many kept-alive connections and times the answers: a process of its own.

    python -m bench.http_client HOST PORT REQUESTS SECONDS CONNECTIONS RATE

REQUESTS is a pickled list of whole requests (bytes), used one after the other. RATE 0: each connection asks again as
soon as it was answered. Else requests are due at a steady pace, whether a connection is free or not, and times count
from when a request was due. The first fifth of the time does not count. Prints a JSON object.

No HTTP library: it has to be several times faster than what it measures.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from collections import deque
from pathlib import Path
from typing import cast

import uvloop


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.free(self)

    def ask(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        status = int(self._buffer[9:12])
        self._buffer = b""
        self._load.answered(status, self._due)
        self._load.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost += 1


class _Load:
    def __init__(self, requests: list[bytes], seconds: float, rate: float) -> None:
        self._requests = requests
        self._next = 0
        self._rate = rate
        self._begin = time.perf_counter() + 0.05  # while the connections are made
        self._count_from = self._begin + seconds / 5
        self._end = self._begin + seconds
        self._idle: deque[_Connection] = deque()
        self._due: deque[float] = deque()
        self.ms: list[float] = []
        self.statuses: dict[int, int] = {}
        self.lost = 0

    def free(self, connection: _Connection) -> None:
        now = time.perf_counter()
        if self._rate:
            if self._due:
                self._ask(connection, self._due.popleft())
            else:
                self._idle.append(connection)
        elif now < self._end:
            self._ask(connection, now)

    def _ask(self, connection: _Connection, due: float) -> None:
        connection.ask(self._requests[self._next % len(self._requests)], due)
        self._next += 1

    def answered(self, status: int, due: float) -> None:
        now = time.perf_counter()
        if self._count_from <= now <= self._end:
            self.ms.append((now - due) * 1000)
            self.statuses[status] = self.statuses.get(status, 0) + 1

    async def pace(self) -> None:
        sent = 0
        while (now := time.perf_counter()) < self._end:
            while self._rate and self._begin + sent / self._rate <= now:
                due = self._begin + sent / self._rate
                sent += 1
                if self._idle:
                    self._ask(self._idle.popleft(), due)
                else:
                    self._due.append(due)
            await asyncio.sleep(0.0005 if self._rate else 0.05)
        await asyncio.sleep(0.2)

    def result(self) -> dict[str, object]:
        counted = self._end - self._count_from
        ms = sorted(self.ms)
        at = lambda share: round(ms[min(len(ms) - 1, int(len(ms) * share))], 2) if ms else None  # noqa: E731
        return {
            "per_second": round(len(ms) / counted),
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "lost": self.lost,
        }


async def _run(host: str, port: int, load: _Load, connections: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(load), host, port)
    await load.pace()
    print(json.dumps(load.result()))


def main(arguments: list[str]) -> None:
    """See the module's docstring."""
    host, port, file, seconds, connections, rate = arguments
    requests = pickle.loads(Path(file).read_bytes())  # noqa: S301 (our own file)
    load = _Load(requests, float(seconds), float(rate))
    uvloop.run(_run(host, int(port), load, int(connections)))


if __name__ == "__main__":
    main(sys.argv[1:])
