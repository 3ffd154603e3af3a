"""Ends the process when the watch stands still: crash-only, a new process reads again what is needed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from natalog.exits import Exit

log = logging.getLogger(__name__)

STALL = 40.0
"""Seconds without a finished sweep, or without progress where records wait. Longer than a rebalance takes."""


class Stillness:
    """Tells standing still from having nothing to do. Pure: times come in, in seconds."""

    def __init__(self, now: float) -> None:
        self._waiting: dict[int, tuple[int, int]] = {}
        self._since = now

    def seconds(self, waiting: dict[int, tuple[int, int]], now: float) -> float:
        """How long the same partitions have stood at the same places before ends they have not reached."""
        if not waiting or waiting != self._waiting:
            self._waiting, self._since = waiting, now
        return now - self._since


def end(why: str, code: Exit = Exit.RESTART) -> None:
    """End now: nothing is held that a new process could not read again, and Faust's own way out may take minutes."""
    log.critical("the watch ends", extra={"cause": why, "code": int(code)})
    logging.shutdown()
    os._exit(code)


def start(
    swept_at: Callable[[], float],
    waiting: Callable[[], dict[int, tuple[int, int]]],
    failure: Callable[[], str | None],
) -> None:
    """Look every second, in a thread of its own, since a stuck event loop is one of the things to see."""

    def run() -> None:
        stillness = Stillness(time.monotonic())
        while True:
            time.sleep(1)
            now = time.monotonic()
            if (why := failure()) is not None:
                end(why)
            if now - swept_at() > STALL:
                end(f"no sweep for {STALL:.0f} s")
            if stillness.seconds(waiting(), now) > STALL:
                end(f"partitions do not advance: {waiting()}")

    threading.Thread(target=run, name="watchdog", daemon=True).start()
