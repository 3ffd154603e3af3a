"""Status queries fail closed: no answer rests on a replica too far behind, emptied, or on an unrecorded question."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from natalog import metrics
from natalog.decision.divisions import province_of
from natalog.events import Principal, QueryRecord
from natalog.gateway import audit as module
from natalog.gateway.auth import Caller
from natalog.gateway.clock import Clock
from natalog.gateway.freshness import Freshness, Sample
from natalog.gateway.inquiry import Asking, Inquiry
from natalog.gateway.intake_producer import QueueFull, TooLarge
from natalog.gateway.roles import allowed
from natalog.gateway.status import Status
from natalog.status.store import Doubtful
from natalog.status.view import StatusView
from natalog.wire.codec import decode
from tests.property.decision_histories import NUMBERS, PARTITION, history
from tests.property.test_decision_fold import decided
from tests.property.test_status_view import stretches

ENTRIES = decided(history(11, 60)).entries
UNIT = "330106520000"
WHO = Asking(
    Caller(Principal(sub="desk-1", org=UNIT, roles=("station",)), allowed(["station"]), 0.0),
    UNIT,
    "check",
    None,
)


class Audit:
    """Takes query records, or does not."""

    def __init__(self, broker: Callable[[], float] = time.time) -> None:
        self.records: list[QueryRecord] = []
        self.broker = broker
        """The broker's clock, seconds."""
        self.outcome: Any = "stamped"

    def send(self, topic, partition, key, value, report) -> None:
        assert topic == "queries.audit"
        if isinstance(self.outcome, type):
            raise self.outcome
        record = decode(value)
        assert isinstance(record, QueryRecord)
        self.records.append(record)
        if self.outcome != "never":
            report(int(self.broker() * 1000) if self.outcome == "stamped" else self.outcome)

    def poll(self) -> None: ...


class Replica:
    """The view, current, without a ledger behind it."""

    def __init__(self, directory: Path) -> None:
        self.view = StatusView(directory, 12)
        self.view.load("ledger")
        self.freshness = Freshness(12)
        self.ready = True
        self.doubtful = False
        for stretch in stretches(ENTRIES, [100]):
            self.view.apply(stretch)
        self.fold()
        self.sample()

    def fold(self) -> None:
        for p, tail in enumerate(self.view.tails):
            self.freshness.folded(p, int(tail.head.offset), [c for c in tail.head.causes if True][:4])

    def sample(self, ledger: int = 0) -> None:
        now = int(time.monotonic() * 1000)
        for p, tail in enumerate(self.view.tails):
            self.freshness.sampled(p, Sample(now, int(tail.head.offset) + ledger, (), 1))

    def find(self, numbers):
        if self.doubtful:
            raise Doubtful("a bit flipped")
        return self.view.find(numbers)


@pytest.fixture
def replica(tmp_path):
    made = Replica(tmp_path)
    yield made
    made.view.close()


STALE = 200  # ms


def ask(replica: Replica, audit: Audit, numbers=NUMBERS, stale_ms=60_000):
    asking = Inquiry(replica, replica.freshness, Clock(), audit, stale_ms=stale_ms)  # type: ignore[arg-type]
    return asyncio.run(asking.ask(WHO, numbers))


def is_closed(told) -> bool:
    ok, answers = told
    return not ok and all(a["status"] == "UNKNOWN" and a["usable"] is False for a in answers)


def test_a_current_replica_answers_and_records_first(replica):
    audit = Audit()
    ok, answers = ask(replica, audit)
    assert ok
    assert "UNKNOWN" not in {a["status"] for a in answers}
    (record,) = audit.records
    assert [(a.certificate_number, a.status) for a in record.answers] == [
        (a["certificate_number"], a["status"]) for a in answers
    ]
    assert record.as_of == answers[0]["as_of"]["token"] == f"{PARTITION}.{len(ENTRIES)}"


def test_a_paused_replica_closes(replica):
    """Samples go on and the fold does not: the ledger's end runs away from it."""
    audit = Audit()
    time.sleep(0.25)
    replica.sample(ledger=1)
    told = ask(replica, audit, stale_ms=STALE)
    assert is_closed(told)
    assert told[1][0]["staleness_ms"] >= 250
    assert {a.status for a in audit.records[0].answers} == {"UNKNOWN"}


def test_kafka_away_closes(replica):
    """No samples at all."""
    time.sleep(0.25)
    assert is_closed(ask(replica, Audit(), stale_ms=STALE))


def test_a_replica_that_starts_closes(replica):
    replica.ready = False
    assert is_closed(ask(replica, Audit()))


def test_a_damaged_view_closes(replica):
    replica.doubtful = True
    assert is_closed(ask(replica, Audit()))


def test_a_view_emptied_between_two_looks_closes(replica):
    """The fold begins anew after freshness was asked and before the numbers are looked up."""
    found = replica.find

    def emptied(numbers):
        replica.view.restart()
        return found(numbers)

    replica.find = emptied
    assert is_closed(ask(replica, Audit()))


@pytest.mark.parametrize("outcome", [None, QueueFull, TooLarge])
def test_what_cannot_be_recorded_is_not_answered_and_has_no_check_to_cite(replica, outcome):
    audit = Audit()
    audit.outcome = outcome
    told = ask(replica, audit)
    assert is_closed(told)
    assert [a["check_id"] for a in told[1]] == [None] * len(NUMBERS)


def test_what_is_not_told_is_recorded_as_such_or_not_answered(replica):
    """A question whose `after` the replica did not come to in time."""
    audit = Audit()
    asking = Inquiry(replica, replica.freshness, Clock(), audit, stale_ms=60_000)  # type: ignore[arg-type]
    told = asyncio.run(asking.ask(WHO, [*NUMBERS, "OuyangXiaobao"], tell=False))
    assert is_closed(told)
    (record,) = audit.records
    assert {a.status for a in record.answers} == {"UNKNOWN"}
    assert "Ouyang" not in record.answers[-1].certificate_number
    assert str(record.check_id) == told[1][0]["check_id"]
    audit.outcome = QueueFull
    assert is_closed(asyncio.run(asking.ask(WHO, NUMBERS, tell=False)))


def checks(status: str) -> float:
    labels = {"province": province_of(WHO.unit), "status": status}
    return metrics.GATEWAY.get_sample_value("natalog_checks_total", labels) or 0.0


def test_numbers_asked_about_are_counted_by_what_was_told(replica):
    statuses = [status.value for status in Status]
    before = {status: checks(status) for status in statuses}
    _, answers = ask(replica, Audit())
    unrecorded = Audit()
    unrecorded.outcome = QueueFull
    ask(replica, unrecorded)
    told = Counter(a["status"] for a in answers) + Counter({"UNKNOWN": len(NUMBERS)})
    assert {s: checks(s) - before[s] for s in statuses if checks(s) != before[s]} == dict(told)


def test_a_record_that_takes_too_long_is_no_record(replica, monkeypatch):
    monkeypatch.setattr(module, "_RECORDED_WITHIN", 0.05)
    audit = Audit()
    audit.outcome = "never"
    assert is_closed(ask(replica, audit))


@pytest.mark.parametrize("raw", ["\u041c330123456", "\u041c33\u041e123456", "M330\u2013123456", "M33O123456"])
def test_a_letter_of_another_alphabet_is_seen_through(replica, raw):
    """As in the verdict on a record: on a screen it looks right, and nobody sees why it is not."""
    (told,) = ask(replica, Audit(), [raw])[1]
    assert (told["status"], told["usable"], told["suggestion"]) == ("MALFORMED", False, "M330123456")


def test_a_thousand_numbers_are_one_record(replica):
    audit = Audit()
    numbers = [*NUMBERS, "nonsense", *(f"X33{n:07d}" for n in range(996))]
    replica.freshness = fresh = Freshness(12)
    for p in range(12):
        fresh.folded(p, 0, [-1])
        fresh.sampled(p, Sample(int(time.monotonic() * 1000), 0, (), 1))
    ok, answers = ask(replica, audit, numbers, 5_000)
    assert ok
    assert [a["certificate_number"] for a in answers] == numbers
    assert answers[3]["status"] == "MALFORMED"
    assert len(audit.records) == 1
    assert len(audit.records[0].answers) == 1_000
