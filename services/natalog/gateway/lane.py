"""The way of lines to Kafka and of their entries back: a producer of its own, and one wake-up for many entries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from natalog.gateway.intake_producer import IntakeProducer, QueueFull
from natalog.gateway.lines import Awaited, Line
from natalog.gateway.problems import Problem

_PUT_WITHIN: Final = 30.0
"""Seconds a record of a stream waits for room in the producer."""
_SAFE_WITHIN: Final = 1.0
"""Seconds after its deadline that a line waits for its record to be safe, so that a 202 means that it is."""
_LOOK_EVERY: Final = 0.02  # seconds


class Lane:
    """Lives on the event loop; `arrived` is called on the replica's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, producer: IntakeProducer) -> None:
        self._loop = loop
        self._producer = producer
        self._listeners: set[asyncio.Event] = set()
        self._woken = False
        self.awaited = Awaited()

    def arrived(
        self, partition: int, events: Sequence[bytes], offsets: Sequence[int], values: Sequence[bytes]
    ) -> None:
        """Valid entries of one partition with their event ids, in ledger order. From any one thread."""
        # Set before the call: what is matched after the ring began finds it False again.
        if self.awaited.match(partition, events, offsets, values) and not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._ring)
            except RuntimeError:  # the loop is closed: the process is ending
                self._woken = False

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever lines of any stream were answered."""
        moved = asyncio.Event()
        self._listeners.add(moved)
        try:
            yield moved
        finally:
            self._listeners.discard(moved)

    def offer(self, line: Line) -> bool:
        """Await the line's entry and hand its record to the producer; False when that is full.

        Raises TooLarge. Whoever got True forgets the line at `awaited` in the end.
        """
        self.awaited.expect(line)
        try:
            self._producer.put(line.topic, line.partition, line.key, line.value)
        except QueueFull:
            self.awaited.forget(line)
            return False
        except BaseException:
            self.awaited.forget(line)
            raise
        return True

    async def put(self, line: Line) -> None:
        """The same, waiting for room. Raises Problem 503 when there is none for long, and TooLarge."""
        deadline = time.monotonic() + _PUT_WITHIN
        while not self.offer(line):
            if time.monotonic() > deadline:
                raise Problem(
                    503,
                    "busy",
                    "The queue is full and nothing was recorded. Send again later.",
                    retry_after=2,
                )
            await asyncio.sleep(_LOOK_EVERY)

    async def safe(self, deadline: float) -> None:
        """Return when everything put so far stands on Kafka, at the latest a second after `deadline` (monotonic)."""
        # The producer tells nobody when it is empty; lines that are late are rare.
        while self._producer.waiting and time.monotonic() < deadline + _SAFE_WITHIN:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY)

    def _ring(self) -> None:
        self._woken = False
        for moved in self._listeners:
            moved.set()
