"""HTTP connections that are closed when a request's head does not come in time or has no end.

uvicorn waits for ever for the rest of a head, and for the first byte of a connection, and keeps a head of any length:
anybody could hold as many connections and as much memory as the process may have, without a token.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Punctual(HttpToolsProtocol):
    """uvicorn's protocol with a time limit for each head."""

    head_seconds = 30.0
    head_bytes = 1 << 20  # well above one read of the socket, which may begin with the end of a body
    _head = 0
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head = 0 if self._due is None else self._head + len(data)
        if self._head > self.head_bytes:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._came()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._came()
        self._due = self.loop.call_later(self.head_seconds, self.transport.close)

    def _came(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
