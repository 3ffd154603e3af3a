# mypy: disable-error-code="method-assign, assignment, attr-defined"
"""Runs a registrar that can be made to stumble, or that lacks one of its guards.

* RUNNER_AT=commit:before:3,… with RUNNER_DO=kill|stop|linger: kill -9 or SIGSTOP itself before (after) the third
  commit, or wait there until a file `go-commit` lies in its directory, and until a consumer has been told of as many
  records as the file says ("live 12").
* RUNNER_WITHOUT=name,…: take guards out (guards.py).
* RUNNER_OLD=1: a build that does not know sla.alerts yet.
* RUNNER_FLUSH=1.5: seconds between two flushes of the state.
* RUNNER_UNFLUSHED=100: records between two flushes of the state.
* RUNNER_VOUCH=1.5: seconds between two commits of the group's offsets alone.
* RUNNER_HEARTBEAT=100: milliseconds between two heartbeats of the group's member.

No product code knows of this: steps are methods, and methods can be replaced.
"""

from __future__ import annotations

import faulthandler
import functools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from natalog import logs
from natalog.cluster import Cluster
from natalog.kafka import clients
from natalog.ledger.store import Shelf
from natalog.registrar import desk, intake, loop, work, writer
from natalog.registrar import main as entry_point
from natalog.registrar.pace import Pace
from natalog.settings import Settings, load
from tests.integration.registrar.guards import the_intake, without
from tests.integration.registrar.replacing import replace

log = logging.getLogger("runner")


class Polled:
    """A live consumer whose `poll` is a method, which can be replaced."""

    def __init__(self, live: Any) -> None:
        self._live = live

    def __getattr__(self, name: str) -> Any:
        return getattr(self._live, name)

    def poll(self, timeout: float) -> Any:
        """The first record of a batch, if there is one."""
        return self._live.poll(timeout)


POINTS: dict[str, tuple[type, str]] = {
    "poll": (Polled, "poll"),
    "take": (intake.Intake, "take"),
    "decide": (work.Decider, "decide"),
    "begin": (writer.LedgerWriter, "begin"),
    "send": (writer.LedgerWriter, "send"),
    "offsets": (writer.LedgerWriter, "send_offsets"),
    "settle": (writer.LedgerWriter, "settle"),
    "commit": (writer.LedgerWriter, "commit"),
    "store": (Shelf, "write"),
}


def stumble(at: str, do: Callable[[str], None]) -> None:
    """Do something around the nth call of a step; of `poll` and `take` those count that bring records."""
    name, when, nth = at.split(":")
    owner, method = POINTS[name]
    original: Callable[..., Any] = getattr(owner, method)
    calls = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        result = original(*arguments, **named) if when == "after" else None
        if when == "before" or name not in ("poll", "take") or result is not None:
            calls += 1
            if calls == int(nth):
                do(name)
        return result if when == "after" else original(*arguments, **named)

    setattr(owner, method, wrapped)


def deeds(settings: Settings) -> dict[str, Callable[[str], None]]:
    """What RUNNER_DO can be; each takes the name of the point."""

    built = the_intake()

    def has_heard_of(consumer: Any, records: int) -> bool:
        """Whether what was fetched last says that its logs end so far: then it came with what stands there."""
        ends = [consumer.get_watermark_offsets(place, cached=True)[1] for place in consumer.assignment()]
        return bool(sum(end for end in ends if end > 0) >= records)

    def linger(point: str) -> None:
        log.info("lingers at %s", point)
        go = settings.data / f"go-{point}"
        while not go.exists():
            time.sleep(0.02)
        if said := go.read_text():
            name, count = said.split()
            while not has_heard_of(getattr(built[0], f"_{name}"), int(count)):
                time.sleep(0.02)

    def stop(point: str) -> None:
        # To this very thread: what is sent to the process another thread may take, and until that one has its turn on a
        # busy machine this one would go on, beyond the point.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    return {
        "kill": lambda point: os.kill(os.getpid(), signal.SIGKILL),
        "stop": stop,
        "linger": linger,
    }


def make_poll_a_method() -> None:
    """Let the intake read through `Polled`."""
    original = intake.Intake.__init__

    @functools.wraps(original)
    def through(self: intake.Intake, live: Any, *arguments: Any, **named: Any) -> None:
        original(self, Polled(live), *arguments, **named)

    replace(intake.Intake, "__init__", through)


def old_build() -> None:
    """Know every intake topic but the last."""
    replace(intake, "LIVE_TOPICS", tuple(topic for topic in intake.LIVE_TOPICS if topic != "sla.alerts"))
    # What it does not read it is not waiting for.
    replace(desk.Patience, "is_over", lambda self, resume, ends, now: False)
    replace(desk.Patience, "is_spent", lambda self, resume, now: False)


def go_at(**pace: float) -> None:
    """At a pace of its own: `flush` and `vouch` in seconds, `most_unflushed` in records."""
    original = loop.Registrar.__init__

    @functools.wraps(original)
    def paced(self: loop.Registrar, **parts: Any) -> None:
        original(self, **parts, pace=Pace(**pace))

    replace(loop.Registrar, "__init__", paced)


def beat_every(milliseconds: str) -> None:
    """Hear of what the group does that soon, also while the loop stands still."""
    original = clients._consumer

    def beating(cluster: Cluster, name: str, group: str, settings: dict[str, Any]) -> Any:
        if "heartbeat.interval.ms" in settings:
            settings = {**settings, "heartbeat.interval.ms": int(milliseconds)}
        return original(cluster, name, group, settings)

    replace(clients, "_consumer", beating)


def run(variables: dict[str, str]) -> int:
    """A registrar as RUNNER_… would have it; its exit code."""
    settings = load()
    logs.configure("registrar", level=settings.log_level, form="json")
    for guard in filter(None, variables.get("RUNNER_WITHOUT", "").split(",")):
        without(guard)
    if at := variables.get("RUNNER_AT"):
        if "poll" in at:
            make_poll_a_method()
        do = variables.get("RUNNER_DO", "kill")
        if do == "linger":
            replace(entry_point, "STUCK", 300.0)
        for point in at.split(","):
            stumble(point, deeds(settings)[do])
    if milliseconds := variables.get("RUNNER_HEARTBEAT"):
        beat_every(milliseconds)
    if variables.get("RUNNER_OLD"):
        old_build()
    names = {"RUNNER_FLUSH": "flush", "RUNNER_UNFLUSHED": "most_unflushed", "RUNNER_VOUCH": "vouch"}
    if pace := {field: float(variables[name]) for name, field in names.items() if name in variables}:
        go_at(**pace)
    return int(entry_point.main(settings))


if __name__ == "__main__":
    faulthandler.enable()
    sys.exit(run(dict(os.environ)))
