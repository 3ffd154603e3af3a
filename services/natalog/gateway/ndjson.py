"""Bodies of one JSON object a line: read, sent and answered at the same time, verdicts in order.

Reading does not wait for answers to be fetched, since many clients send their whole body before they read. So
what has been answered waits in memory, and a body is limited in lines.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from typing import Final

import orjson

from natalog import metrics
from natalog.gateway.auth import Caller
from natalog.gateway.desk import Desk, Repeated, Sent
from natalog.gateway.problems import Problem
from natalog.gateway.submission import Prepared, prepare

MAX_LINES: Final = 50_000
MAX_LINE: Final = 400_000
"""Bytes; a record has at most 250,000, and `sealed` is base64 in JSON."""
IN_FLIGHT: Final = 5_000
"""Records of one body on their way at a time."""
_BREATHE: Final = 50  # lines after which other requests get their turn
_PIECE: Final = 1 << 20
_JOIN: Final = 200  # lines sent to the client at once

_Done = bytes | asyncio.Task[bytes]
"""A line of the answer; a task where it is read from the ledger first."""


class Stream:
    """One body under way. `run` reads and answers it, `lines` yields the answer; both must be driven."""

    def __init__(self, desk: Desk, caller: Caller, kind: str, wait: float) -> None:
        self._desk = desk
        self._caller = caller
        self._kind = kind
        self._wait = wait
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._sent: asyncio.Queue[tuple[Sent, float] | bytes | None] = asyncio.Queue()
        self._done: asyncio.Queue[_Done | None] = asyncio.Queue()

    async def run(self, chunks: AsyncIterator[bytes], *, gzipped: bool) -> None:
        """Read the body to its end and settle every line. What is wrong with the body becomes its last line."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._read(chunks, gzipped))
                both.create_task(self._settle())
        finally:
            self._done.put_nowait(None)  # a second end does no harm, none would keep the client waiting
            while not self._sent.empty():  # the client is gone: nobody waits for these any longer
                item = self._sent.get_nowait()
                if isinstance(item, tuple):
                    self._desk.forget(item[0])

    async def lines(self) -> AsyncIterator[bytes]:
        """The answer, several lines at a time where they are ready."""
        ended = False
        while not ended:
            first = await self._done.get()
            ready: list[bytes] = []
            item = first
            while item is not None:
                ready.append(item if isinstance(item, bytes) else await item)
                if len(ready) == _JOIN or self._done.empty():
                    break
                item = self._done.get_nowait()
            ended = item is None
            if ready:
                yield b"\n".join(ready) + b"\n"

    async def _read(self, chunks: AsyncIterator[bytes], gzipped: bool) -> None:
        number = 0
        try:
            async for line in _lines(chunks, gzipped):
                number += 1
                if number > MAX_LINES:
                    raise Problem(
                        413, "too-large", f"A body may have {MAX_LINES:,} lines. Send the rest in another."
                    )
                await self._take(line, number)
                if number % _BREATHE == 0:
                    await asyncio.sleep(0)
        except Problem as problem:
            self._sent.put_nowait(problem.body(line=max(number, 1)))
        finally:
            self._sent.put_nowait(None)

    async def _take(self, line: bytes, number: int) -> None:
        try:
            self._desk.refuse_when_closed()
            prepared = prepare(self._kind, _parsed(line), self._caller)
            await self._room.acquire()
            try:
                sent = self._desk.send(prepared)
            except BaseException:
                self._room.release()
                raise
        except Problem as problem:
            metrics.GATEWAY_SUBMISSIONS.labels(self._kind, "problem").inc()
            self._sent.put_nowait(problem.body(line=number))
            return
        self._sent.put_nowait((sent, time.monotonic() + self._wait))

    async def _settle(self) -> None:
        while (item := await self._sent.get()) is not None:
            if isinstance(item, bytes):
                self._done.put_nowait(item)
                continue
            sent, deadline = item
            reply = await self._desk.reply(sent, deadline)
            self._room.release()
            answer = self._desk.settle(sent.prepared, reply)
            if isinstance(answer, Repeated):
                self._done.put_nowait(asyncio.create_task(self._original(sent.prepared, answer, deadline)))
            else:
                self._done.put_nowait(answer.body)
        self._done.put_nowait(None)

    async def _original(self, prepared: Prepared, repeated: Repeated, deadline: float) -> bytes:
        # All repeats of the body are looked up together, so each may take as long as all of them do.
        return (await self._desk.original(prepared, repeated, deadline + self._wait)).body


def _parsed(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Problem(400, "bad-json", "This line is not JSON.") from None


async def _lines(chunks: AsyncIterator[bytes], gzipped: bool) -> AsyncIterator[bytes]:
    """Lines that are not blank. Raises Problem 400 for bad gzip, 413 for a line that is too long."""
    rest = b""
    async for data in _inflated(chunks) if gzipped else chunks:
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > MAX_LINE:
            raise Problem(413, "too-large", f"A line may have {MAX_LINE:,} bytes.")
    if rest.strip():
        yield rest


async def _inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gzip (RFC 1952, several members too) undone in pieces of bounded size: a small body can hold gigabytes."""
    inflate = zlib.decompressobj(wbits=31)
    begun = False
    async for chunk in chunks:
        while chunk:
            if inflate.eof:
                inflate = zlib.decompressobj(wbits=31)
            begun = True
            try:
                data = inflate.decompress(chunk, _PIECE)
                chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
                if data:
                    yield data
                while len(data) == _PIECE and not chunk and not inflate.eof:
                    data = inflate.decompress(b"", _PIECE)
                    yield data
            except zlib.error:
                raise Problem(400, "bad-json", "The body is not gzip.") from None
    if begun and not inflate.eof:
        raise Problem(400, "bad-json", "The gzip body ends early. Send all of it again.")
