"""HTTP connections that wait for no request for ever, keep nothing without end, and lose no body.

uvicorn watches neither how long a request's head takes nor how large it grows: anybody could hold as many connections
and as much memory as the process may have, without a token. While a request is being answered its route bounds the
body (`body.py`, `submitting.py`); what comes before and after that is bounded here.

It also takes the body of a request that offers another protocol for empty. Java's HttpClient offers HTTP/2 with every
request over plain HTTP. And it minds neither clients that wait for `100 Continue` nor those that know no chunks
(`_Cycle`, `_Old`).
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from natalog.gateway.language import Language
from natalog.gateway.problems import MEDIA_TYPE, Problem

HEAD_BYTES: Final = 65_536
"""Address and headers of one request."""
UNSENT: Final = 65_536
"""Bytes of an answer that wait for the client in the system. It would keep megabytes, and nobody would see for many
minutes that a slow client fetches them."""
_LINGER: Final = 2.0
"""Seconds in which a refused client may fetch its answer; closed at once, what it still sends would destroy it."""
_TOO_LARGE: Final = Problem(
    431, "too-large", f"Address and headers may have {HEAD_BYTES:,} bytes. Send fewer or shorter headers."
)
_TOO_SLOW: Final = Problem(
    408, "too-slow", "The request's headers did not come in time. Send again over a better line."
)
_NO_HTTP: Final = Problem(400, "bad-request", "This is not HTTP/1.1. Send a request as RFC 9112 has it.")


class _Cycle(RequestResponseCycle):
    """One request and its answer."""

    async def send(self, message: ASGISendEvent) -> None:
        if (
            message["type"] == "http.response.start"
            and message["status"] < 300
            and self.waiting_for_100_continue
            and not self.transport.is_closing()
        ):
            # A stream's answer begins before its body was read; once it has, nobody who waits would send that.
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await super().send(message)


class _Old(RequestResponseCycle):
    """The same in HTTP/1.0, which knows neither: what has no length ends with the connection (RFC 9112, 6.1)."""

    async def send(self, message: ASGISendEvent) -> None:
        self.chunked_encoding = False
        self.expected_content_length = len(message["body"]) if message["type"] == "http.response.body" else 0
        await super().send(message)


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with bounds. What is wrong is told as a problem where no answer has begun."""

    head_seconds = 30.0
    """From a connection's start, or the first byte after an answer, to the end of the next request's headers."""
    _due: asyncio.TimerHandle | None = None
    _began = False
    """Whether some of a head has come, and not its end."""
    _unread = 0
    """Bytes since the parser last gave anything on: of a head, of trailers, or what frames a body."""
    _fault = _NO_HTTP
    _over = False
    """Whether what still comes is thrown away."""

    # From the transport ----------------------------------------------------------------------------------------------

    # uvicorn declares its own transport narrower than asyncio does.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self._expect_head()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client that has asked in full and sends no more may be reading on."""
        if self._is_idle or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        self._unset_keepalive_if_required()
        self._unread += len(data)
        try:
            self._parse(data)
        except HttpParserError:
            self._refuse(self._fault)
            return
        if self._unread > HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._due is None and self._is_idle:
            self._expect_head()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            # Declined: the same request without it, and its body, which this parser does not look for.
            method, version = self.parser.get_method(), self.parser.get_http_version().encode()
            lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
            lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self._parse(b"\r\n".join([*lines, b"", b""]))
            self._parse(data[offer.args[0] :])

    # From the parser -------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._began = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("this is no proxy")  # to the parser, which goes on no more
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self._fault = _TOO_LARGE
            raise ValueError("the head is too large")
        if not self.parser.should_upgrade():
            self._head_came()
            super().on_headers_complete()
            self.cycle.__class__ = _Cycle
            if self.parser.get_http_version() == "1.0":
                self.cycle.__class__ = _Old
                self.cycle.waiting_for_100_continue = False

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    # From the answer and the clock -----------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._end()

    def timeout_keep_alive_handler(self) -> None:
        self._end()

    def _head_is_late(self) -> None:
        if self._began:
            self._refuse(_TOO_SLOW)
        else:  # nobody asked anything
            self._end()

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._due = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_came(self) -> None:
        self._began, self._unread = False, 0
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _refuse(self, problem: Problem) -> None:
        self._over = True
        if not (self._is_idle or self.cycle.more_body):
            # What came before was asked in full and may be recorded: it gets its own answer, and the line is closed.
            self.cycle.keep_alive = False
            return
        if not self._is_idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.is_closing() or not (self._is_idle or not self.cycle.response_started):
            self._end()
            return
        self.transport.write(_answer(problem))
        self.transport.write_eof()
        self.loop.call_later(_LINGER, self._end)

    def _end(self) -> None:
        if self.transport.get_write_buffer_size():
            # It closes once the client has fetched the rest, and nobody else looks whether it does.
            self.loop.call_later(self.timeout_keep_alive, self.transport.abort)
        self.transport.close()


def _answer(problem: Problem) -> bytes:
    body = problem.body()
    return (
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nContent-Language: {Language.BOTH.value}\r\nConnection: close\r\n\r\n"
    ).encode() + body
