"""What the broker's clock, the ministry's, shows by the monotonic clock of this process. Pure: times come in.

Everything is decided and falls due by the broker's time. This host's own clock may be wrong or be set meanwhile, so it
serves only until the broker's was seen: each record appended between two moments of this process tells that the
broker's clock then showed its time. All times in milliseconds; `mono` is this process's monotonic clock.
"""

from __future__ import annotations

TOLERANCE_MS = 1_000
"""Measurements that contradict each other by more mean that a clock was set: brokers and delays differ by less."""


class BrokerClock:
    """The broker's time as an interval of offsets to `mono`, the narrowest that all measurements agree on."""

    def __init__(self) -> None:
        self._low: int | None = None
        self._high: int | None = None
        self._at_least: int | None = None
        """Before the first measurement: the offset by the newest record read, a lower bound."""

    @property
    def is_measured(self) -> bool:
        """Whether the broker's clock was seen."""
        return self._low is not None

    def now(self, mono: int, wall: int) -> int:
        """The broker's time at `mono`, never later than it is; before a measurement `wall`, this host's own, counts."""
        if self._low is not None:
            return mono + self._low
        return wall if self._at_least is None else max(wall, mono + self._at_least)

    def read(self, stamp: int, mono: int) -> None:
        """A record of time `stamp` was in hand at `mono`: the broker's clock showed no less before."""
        if self._low is None:
            self._at_least = stamp - mono if self._at_least is None else max(self._at_least, stamp - mono)

    def measure(self, stamp: int, after: int, before: int) -> int:
        """A record of time `stamp` was appended between `after` and `before`, on `mono`.

        Returns by how many milliseconds the broker's clock was set since the last measurement: 0 when they agree.
        """
        low, high = stamp - before, stamp - after
        if self._low is None or self._high is None:
            self._low, self._high = low, high
            return 0
        if low <= self._high and high >= self._low:
            self._low, self._high = max(low, self._low), min(high, self._high)
            return 0
        step = low - self._high if low > self._high else high - self._low
        self._low, self._high = low, high
        return step if abs(step) > TOLERANCE_MS else 0
