"""The broker's clock is set while the watch runs, which goes on by the new time (a real one cannot be set here)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from natalog.decision.rules import NEWEST
from natalog.metrics import WATCH_CLOCK_STEPS
from natalog.watch.app import Sent
from natalog.watch.watch import Terms, Watch
from natalog.wire.codec import encode
from tests.unit.test_watch import KEY, MINUTE, PARTITION, T0, completion, filing

HOUR = 60 * MINUTE
GRACE = 2_000


class Broker:
    """One partition of birth.registrations, with a clock that can be set. `mono`: the host's monotonic clock, ms."""

    def __init__(self) -> None:
        self.mono = 0
        self._offset = T0
        self.log: list[tuple[bytes, bytes, int]] = []
        self.alerts: list[int] = []
        """Broker times of what was told."""
        self.watch = Watch(
            Terms(NEWEST, GRACE, 10 * MINUTE),
            None,
            mono=lambda: self.mono / 1000,
            wall=lambda: self.now / 1000,
        )
        self.watch.attach(self)

    @property
    def now(self) -> int:
        return self.mono + self._offset

    def set_clock(self, by: int) -> None:
        """Somebody sets its clock."""
        self._offset += by

    async def hours(self, hours: float) -> None:
        """Time passes: every minute a record that owes nothing, between two sweeps."""
        for _ in range(round(hours * 60)):
            self.mono += MINUTE
            await self.watch.sweep()  # which samples the end
            await self.append(filing(f"F{self.mono}", event=self.mono))
            await self.watch.sweep()

    async def append(self, record: Any) -> None:
        self.log.append((KEY, encode(record), self.now))
        await self.watch.record(PARTITION, len(self.log) - 1, *self.log[-1])

    # What the watch asks of Faust -------------------------------------------------------------------------------------

    def assignment(self) -> set[int]:
        return {PARTITION}

    def started_from(self, partition: int) -> int | None:
        return 0

    async def starts(self, numbers: set[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, 0)

    async def ends(self, numbers: set[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, len(self.log))

    async def commit(self, offsets: dict[int, int]) -> bool:
        return True

    async def send(self, partition: int, key: bytes, value: bytes) -> Awaitable[Sent]:
        self.alerts.append(self.now)

        async def settled() -> Sent:
            return Sent(self.now)

        return settled()


@pytest.mark.parametrize(
    ("by", "minutes"),
    [(0, 31), (-HOUR, 91), (HOUR // 4, 16), (10 * HOUR, 11)],
    ids=["not", "back", "on", "far on"],
)
def test_an_obligation_is_told_of_when_it_is_due_by_the_brokers_clock(by: int, minutes: int) -> None:
    """The clock is set ten minutes after the registration; the alert comes with the record of minute `minutes`."""

    async def story() -> None:
        broker = Broker()
        steps = WATCH_CLOCK_STEPS._value.get()
        await broker.hours(1 / 60)
        registered = broker.now
        await broker.append(completion(at=registered))
        await broker.hours(10 / 60)
        broker.set_clock(by)
        await broker.hours(2)
        (told,) = broker.alerts
        assert told >= registered + 30 * MINUTE + GRACE
        assert told - by - registered == minutes * MINUTE, "counted in real time"
        assert WATCH_CLOCK_STEPS._value.get() - steps == (1 if by else 0)

    asyncio.run(story())
