"""Runs the registrar with a clock around each step of its loop: for profiles and for finding stalls.

Steps are methods, and methods can be replaced: the product knows nothing of this. Writes what it found as JSON to
the file BENCH_TRACE when it ends: per step calls, wall time, CPU time and time spent waiting for a CPU of the main
thread, and every turn of the loop that took longer than BENCH_SLOW_MS with the same by step.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from natalog import logs
from natalog.ledger import store
from natalog.registrar import desk, intake, loop, work, writer
from natalog.registrar.main import main
from natalog.settings import load

_SLOW = float(os.environ.get("BENCH_SLOW_MS", "20")) / 1000
_STEPS: tuple[tuple[str, Any, str], ...] = (
    ("take", intake.Intake, "take"),
    ("columns", loop, "columns_of"),
    ("order", loop, "in_order"),
    ("states", store.Shelf, "states"),
    ("decide", work, "decide_batch"),
    ("begin", writer.LedgerWriter, "begin"),
    ("send", writer.LedgerWriter, "send"),
    ("offsets", writer.LedgerWriter, "send_offsets"),
    ("settle", writer.LedgerWriter, "settle"),
    ("commit", writer.LedgerWriter, "commit"),
    ("store", store.Shelf, "write"),
    ("follow", desk.Desk, "advance"),
    ("chores", loop.Registrar, "_chores"),
)


class Trace:
    """Sums by step, of the run and of the turn in hand: calls, wall, CPU and run-queue seconds."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {name: [0, 0.0, 0.0, 0.0] for name, _, _ in _STEPS}
        self.sums["turn"] = [0, 0.0, 0.0, 0.0]
        self.slow: list[dict[str, Any]] = []
        self._turn: dict[str, float] = {}
        self._scheduler = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)

    def waited(self) -> float:
        """Seconds the main thread has spent runnable but without a CPU."""
        return int(os.pread(self._scheduler, 100, 0).split()[1]) / 1e9

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` with clocks."""
        sums = self.sums[name]

        def clocked(*arguments: Any, **named: Any) -> Any:
            queued, cpu, wall = self.waited(), time.thread_time(), time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                took = time.perf_counter() - wall
                sums[0] += 1
                sums[1] += took
                sums[2] += time.thread_time() - cpu
                sums[3] += self.waited() - queued
                self._turn[name] = self._turn.get(name, 0.0) + took

        return clocked

    def around_turn(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The handling of one batch; slow ones are kept."""
        clocked = self.around("turn", call)

        def turn(registrar: Any, batch: Any) -> Any:
            self._turn = {}
            queued, wall, at = self.waited(), time.perf_counter(), time.time()
            try:
                return clocked(registrar, batch)
            finally:
                took = time.perf_counter() - wall
                if took > _SLOW:
                    self.slow.append(
                        {
                            "at": round(at, 3),
                            "records": sum(map(len, batch.groups.values())),
                            "ms": round(took * 1000, 1),
                            "queued_ms": round((self.waited() - queued) * 1000, 1),
                            "steps_ms": {
                                step: round(s * 1000, 1)
                                for step, s in self._turn.items()
                                if s > 0.001 and step != "turn"
                            },
                        }
                    )

        return turn


def run() -> int:
    """The registrar's exit code."""
    trace = Trace()
    for name, owner, attribute in _STEPS:
        setattr(owner, attribute, trace.around(name, getattr(owner, attribute)))
    # The clock sits around the real one, so that nothing of it is in what ships.
    loop.Registrar._handle = trace.around_turn(loop.Registrar._handle)  # type: ignore[method-assign]
    settings = load()
    logs.configure("registrar", level=settings.log_level, form=settings.log_format)
    try:
        return int(main(settings))
    finally:
        Path(os.environ["BENCH_TRACE"]).write_text(json.dumps({"steps": trace.sums, "slow": trace.slow}))


if __name__ == "__main__":
    sys.exit(run())
