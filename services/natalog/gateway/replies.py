"""Brings each submission together with its own entry on the committed ledger.

What a submission waits for is the entry whose cause (topic, partition, offset) is the record this gateway
produced for it. The offset comes with the delivery report, the entry by way of the ledger, and either may be
first; the event id brings them near each other, since two submissions may carry the same one.

Deliveries come from the producer's thread and entries from the follower's; both are handed to the event loop
in batches, and everything below `_drain` runs there alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Arrived:
    """A valid entry, as it stands on the ledger."""

    partition: int
    offset: int
    """Ledger offset."""
    event_id: bytes
    """Of its input, 16 bytes."""
    topic: str
    cause: int
    """Offset of its input in that topic and the same partition."""
    value: bytes


_ROUND = 500
"""Deliveries and entries handled at once: a burst of bulk must not hold up the event loop."""


class Unknown(Enum):
    """Stands for a verdict when the outcome of the send is not known."""

    SEND = "send"


@dataclass(slots=True, eq=False)
class Waiting:
    """One submission that was handed to the producer."""

    event_id: bytes
    topic: str
    partition: int
    reply: asyncio.Future[Arrived | Unknown]
    offset: int = -1
    """Of its record, once the delivery report said it."""
    recorded: asyncio.Future[None] | None = None
    """Set by whoever wants to know when the delivery report is there."""
    candidates: list[Arrived] = field(default_factory=list)
    """Entries of the same event id that came before the delivery report."""


class Replies:
    """All submissions in flight, by event id."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[bytes, list[Waiting]] = {}
        self._deliveries: deque[tuple[Waiting, int | None]] = deque()
        self._entries: deque[Arrived] = deque()
        self._woken = False

    def __len__(self) -> int:
        return sum(len(w) for w in self._waiting.values())

    def expect(self, event_id: bytes, topic: str, partition: int) -> Waiting:
        """Register before producing: the entry may come at any time after. Call `forget` when done."""
        waiting = Waiting(event_id, topic, partition, self._loop.create_future())
        self._waiting.setdefault(event_id, []).append(waiting)
        return waiting

    def forget(self, waiting: Waiting) -> None:
        """The submission is answered, or nobody waits any longer."""
        same = self._waiting.get(waiting.event_id)
        if same is not None and waiting in same:
            same.remove(waiting)
            if not same:
                del self._waiting[waiting.event_id]

    async def recorded(self, waiting: Waiting, deadline: float) -> None:
        """Return when the record stands on its topic, or its outcome is unknown, or at `deadline` (loop time)."""
        if waiting.offset >= 0 or waiting.reply.done():
            return
        waiting.recorded = self._loop.create_future()
        await asyncio.wait(
            (waiting.recorded, waiting.reply),
            timeout=max(0.0, deadline - self._loop.time()),
            return_when=asyncio.FIRST_COMPLETED,
        )

    def idle(self) -> bool:
        """Whether nobody waits; may be asked from any thread, unlike `len`, which walks what the loop changes."""
        return not self._waiting

    def wants(self, event_id: bytes) -> bool:
        """Whether somebody waits for this event id; may be asked from any thread."""
        return event_id in self._waiting

    def delivered(self, waiting: Waiting, offset: int | None) -> None:
        """The delivery report: where the record stands, or None when nobody knows. From any thread."""
        self._deliveries.append((waiting, offset))
        self._wake()

    def arrived(self, entries: Iterable[Arrived]) -> None:
        """Entries somebody `wants`, in ledger order. From any thread."""
        self._entries.extend(entries)
        self._wake()

    def _wake(self) -> None:
        # Set before the call: a record appended after the drain began finds it False again.
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop is closed: the process is ending
                self._woken = False

    def _drain(self) -> None:
        self._woken = False
        for _ in range(min(_ROUND, len(self._deliveries))):
            waiting, offset = self._deliveries.popleft()
            if offset is None:
                _answer(waiting, Unknown.SEND)
                continue
            waiting.offset = offset
            if waiting.recorded is not None and not waiting.recorded.done():
                waiting.recorded.set_result(None)
            for entry in waiting.candidates:
                _match(waiting, entry)
            waiting.candidates.clear()
        for _ in range(min(_ROUND, len(self._entries))):
            entry = self._entries.popleft()
            for waiting in self._waiting.get(entry.event_id, ()):
                if waiting.offset < 0:
                    waiting.candidates.append(entry)
                else:
                    _match(waiting, entry)
        if self._deliveries or self._entries:
            self._wake()


def _match(waiting: Waiting, entry: Arrived) -> None:
    if (
        entry.cause == waiting.offset
        and entry.topic == waiting.topic
        and entry.partition == waiting.partition
    ):
        _answer(waiting, entry)


def _answer(waiting: Waiting, reply: Arrived | Unknown) -> None:
    if not waiting.reply.done():
        waiting.reply.set_result(reply)
