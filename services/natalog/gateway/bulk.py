"""The lane of many records: streams and ranges share one budget, so that a desk never waits behind them.

Three things keep the lanes apart. Bulk has a producer of its own, whose queue can be full without a desk noticing.
All bulk together has a bounded amount on its way, which bounds what a desk's record finds before it in the intake
topic. And bulk takes turns on the event loop, one small slice per round, however many streams there are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

SLICE: Final = 8
"""Lines of one turn that are not clean: about half a millisecond."""
_UNIT: Final = 4_096
"""Bytes of a record that count as one record: large ones take more of the budget, so it bounds memory too."""


class Bulk:
    """The budget, in records of at most 4 KiB, and the turns."""

    def __init__(self, in_flight: int) -> None:
        self._room = in_flight
        self._most = in_flight
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._turn = asyncio.Lock()

    @property
    def used(self) -> int:
        """How much of the budget is on its way."""
        return self._most - self._room

    def cost(self, size: int) -> int:
        """What a record of `size` bytes takes of the budget."""
        return min(1 + size // _UNIT, self._most)

    def take(self, units: int) -> bool:
        """Take room if there is some and nobody waits for it."""
        if self._waiting or units > self._room:
            return False
        self._room -= units
        return True

    async def acquire(self, units: int) -> None:
        """Wait for room: first come, first served, among all streams and ranges."""
        if self.take(units):
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((units, granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.release(units)
            else:
                granted.cancel()
                self._grant()
            raise

    def release(self, units: int) -> None:
        """A record is settled: give back what `acquire` took."""
        self._room += units
        self._grant()

    async def turn(self) -> None:
        """Let everybody else go first, then the other streams, each in its turn."""
        async with self._turn:
            await asyncio.sleep(0)

    def _grant(self) -> None:
        while self._waiting:
            units, granted = self._waiting[0]
            if granted.cancelled():
                self._waiting.popleft()
            elif units <= self._room:
                self._waiting.popleft()
                self._room -= units
                granted.set_result(None)
            else:
                return


class Pace:
    """Counts the lines of one stream and takes a turn after every slice of them."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._left = SLICE

    async def step(self) -> None:
        """Call after each line."""
        self._left -= 1
        if self._left <= 0:
            self._left = SLICE
            await self._bulk.turn()
