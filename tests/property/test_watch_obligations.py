"""The watch's fold: what it says is owed is what the ledger's own state says, wherever it began to read."""

from __future__ import annotations

from random import Random

import pytest

from natalog import events
from natalog.decision.decide import apply, decide
from natalog.decision.obligations import due_at
from natalog.decision.rules import NEWEST
from natalog.decision.state import NumberState
from natalog.watch.alert import alert_of
from natalog.watch.obligations import TOPIC, Folded, Obligations
from natalog.wire.hot import read_command
from natalog.wire.topics import INTAKE_TOPICS
from tests.property.decision_histories import PARTITION, Author, Sent

LEAD = INTAKE_TOPICS.index(TOPIC)
FOR_EVER = 1 << 50
MINUTE = 60_000
Owed = set[tuple[bytes, str, int]]


def history(seed: int, count: int = 400) -> list[Sent]:
    """What lies on birth.registrations of one partition."""
    return [sent for sent in Author(seed).write(count) if sent.topic == LEAD]


def ledger_says(records: list[Sent]) -> Owed:
    """Open obligations by the registrar's fold."""
    states: dict[bytes, NumberState] = {}
    for seq, sent in enumerate(records):
        state = states.setdefault(sent.key, NumberState())
        command = read_command(sent.value)
        apply(state, command, decide(state, command, sent.at, NEWEST), seq, sent.at)
    return {
        (key, known.registration_id, int(due_at(known.due_from, NEWEST)))
        for key, state in states.items()
        for known in state.registrations
        if known.due_from >= 0
    }


def folded(records: list[Sent], start: int = 0, remember_ms: int = FOR_EVER) -> Obligations:
    obligations = Obligations(PARTITION, NEWEST, remember_ms=remember_ms)
    for offset, sent in enumerate(records[start:], start):
        assert obligations.fold(offset, sent.key, sent.value, sent.at) is Folded.TAKEN
    return obligations


def owed(obligations: Obligations) -> Owed:
    return {(o.key, o.registration_id, o.due_at) for o in obligations}


@pytest.mark.parametrize("seed", range(40))
def test_owed_is_what_the_ledger_says(seed: int) -> None:
    records = history(seed)
    obligations = folded(records)
    assert owed(obligations) == ledger_says(records)
    assert len(obligations) == len(owed(obligations))


def test_histories_leave_something_owed() -> None:
    """Or the test above would compare nothing."""
    assert sum(len(ledger_says(history(seed))) for seed in range(40)) > 40


@pytest.mark.parametrize("seed", range(20))
def test_nothing_the_ledger_holds_open_is_missed(seed: int) -> None:
    """Alerts go out and keys are forgotten on the way; a new process starts at the commit, anywhere.

    Told or still watched by both, and what either tells beyond that is of a registration it has forgotten about.
    """
    rng = Random(seed)
    records = history(seed)
    remember_ms = 40 * MINUTE
    obligations = Obligations(PARTITION, NEWEST, remember_ms=remember_ms)
    told: dict[tuple[bytes, str, int], events.FilingOverdue] = {}
    latest = 0
    for offset, sent in enumerate(records):
        obligations.fold(offset, sent.key, sent.value, sent.at)
        latest = max(latest, sent.at)
        if rng.random() < 0.2:
            for owing in obligations.overdue(latest, 3):
                told[owing.key, owing.registration_id, owing.due_at] = alert_of(owing, latest)
                obligations.settle(owing)
            obligations.forget(latest)
        if rng.random() < 0.05:
            start = obligations.needed_from(offset + 1)
            again = folded(records[: offset + 1], start, remember_ms)
            untold = ledger_says(records[: offset + 1]) - told.keys()
            forgotten = {(r.key, getattr(r.record, "registration_id", "")) for r in records[:start]}
            for view in (obligations, again):
                assert {place[:2] for place in untold} <= {(o.key, o.registration_id) for o in view}
            for owing in again:
                place = (owing.key, owing.registration_id)
                if place not in forgotten and place not in {p[:2] for p in untold}:
                    first = told[owing.key, owing.registration_id, owing.due_at]
                    assert alert_of(owing, first.observed_at) == first, "told again, it is the same record"


@pytest.mark.parametrize("seed", range(20))
def test_overdue_are_those_due_and_open_the_oldest_first(seed: int) -> None:
    records = history(seed)
    obligations = folded(records)
    everything = sorted(o.due_at for o in obligations)
    until = everything[len(everything) // 2] if everything else 0
    due = obligations.overdue(until, 1_000)
    assert sorted(o.due_at for o in due) == [at for at in everything if at <= until]
    assert [o.due_at for o in due] == sorted(o.due_at for o in due)
    assert obligations.overdue(until, 1_000) == due, "asking settles nothing"
    for obligation in due:
        obligations.settle(obligation)
        obligations.settle(obligation)
    assert obligations.overdue(until, 1_000) == []
    assert len(obligations) == len(everything) - len(due)
