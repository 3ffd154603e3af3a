"""Bodies of one JSON object a line: read, sent and answered at the same time, verdicts in order.

Three stages, each bounded, so that a million lines take no more memory than a thousand: lines are read and sent while
the bulk lane has room, settled in order as their entries come, and delivered in order once the originals of repeats
have been read from the ledger. What the client does not fetch goes to disk (`answers.py`).
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from typing import Final

from natalog import metrics
from natalog.gateway.answers import Answers
from natalog.gateway.auth import Caller
from natalog.gateway.body import Bounds
from natalog.gateway.bulk import Bulk, Pace
from natalog.gateway.desk import Desk, Original, Repeated, Sent
from natalog.gateway.json_text import parse
from natalog.gateway.language import Language
from natalog.gateway.problems import Problem
from natalog.gateway.ranges import Ranges
from natalog.gateway.replies import Waiting
from natalog.gateway.submission import Prepared, prepare

_AHEAD: Final = 2_000
"""Lines between two stages: where one stands still, the others soon do."""
_PIECE: Final = 1 << 16

_Settled = bytes | tuple[Prepared, Repeated, asyncio.Task[Original | None], int]
"""A line of the answer, or a repeat whose original is being read and the room it holds."""


class Stream:
    """One body under way. `run` reads and answers it into `answers`, which somebody must fetch."""

    def __init__(
        self,
        desk: Desk,
        bulk: Bulk,
        ranges: Ranges,
        answers: Answers,
        *,
        caller: Caller,
        kind: str,
        wait: float,
        language: Language,
        bounds: Bounds,
    ) -> None:
        self._desk = desk
        self._bulk = bulk
        self._ranges = ranges
        self._answers = answers
        self._caller = caller
        self._kind = kind
        self._wait = wait
        self._language = language
        self._bounds = bounds
        self._held = 0
        """Room of the bulk lane this stream holds."""
        self._open: set[Waiting] = set()
        """Records on their way."""
        self._readings: set[asyncio.Task[Original | None]] = set()
        self._sent: asyncio.Queue[tuple[Sent, float, int] | bytes | None] = asyncio.Queue(_AHEAD)
        self._settled: asyncio.Queue[_Settled | None] = asyncio.Queue(_AHEAD)
        self.read = 0
        """Lines so far."""

    async def run(self, chunks: AsyncIterator[bytes], *, gzipped: bool) -> None:
        """Read the body to its end and settle every line. What is wrong with the body becomes its last line."""
        try:
            async with asyncio.TaskGroup() as stages:
                stages.create_task(self._read(chunks, gzipped))
                stages.create_task(self._settle())
                stages.create_task(self._deliver())
        finally:
            self._answers.end()
            self._let_go()

    def _let_go(self) -> None:
        """After a stream that broke: nobody waits for these any longer, though they are on their way all the same."""
        for waiting in self._open:
            self._desk.forget(waiting)
        for reading in self._readings:
            reading.cancel()
        self._release(self._held)

    def _release(self, units: int) -> None:
        self._held -= units
        self._bulk.release(units)

    async def _read(self, chunks: AsyncIterator[bytes], gzipped: bool) -> None:
        pace = Pace(self._bulk)
        try:
            async for line in _lines(chunks, gzipped, self._bounds):
                self.read += 1
                await self._answers.room()
                await self._sent.put(await self._take(line, self.read))
                await pace.step()
        except Problem as problem:
            await self._sent.put(problem.body(self._language, line=max(self.read, 1)))
        await self._sent.put(None)

    async def _take(self, line: bytes, number: int) -> tuple[Sent, float, int] | bytes:
        try:
            self._desk.refuse_when_closed()
            content = parse(line)
            if isinstance(content, dict) and "range" in content:
                return await self._ranges.send(self._kind, content, self._caller)
            prepared = prepare(self._kind, content, self._caller, self._language)
            units = self._bulk.cost(len(prepared.value))
            await self._bulk.acquire(units)
            self._held += units
            try:
                sent = await self._desk.send_bulk(prepared)
            except Problem:
                self._release(units)
                raise
            self._open.add(sent.waiting)
        except Problem as problem:
            metrics.GATEWAY_SUBMISSIONS.labels(self._kind, "problem").inc()
            return problem.body(self._language, line=number)
        return sent, time.monotonic() + self._wait, units

    async def _settle(self) -> None:
        pace = Pace(self._bulk)
        while (item := await self._sent.get()) is not None:
            if isinstance(item, bytes):
                await self._settled.put(item)
            else:
                await self._settled.put(await self._settled_line(*item))
            await pace.step()
        await self._settled.put(None)

    async def _settled_line(self, sent: Sent, deadline: float, units: int) -> _Settled:
        reply = await self._desk.reply(sent, deadline)
        self._open.discard(sent.waiting)
        answer = self._desk.settle(sent.prepared, reply)
        if not isinstance(answer, Repeated):
            self._release(units)
            return answer.body
        # All repeats of the body are read together, so each may take as long as all of them do.
        reading = asyncio.create_task(self._desk.original(sent.prepared, answer, deadline + self._wait))
        self._readings.add(reading)
        return sent.prepared, answer, reading, units

    async def _deliver(self) -> None:
        pace = Pace(self._bulk)
        while (item := await self._settled.get()) is not None:
            if isinstance(item, bytes):
                self._answers.put(item)
                continue
            prepared, repeated, reading, units = item
            original = await reading
            self._readings.discard(reading)
            self._release(units)
            self._answers.put(self._desk.repeated(prepared, repeated, original).body)
            await pace.step()


async def _lines(chunks: AsyncIterator[bytes], gzipped: bool, bounds: Bounds) -> AsyncIterator[bytes]:
    """Lines that are not blank. Raises Problem 400 for bad gzip, 413 for a line or a body that is too long."""
    rest, size = bytearray(), 0
    async for data in _inflated(chunks) if gzipped else chunks:
        size += len(data)
        if size > bounds.stream:
            raise Problem(
                413, "too-large", f"A body may have {bounds.stream:,} bytes. Send the rest in another one."
            )
        if not rest and data.isspace():  # a gigabyte of blank lines is a megabyte of gzip
            await asyncio.sleep(0)
            continue
        rest += data
        if b"\n" in data:
            *whole, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            for line in whole:
                if len(line) > bounds.record:
                    raise _long_line(bounds)
                if line.strip():
                    yield line
            await asyncio.sleep(0)  # however little of it is records, others have their turn after each piece
        if len(rest) > bounds.record:
            raise _long_line(bounds)
    if rest.strip():
        yield bytes(rest)


def _long_line(bounds: Bounds) -> Problem:
    return Problem(
        413, "too-large", f"A line may have {bounds.record:,} bytes. End each record with a line feed."
    )


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
                raise Problem(
                    400, "bad-json", "The body is not gzip. Send gzip (RFC 1952), or say no encoding."
                ) from None
    if begun and not inflate.eof:
        raise Problem(400, "bad-json", "The gzip body ends early. Send all of it again.")
