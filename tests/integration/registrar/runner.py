# mypy: disable-error-code="method-assign, assignment, attr-defined"
"""Runs a registrar that can be made to stumble, or that lacks one of its guards.

* RUNNER_AT=commit:before:3 with RUNNER_DO=kill|stop: kill -9 or SIGSTOP itself before (after) the third commit.
* RUNNER_WITHOUT=name,…: take guards out. Each test of a guard was run so once, and failed.
* RUNNER_OLD=1: a build that does not know sla.alerts yet.

No product code knows of this: steps are methods, and methods can be replaced.
"""

from __future__ import annotations

import faulthandler
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from natalog import logs
from natalog.ledger.store import Shelf
from natalog.registrar import alerts, desk, flight, intake, loop, takeover, work, writer
from natalog.registrar.main import main
from natalog.settings import load

POINTS: dict[str, tuple[type, str]] = {
    "take": (intake.Intake, "take"),
    "decide": (work.Decider, "decide"),
    "begin": (writer.LedgerWriter, "begin"),
    "send": (writer.LedgerWriter, "send"),
    "offsets": (writer.LedgerWriter, "send_offsets"),
    "settle": (writer.LedgerWriter, "settle"),
    "commit": (writer.LedgerWriter, "commit"),
    "store": (Shelf, "write"),
}


def stumble(at: str, signal_: signal.Signals) -> None:
    """Send ourselves a signal around the nth call of a step; `take` counts only when it brought records."""
    name, when, nth = at.split(":")
    owner, method = POINTS[name]
    original: Callable[..., Any] = getattr(owner, method)
    calls = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        if when == "before":
            calls += 1
            if calls == int(nth):
                os.kill(os.getpid(), signal_)
            return original(*arguments, **named)
        result = original(*arguments, **named)
        if name != "take" or result is not None:
            calls += 1
            if calls == int(nth):
                os.kill(os.getpid(), signal_)
        return result

    setattr(owner, method, wrapped)


_REPLACED: list[tuple[Any, str, Any]] = []


def replace(owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Put `function` in the place of one that takes the same arguments: else a guard's test would fail of a TypeError,
    and prove nothing."""
    original = getattr(owner, name)
    shape, stands_for = inspect.signature(function), inspect.signature(original)
    shape.bind(*(object() for p in stands_for.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD),
               **{p.name: object() for p in stands_for.parameters.values() if p.kind is p.KEYWORD_ONLY})  # fmt: skip
    _REPLACED.append((owner, name, original))
    setattr(owner, name, function)


def restore() -> None:
    """Put everything back."""
    while _REPLACED:
        owner, name, original = _REPLACED.pop()
        setattr(owner, name, original)


def without(guard: str) -> None:
    """Take one guard out."""
    if guard == "landing":
        replace(flight, "_landed", lambda *_: True)
    elif guard == "ends":
        replace(desk.Desk, "compare_ends", lambda self, ends, now: None)
    elif guard == "foreign":
        original = desk.Desk._take_over

        def trusting(self: desk.Desk, partition: Any, *, suspicious: bool) -> None:
            original(self, partition, suspicious=False)

        replace(desk.Desk, "_take_over", trusting)
    elif guard == "patience":
        replace(desk.Patience, "is_over", lambda self, resume, ends, now: False)
    elif guard == "membership":
        replace(intake.Intake, "is_member", lambda self, partition, resume: True)
    elif guard == "high watermark":

        def stable_end(self: takeover.Round) -> takeover.Findings | None:
            found = findings(self)
            if found is not None:
                for partition in found.ledger_ends:
                    found.ledger_ends[partition] = min(found.ledger_ends[partition], found.folded[partition])
            return found

        findings = takeover.Round.findings
        replace(takeover.Round, "findings", stable_end)
    elif guard == "stable offsets":
        replace(takeover.CommittedOffsets, "ready", lambda self: True)
        replace(takeover.CommittedOffsets, "offsets", lambda self: {})
    elif guard == "resume":
        # Trust what the group committed.
        compare = desk.Desk._compare_committed
        committed: dict[int, list[int]] = {}

        def trust(self: desk.Desk, partition: Any, found: takeover.Findings) -> None:
            compare(self, partition, found)
            places = [(topic, partition.number) for topic in desk.INTAKE_TOPICS]
            committed[partition.number] = [max(0, found.committed.get(place, -1)) for place in places]
            partition.known_gaps = Anything()

        replace(desk.Desk, "_compare_committed", trust)
        replace(desk.Desk, "resume", lambda self, number: committed[number])
    elif guard == "intake start":
        replace(desk.Desk, "_missing_intake", lambda self, partition, found: None)
        replace(work, "in_order", lambda columns, causes, gaps: columns)
        replace(loop, "in_order", lambda columns, causes, gaps: columns)
    elif guard == "order":
        replace(work, "in_order", lambda columns, causes, gaps: columns)
        replace(loop, "in_order", lambda columns, causes, gaps: columns)
    elif guard == "offsets":
        replace(writer.LedgerWriter, "send_offsets", lambda self, offsets, metadata: None)
    elif guard == "proof":
        from natalog.ledger.fold import Fold

        replace(Fold, "_prove", lambda self, stretch: setattr(self, "_proven", True))
    elif guard == "identity":
        from natalog.ledger.fold import Fold
        from natalog.ledger.store import Store

        replace(Store, "belongs_to", lambda self, identity: True)
        replace(Fold, "_prove", lambda self, stretch: setattr(self, "_proven", True))
    elif guard == "lead topic":
        # What the assignor gave of each topic, not the lead topic's numbers of all.
        original_init = intake.Intake.__init__

        def subscribe_all(self: intake.Intake, live: Any, *arguments: Any, **named: Any) -> None:
            original_init(self, live, *arguments, **named)

            def own(consumer: Any, places: Any) -> None:
                numbers = {place.partition for place in places}
                self._on_assign(consumer, [type(places[0])(intake.LEAD, number) for number in numbers])

            topics = list(intake.LIVE_TOPICS)
            live.subscribe(topics, on_assign=own, on_revoke=self._on_revoke, on_lost=self._on_revoke)

        replace(intake.Intake, "__init__", subscribe_all)
    elif guard == "two consumers":
        share_one_consumer()
    elif guard == "alerts wait":
        replace(alerts.Alerts, "sift", lambda self, messages: messages)
    elif guard == "halt alone":
        original_decide = work.Decider.decide

        def everything(self: work.Decider, *arguments: Any) -> work.Decided:
            decided = original_decide(self, *arguments)
            if decided.sick is not None:
                raise decided.sick
            return decided

        replace(work.Decider, "decide", everything)
    else:
        raise SystemExit(f"no such guard: {guard}")


class Anything(set[Any]):
    """Contains everything."""

    def __contains__(self, _: object) -> bool:
        return True


def share_one_consumer() -> None:
    """Read bulk with the live consumer, in the order it comes."""
    intake.LIVE_TOPICS = tuple(intake.INTAKE_TOPICS)
    intake.BULK = "none"


def old_build() -> None:
    """Know every intake topic but the last."""
    intake.LIVE_TOPICS = tuple(topic for topic in intake.LIVE_TOPICS if topic != "sla.alerts")
    # What it does not read it is not waiting for.
    replace(desk.Patience, "is_over", lambda self, resume, ends, now: False)
    replace(desk.Patience, "is_spent", lambda self, resume, now: False)


if __name__ == "__main__":
    faulthandler.enable()
    for guard in filter(None, os.environ.get("RUNNER_WITHOUT", "").split(",")):
        without(guard)
    if at := os.environ.get("RUNNER_AT"):
        stumble(at, signal.SIGSTOP if os.environ.get("RUNNER_DO") == "stop" else signal.SIGKILL)
    if os.environ.get("RUNNER_OLD"):
        old_build()
    settings = load()
    logs.configure("registrar", level=settings.log_level, form="json")
    sys.exit(int(main(settings)))
