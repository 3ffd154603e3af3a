# mypy: disable-error-code="method-assign, assignment, attr-defined"
"""Runs a watch whose host has a wrong clock, or that lacks one of its guards.

* RUNNER_STEP=4:3600: four seconds after the start this host's clock is set an hour ahead; 0:… it always was.
* RUNNER_WITHOUT=name,…: take guards out (WATCH_WITHOUT in the tests' own environment). Each test of a guard was run so
  once, and failed.

No product code knows of this.
"""

from __future__ import annotations

import os
import sys
import time


def step(after: float, by: float) -> None:
    """Set this host's clock."""
    right, began = time.time, time.monotonic()
    time.time = lambda: right() + (by if time.monotonic() - began >= after else 0.0)


def without(guard: str) -> None:
    """Take one guard out."""
    from natalog.kafka import broker_clock
    from natalog.watch import gaps, obligations, partition

    if guard == "silence":

        def advance(self: partition.Partition) -> None:
            if self.sample is not None:
                self.read_to, self.sample = self.sample.mono, None

        partition.Partition.advance = advance
    elif guard == "trail":
        obligations.Obligations.needed_from = lambda self, position: position
    elif guard == "clock":
        broker_clock.BrokerClock.now = lambda self, mono, wall: wall
        broker_clock.BrokerClock.is_measured = True
    elif guard == "gaps":
        gaps.Gaps.was_seen = lambda self, *_: False
    elif guard == "expiry":
        from natalog.watch.watch import Ending, Watch

        async def never(self: Watch, number: int, _: object, gap: object) -> None:
            raise Ending(f"{number}: {gap}")

        Watch._explain = never
    else:
        raise SystemExit(f"no such guard: {guard}")


if __name__ == "__main__":
    # First of all: whoever imports `time.time` must get this one.
    if setting := os.environ.get("RUNNER_STEP"):
        after, by = setting.split(":")
        step(float(after), float(by))
    for guard in filter(None, os.environ.get("RUNNER_WITHOUT", "").split(",")):
        without(guard)

    from natalog import logs
    from natalog.settings import load
    from natalog.watch.main import main

    settings = load()
    logs.configure("watch", level=settings.log_level, form="json")
    sys.exit(int(main(settings)))
