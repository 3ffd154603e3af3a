"""A line that was down is an excuse, unless the unit's own records came in meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from natalog import events
from natalog.assessment import query
from natalog.assessment.columns import assessed
from natalog.assessment.facts import Facts, Place
from natalog.assessment.period import Period
from tests.golden import scenes
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.assessment.planted import HANGZHOU, MINUTE, NINGBO, WATCH, ms, write


class Afternoon:
    """A filing tried at 15:01 and received at 16:00; `at` sends something in between."""

    def __init__(self, url: str) -> None:
        self.ledger = MemoryLedger()
        self._url = url

    def claim(self, at: str, unit: str = HANGZHOU) -> None:
        self.at(at)
        self.ledger.send(scenes.claim(self.ledger, self.ledger.number(), unit))

    def at(self, clock: str) -> None:
        self.ledger.now = ms(f"2026-10-12T{clock}")

    def facts(self) -> Facts:
        """File, and assess the unit."""
        self.at("16:00:00")
        now = self.ledger.now
        filing = replace(
            scenes.filing(self.ledger, self.ledger.number(), HANGZHOU),
            registered_at=now - 60 * MINUTE,
            captured_at=now - 60 * MINUTE,
            attempted_at=now - 59 * MINUTE,
        )
        self.ledger.send(filing)
        ends = {partition: len(log) for partition, log in self.ledger.ledger.items()}
        write(self._url, self.ledger, dict.fromkeys(ends, 0), ends)
        with query.opened(self._url) as connection:
            position = query.position_of(connection, None)
            found = query.facts(connection, Period.parse("2026-10-12"), position)
        return found[Place("330000", "330100", HANGZHOU)]


@pytest.fixture
def afternoon(database: str) -> Afternoon:
    return Afternoon(database)


def excused(facts: Facts) -> bool:
    assert facts.counts["timed"] == 1
    assert facts.counts["late TRANSPORT"] + facts.counts["late MINISTRY"] == 1
    assert facts.counts["late_contradicted"] == (0 if assessed(facts) is None else 1)
    return assessed(facts) is None  # nothing left to judge


def test_nothing_else_came_from_there(afternoon):
    assert excused(afternoon.facts())


def test_a_record_of_the_unit_in_between_takes_the_excuse_back(afternoon):
    afternoon.claim("15:30:00")
    assert not excused(afternoon.facts())


@pytest.mark.parametrize("clock", ["15:06:00", "15:50:00"], ids=["the clocks' skew", "a spool that empties"])
def test_at_the_edges_it_does_not(afternoon, clock):
    afternoon.claim(clock)
    assert excused(afternoon.facts())


def test_just_inside_the_edges_it_does(afternoon):
    afternoon.claim("15:06:00.001")
    assert not excused(afternoon.facts())


def test_other_units_say_nothing_of_this_line(afternoon):
    afternoon.claim("15:30:00", NINGBO)
    assert excused(afternoon.facts())


def test_nor_does_the_watch_that_speaks_of_the_unit(afternoon):
    afternoon.at("15:30:00")
    ledger = afternoon.ledger
    overdue = events.FilingOverdue(
        event_id=ledger.id(),
        certificate_number=ledger.number(),
        unit_code=HANGZHOU,
        submitter=WATCH,
        registration_id="R1",
        due_at=ledger.now,
        observed_at=ledger.now,
    )
    ledger.send(overdue)
    assert excused(afternoon.facts())


def test_nor_does_what_is_backfilled_meanwhile(afternoon):
    afternoon.at("15:30:00")
    ledger = afternoon.ledger
    old = replace(
        scenes.filing(ledger, ledger.number(), HANGZHOU),
        submitter=events.Principal(sub="adapter", org=HANGZHOU, roles=("adapter",)),
        origin=events.Origin.BACKFILL,
        registered_at=ms("2015-05-05T12:00:00"),
    )
    ledger.send(old)
    assert excused(afternoon.facts())
