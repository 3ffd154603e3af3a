"""Brings delivery reports of query records to those who wait for them, a burst of them with one wake-up of the loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

Report = Callable[[int | None], None]


class Receipts:
    """Lives on the event loop; reports come from the producer's thread."""

    def __init__(self) -> None:
        self._told: deque[tuple[asyncio.Future[int | None], int | None]] = deque()
        self._woken = False

    def expect(self) -> tuple[asyncio.Future[int | None], Report]:
        """What to wait for (the offset; None: nobody knows), and what the producer is to call."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[int | None] = loop.create_future()

        def report(offset: int | None) -> None:
            self._told.append((written, offset))
            # Set before the call: what is appended after the drain began finds it False again.
            if not self._woken:
                self._woken = True
                try:
                    loop.call_soon_threadsafe(self._drain)
                except RuntimeError:  # the loop is closed: the process is ending
                    self._woken = False

        return written, report

    def _drain(self) -> None:
        self._woken = False
        while self._told:
            written, offset = self._told.popleft()
            if not written.done():
                written.set_result(offset)
