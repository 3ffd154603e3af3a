"""Bodies of one JSON object a line: read, sent and answered at the same time, verdicts in order.

Three stages, each bounded, so that a million lines take no more memory than a thousand: lines are read and sent while
the bulk lane has room, settled in order as their entries come, and delivered in order once the originals of repeats
have been read from the ledger. What the client does not fetch goes to disk (`answers.py`). Lines go from stage to stage
in slices, and what is done for each of them is compiled (`lines.py`); whatever is not clean goes the careful way alone.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from natalog import metrics
from natalog.decision.codes import REPEATED, VERDICTS
from natalog.decision.numbers import is_wellformed
from natalog.gateway.answers import Answers
from natalog.gateway.auth import Caller
from natalog.gateway.body import Bounds
from natalog.gateway.body_lines import lines_of
from natalog.gateway.bulk import SLICE, Bulk
from natalog.gateway.desk import Desk, Original, Repeated, pending
from natalog.gateway.intake_producer import TooLarge
from natalog.gateway.json_text import parse
from natalog.gateway.lane import Lane
from natalog.gateway.language import Language
from natalog.gateway.lines import Line, Settled, render, renderable, settle
from natalog.gateway.problems import Problem
from natalog.gateway.ranges import Ranges
from natalog.gateway.submission import prepare, taker_of, today
from natalog.gateway.verdict import token, verdict_json, words_of
from natalog.wire.hot import EntryView, read_entry

_LINES: Final = 32
"""Lines of one turn: about half a millisecond, as long as they are clean."""
_AHEAD: Final = 500
"""Slices between two stages: where one stands still, the others soon do."""


@dataclass(slots=True, eq=False)
class _Slice:
    """Consecutive lines: a problem or other answer that is there already, or a record on its way."""

    items: list[Line | bytes]
    deadline: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _Repeats:
    """Consecutive lines whose originals are being read."""

    lines: list[Line]
    reading: asyncio.Task[list[Original | None]]


class Stream:
    """One body under way. `run` reads and answers it into `answers`, which somebody must fetch."""

    def __init__(
        self,
        desk: Desk,
        lane: Lane,
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
        self._lane = lane
        self._bulk = bulk
        self._ranges = ranges
        self._answers = answers
        self._caller = caller
        self._kind = kind
        self._wait = wait
        self._language = language
        self._bounds = bounds
        self._taker = taker_of(kind, caller)
        self._words = words_of(kind, language)
        self._held = 0
        """Room of the bulk lane this stream holds."""
        self._open: list[Line | bytes] = []
        """The slice that is being filled."""
        self._readings: set[asyncio.Task[list[Original | None]]] = set()
        self._sent: asyncio.Queue[_Slice | None] = asyncio.Queue(_AHEAD)
        self._under_way: deque[_Slice] = deque()
        self._settled: asyncio.Queue[list[bytes] | _Repeats | None] = asyncio.Queue(_AHEAD)
        self.read = 0
        """Lines of the body so far."""

    async def run(self, chunks: AsyncIterator[bytes], *, gzipped: bool) -> None:
        """Read the body to its end and settle every line. What is wrong with the body becomes its last line."""
        try:
            with self._lane.listening() as moved:
                async with asyncio.TaskGroup() as stages:
                    stages.create_task(self._read(chunks, gzipped))
                    stages.create_task(self._settle(moved))
                    stages.create_task(self._deliver())
        finally:
            self._answers.end()
            self._let_go()

    def _let_go(self) -> None:
        """After a stream that broke: nobody waits for these any longer, though they are on their way all the same."""
        for items in (self._open, *(s.items for s in self._under_way)):
            for line in items:
                if isinstance(line, Line):
                    self._lane.awaited.forget(line)
        for reading in self._readings:
            reading.cancel()
        self._release(self._held)

    def _release(self, units: int) -> None:
        self._held -= units
        self._bulk.release(units)

    async def _read(self, chunks: AsyncIterator[bytes], gzipped: bool) -> None:
        try:
            async for lines in lines_of(chunks, gzipped, self._bounds):
                for start in range(0, len(lines.texts), _LINES):
                    end = start + _LINES
                    await self._answers.room()
                    await self._take(lines.texts[start:end], lines.numbers[start:end])
                    await self._bulk.turn()
        except Problem as problem:
            self._open.append(problem.body(self._language))
        await self._pass_on()
        await self._sent.put(None)

    async def _take(self, texts: list[bytes], numbers: Sequence[int]) -> None:
        closed: Problem | None = None
        try:
            self._desk.refuse_when_closed()
        except Problem as problem:
            closed = problem
        day, take, unclean = today(), self._taker.take, 0
        for number, text in zip(numbers, texts, strict=True):
            if closed is not None:
                self._refused(closed, number)
                continue
            line = take(text, day)
            try:
                if line is None:
                    unclean += 1
                    if unclean % SLICE == 0:
                        await self._bulk.turn()
                    careful = await self._carefully(text)
                    if isinstance(careful, bytes):
                        self._open.append(careful)
                        continue
                    line = careful
                await self._send(line)
            except Problem as problem:
                self._refused(problem, number)
        self.read = numbers[-1]
        await self._pass_on()

    def _refused(self, problem: Problem, number: int) -> None:
        metrics.GATEWAY_SUBMISSIONS.labels(self._kind, "problem").inc()
        problem.line = number
        self._open.append(problem.body(self._language))

    async def _carefully(self, text: bytes) -> Line | bytes:
        content = parse(text)
        if isinstance(content, dict) and "range" in content:
            await self._pass_on()
            return await self._ranges.send(self._kind, content, self._caller)
        made = prepare(self._kind, content, self._caller, self._language)
        line = Line(made.event_id.bytes, made.number, made.topic, made.partition, made.key, made.value)
        line.plain = made.number is not None and is_wellformed(made.number)
        return line

    async def _send(self, line: Line) -> None:
        units = line.units = self._bulk.cost(len(line.value))
        if not self._bulk.take(units):
            await self._pass_on()  # what stands in this slice may hold the room that is waited for
            await self._bulk.acquire(units)
        self._held += units
        try:
            if not self._lane.offer(line):
                await self._pass_on()
                await self._lane.put(line)
        except Problem as problem:
            self._release(units)
            problem.event_id = str(uuid.UUID(bytes=line.event_id))
            raise
        except TooLarge:
            self._release(units)
            raise Problem(
                413,
                "too-large",
                "The record is too large. Seal fewer fields.",
                event_id=str(uuid.UUID(bytes=line.event_id)),
            ) from None
        self._open.append(line)

    async def _pass_on(self) -> None:
        if self._open:
            made = _Slice(self._open, time.monotonic() + self._wait)
            self._open = []
            self._under_way.append(made)
            await self._sent.put(made)

    async def _settle(self, moved: asyncio.Event) -> None:
        while (made := await self._sent.get()) is not None:
            await self._settle_slice(made, moved)
            self._under_way.popleft()
            await self._bulk.turn()
        await self._settled.put(None)

    async def _settle_slice(self, made: _Slice, moved: asyncio.Event) -> None:
        at, items = 0, made.items
        while at < len(items):
            out: list[bytes] = []
            done = Settled()
            at = settle(items, at, out, self._words, self._lane.awaited, done)
            if done.units:
                self._release(done.units)
                self._count("ACCEPTED", done.accepted)
                self._count("REFUSED", done.refused)
            if out:
                await self._settled.put(out)
            if at == len(items):
                return
            line = items[at]
            assert isinstance(line, Line)
            if line.entry is None and time.monotonic() < made.deadline:
                await _moved(moved, line, made.deadline)
            elif repeats := _repeats_from(items, at):
                at += len(repeats)
                await self._look_up(repeats, made.deadline)
            else:
                at += 1
                await self._settle_alone(line, made.deadline)

    async def _settle_alone(self, line: Line, deadline: float) -> None:
        """A line that is late, or one whose verdict takes care."""
        if line.entry is None:
            await self._lane.safe(deadline)
        entry = line.entry
        self._lane.awaited.forget(line)
        self._release(line.units)
        if entry is None or entry.verdict == REPEATED:  # the latter only if it came within this last moment
            self._count("pending", 1)
            await self._settled.put([pending(str(uuid.UUID(bytes=line.event_id)))])
        else:
            self._count(VERDICTS[entry.verdict], 1)
            await self._settled.put([self._verdict(line, entry)])

    async def _look_up(self, lines: list[Line], deadline: float) -> None:
        repeats = []
        for line in lines:
            self._lane.awaited.forget(line)
            assert line.entry is not None
            repeats.append(Repeated(line.partition, line.entry.first, token(line.partition, line.offset)))
        # All repeats of the body are read together, so each may take as long as all of them do.
        ids = [line.event_id for line in lines]
        reading = asyncio.create_task(self._desk.originals(ids, repeats, deadline + self._wait))
        self._readings.add(reading)
        await self._settled.put(_Repeats(lines, reading))

    async def _deliver(self) -> None:
        while (item := await self._settled.get()) is not None:
            if not isinstance(item, _Repeats):
                for answer in item:
                    self._answers.put(answer)
                continue
            originals = await item.reading
            self._readings.discard(item.reading)
            self._release(sum(line.units for line in item.lines))
            told = sum(original is not None for original in originals)
            self._count("repeated", told)
            self._count("pending", len(originals) - told)
            for line, original in zip(item.lines, originals, strict=True):
                if original is None:
                    self._answers.put(pending(str(uuid.UUID(bytes=line.event_id))))
                else:
                    line.answer = original.value
                    self._answers.put(self._verdict(line, read_entry(original.value)))
            await self._bulk.turn()

    def _verdict(self, line: Line, entry: EntryView) -> bytes:
        if renderable(line, entry):
            return render(line, entry, self._words)
        return verdict_json(
            entry,
            line.answer,
            partition=line.partition,
            event_id=str(uuid.UUID(bytes=line.event_id)),
            kind=self._kind,
            number=line.number,
            language=self._language,
        )

    def _count(self, answer: str, lines: int) -> None:
        if lines:
            metrics.GATEWAY_SUBMISSIONS.labels(self._kind, answer).inc(lines)


def _repeats_from(items: list[Line | bytes], start: int) -> list[Line]:
    """Lines from `start` on that were sent before, up to the first that was not."""
    found = []
    for item in items[start:]:
        if not isinstance(item, Line) or item.entry is None or item.entry.verdict != REPEATED:
            break
        found.append(item)
    return found


async def _moved(moved: asyncio.Event, line: Line, deadline: float) -> None:
    """Return when lines were answered since, or at the deadline."""
    moved.clear()
    if line.entry is not None:  # it came before the event was cleared
        return
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            await moved.wait()
    except TimeoutError:
        return
