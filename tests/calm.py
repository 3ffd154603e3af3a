"""Tests that measure short times are judged only where the machine gave them theirs.

`pytest.mark.calm(SECONDS)`: a failure does not count, and the test is tried again, when meanwhile a thread that sleeps
for a few milliseconds was woken later than that. What fails on a machine that went on is a failure at once.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

TRIES = 5
_NAP = 0.005  # seconds


class Stalls:
    """The longest time in which this process got no turn, seconds."""

    longest = 0.0


@contextmanager
def stalls() -> Iterator[Stalls]:
    """Measured from here to the end of the block."""
    seen, done = Stalls(), threading.Event()

    def nap() -> None:
        while not done.is_set():
            began = time.monotonic()
            time.sleep(_NAP)
            seen.longest = max(seen.longest, time.monotonic() - began - _NAP)

    napping = threading.Thread(target=nap, name="stalls", daemon=True)
    napping.start()
    try:
        yield seen
    finally:
        done.set()
        napping.join()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a test that is marked so."""
    marker = pyfuncitem.get_closest_marker("calm")
    if marker is None:
        return None
    (most,) = marker.args
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    for left in reversed(range(TRIES)):
        try:
            with stalls() as seen:
                pyfuncitem.obj(**arguments)
        except Exception as failure:
            if not left or seen.longest < most:
                raise
            warnings.warn(f"tried again after a stall of {seen.longest:.2f} s: {failure!r}", stacklevel=1)
        else:
            break
    return True
