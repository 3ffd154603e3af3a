"""Waiting for what comes a little later."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], within: float = 30, what: Callable[[], str] = str) -> None:
    """Wait for `condition`, `within` seconds at most; `what` says what was seen instead.

    Of Kafka too: it does as the controller was asked a little after the answer, when a broker has heard of it.
    """
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"did not happen in time: {what()}"
        time.sleep(0.05)
