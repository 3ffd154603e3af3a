"""The time by which a number's status is judged: the broker's, as for the registrar, whatever this host's clock says.

The broker stamps every query's own record before the query is answered. That tells how its clock stands to this
process's monotonic one, for the queries to come, and whether this answer was judged by the right time at all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from natalog.kafka.broker_clock import BrokerClock

log = logging.getLogger(__name__)

BOUND_MS: Final = 5_000
"""How far from the broker's the time of an answer may lie; the alert HostClockOff begins there too."""


class Clock:
    """`mono` and `wall` in seconds. Read from any thread, measured on the event loop."""

    def __init__(
        self, *, mono: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._mono = mono
        self._wall = wall
        self._broker = BrokerClock()

    def mono(self) -> int:
        """Milliseconds of the monotonic clock: ages are differences of these."""
        return int(self._mono() * 1000)

    def at(self, mono: int) -> int:
        """The broker's time at `mono`, Unix milliseconds; until the first stamp this host's own."""
        broker = self._broker
        return broker.now(mono, 0 if broker.is_measured else int(self._wall() * 1000))

    def confirms(self, stamp: int, asked: int, judged: int) -> bool:
        """Whether `judged` was the broker's time at `asked`, within BOUND_MS.

        `stamp` is what the broker put on a record sent after `asked` (`mono`) and acknowledged by now.
        """
        now = self.mono()
        self._broker.measure(stamp, asked, now)
        if stamp - (now - asked) - BOUND_MS <= judged <= stamp + BOUND_MS:
            return True
        log.warning(
            "a status was judged by a wrong clock and not told",
            extra={"broker_minus_ours_ms": stamp - judged},
        )
        return False

    def offset(self) -> float:
        """Seconds by which the broker's clock is ahead of this host's; NaN before the first stamp."""
        if not self._broker.is_measured:
            return float("nan")
        return self.at(self.mono()) / 1000 - self._wall()
