"""Whatever comes later, an answer as of a position is the one that was given when that position was the present."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from natalog import events
from natalog.assessment import query
from natalog.assessment.as_json import as_json
from natalog.assessment.facts import Level, total
from natalog.assessment.period import Period
from natalog.assessment.position import Asked
from natalog.assessment.report import report
from natalog.decision.calendar import BEIJING_MS, DAY_MS
from natalog.wire.codec import decode
from tests.golden.memory_ledger import MemoryLedger
from tests.golden.scenes import filing
from tests.integration.assessment.planted import MINUTE, write
from tests.integration.views.ledgers import made_up

PERIODS = [Period.parse(text) for text in ("2026", "2026-09", "2026-09-21")]


def answers(url: str, at: str | None) -> tuple[str, list[bytes]]:
    """The position, and the assessment of every period as of it."""
    with query.opened(url) as connection:
        position = query.position_of(connection, None if at is None else Asked.parse(at))
        return position.text, [
            as_json(report(query.facts(connection, period, position), period, Level.STATION, position))
            for period in PERIODS
        ]


def cuts(ledger: MemoryLedger, chance: Random, count: int) -> list[dict[int, int]]:
    """Ends by partition, growing to the whole: partitions are folded at their own pace."""
    ways = {
        partition: sorted([0, len(log), *(int(chance.random() * (len(log) + 1)) for _ in range(count))])
        for partition, log in ledger.ledger.items()
    }
    return [{partition: way[step] for partition, way in ways.items()} for step in range(count + 2)]


@pytest.mark.parametrize("seed", range(3))
def test_later_entries_change_no_answer(database, seed):
    ledger = made_up(120, seed=seed + 1)
    steps = cuts(ledger, Random(seed), 12)
    given = {}
    for before, after in pairwise(steps):
        write(database, ledger, before, after)
        at, found = answers(database, None)
        given[at] = found
    assert len({tuple(found) for found in given.values()}) > 10
    for at, found in given.items():
        assert answers(database, at) == (at, found)


def sent_carelessly(ledger: MemoryLedger, chance: Random) -> None:
    """Filings under other records' event ids, with made-up `corrects`, without an hour, and some as they should be."""
    for _ in range(40):
        ledger.now += MINUTE
        registered = ledger.now - round(chance.random() * 60 * MINUTE)
        first = filing(ledger, ledger.number(), registered_at=registered)
        completed = events.Completion(
            event_id=ledger.id(),
            certificate_number=first.certificate_number,
            unit_code=first.unit_code,
            submitter=first.submitter,
            registration_id=first.registration_id,
            registered_at=registered,
        )
        ledger.send(completed)
        careless: tuple[dict[str, Any], ...] = (
            {"event_id": completed.event_id},
            {"corrects": ledger.id()},
            {"registered_at": None, "registered_on": registered // DAY_MS},
            {},
        )
        ledger.send(replace(first, **chance.choice(careless)))
        if chance.random() < 0.5:
            ledger.send(ledger.again(first))


def delays(ledger: MemoryLedger, period: Period) -> list[int]:
    """Of the entries of the ledger itself, by the registration date their filings state."""
    found = []
    for record in (record for log in ledger.ledger.values() for record in log):
        entry = decode(record.value)
        if entry.delay_ms is not None:
            filed = decode(entry.input)
            assert filed.registered_at is not None
            stated = min(filed.registered_at, entry.received_at)
            day = date(1970, 1, 1) + timedelta((stated + BEIJING_MS) // DAY_MS)
            found += [entry.delay_ms] if period.first <= day < period.after else []
    return sorted(found)


@pytest.mark.parametrize("seed", range(2))
def test_every_delay_on_the_ledger_is_assessed_once(database, seed):
    ledger = made_up(40, seed=seed + 1)
    sent_carelessly(ledger, Random(seed))
    write(
        database, ledger, dict.fromkeys(ledger.ledger, 0), {p: len(log) for p, log in ledger.ledger.items()}
    )
    with query.opened(database) as connection:
        position = query.position_of(connection, None)
        for period in PERIODS:
            facts = total(query.facts(connection, period, position).values())
            assert sorted(facts.delays) == delays(ledger, period)
            assert facts.counts["timed"] == len(facts.delays) > 10
