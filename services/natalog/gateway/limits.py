"""What one caller may ask for, so that none takes the place of the others. A caller is a token's `sub`."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from natalog import metrics
from natalog.gateway.problems import Problem

_KEPT: Final = 20_000
"""Callers remembered; whoever was quiet for longest is forgotten first, and has its full burst again then."""


class Limits:
    """Requests by token bucket (`rate` a second, twice that at once), and streams at a time. 0 is no limit.

    The limit is this process's: several gateways side by side allow a caller that many times more.
    """

    def __init__(self, *, rate: float, streams: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1.0, 2 * rate)
        self._streams = streams
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._open: dict[str, int] = {}

    def admit(self, sub: str) -> None:
        """Count one request. Raises Problem 429 with the seconds to wait."""
        if self._rate <= 0:
            return
        now = self._clock()
        left, at = self._buckets.pop(sub, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        admitted = left >= 1
        self._buckets[sub] = (left - 1 if admitted else left, now)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        if not admitted:
            metrics.GATEWAY_LIMITED.labels("rate").inc()
            raise Problem(
                429,
                "too-many",
                f"More than {self._rate:g} requests a second came from this caller. "
                "Wait, or send many records in one NDJSON body.",
                retry_after=max(1, round((1 - left) / self._rate)),
            )

    @contextmanager
    def stream(self, sub: str) -> Iterator[None]:
        """Hold one of the caller's streams. Raises Problem 429 when all are taken."""
        held = self._open.get(sub, 0)
        if self._streams and held >= self._streams:
            metrics.GATEWAY_LIMITED.labels("streams").inc()
            raise Problem(
                429,
                "too-many",
                f"{self._streams} streams or ranges of this caller are under way. Wait for one to end.",
                retry_after=5,
            )
        self._open[sub] = held + 1
        try:
            yield
        finally:
            left = self._open[sub] - 1
            if left:
                self._open[sub] = left
            else:
                del self._open[sub]
