"""What one caller may ask for, so that none takes the place of the others. A caller is a token's `sub`."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from natalog import metrics
from natalog.gateway.problems import Problem

_KEPT: Final = 20_000
"""Callers remembered; whoever was quiet for longest is forgotten first, and has its full burst again then."""


class Limits:
    """Requests by token bucket (`rate` a second, twice that at once), streams at a time, and bytes of bodies that are
    not read to their end yet (`rate` alone lets half a minute's slow ones gather). 0 is no limit.

    The limit is this process's: several gateways side by side allow a caller that many times more.
    """

    def __init__(
        self, *, rate: float, streams: int, held: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = max(1.0, 2 * rate)
        self._streams = streams
        self._held = held
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._open: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

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
        if self._streams and self._open[sub] >= self._streams:
            metrics.GATEWAY_LIMITED.labels("streams").inc()
            raise Problem(
                429,
                "too-many",
                f"{self._streams} streams or ranges of this caller are under way. Wait for one to end.",
                retry_after=5,
            )
        self._open[sub] += 1
        try:
            yield
        finally:
            _give_back(self._open, sub, 1)

    @contextmanager
    def body(self, sub: str) -> Iterator[Callable[[int], None]]:
        """Hold what has come of one body; call what this gives with the bytes of each piece.

        That raises Problem 429 when all bodies of the caller together are too large.
        """
        size = 0

        def hold(more: int) -> None:
            nonlocal size
            if self._held and self._bytes[sub] + more > self._held:
                metrics.GATEWAY_LIMITED.labels("bytes").inc()
                raise Problem(
                    429,
                    "too-many",
                    f"Bodies of this caller that are still coming hold more than {self._held:,} bytes. "
                    "Send fewer at a time.",
                    retry_after=5,
                )
            self._bytes[sub] += more
            size += more

        try:
            yield hold
        finally:
            _give_back(self._bytes, sub, size)


def _give_back(held: Counter[str], sub: str, much: int) -> None:
    held[sub] -= much
    if not held[sub]:
        del held[sub]
