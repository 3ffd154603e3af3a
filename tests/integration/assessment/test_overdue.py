"""Who was told of as overdue and files afterwards is late by its delay, or, where it has none, by having been told."""

from __future__ import annotations

import pytest

from natalog import events
from natalog.assessment import query
from natalog.assessment.columns import discipline
from natalog.assessment.facts import Facts, total
from natalog.assessment.period import Period
from natalog.events import Origin, Principal
from tests.golden import scenes
from tests.golden.memory_ledger import MemoryLedger
from tests.integration.assessment.planted import HANGZHOU, HOUR, MINUTE, NINGBO, WATCH, ms, write

DAY = 24 * HOUR
CORRECTED = MemoryLedger().id()
ADAPTER = Principal(sub="adapter", org=HANGZHOU, roles=("adapter",))


class Desk:
    """Completed at 23:50 on 31 October, told of as overdue at 00:21."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.ledger = ledger = MemoryLedger()
        ledger.now = ms("2026-10-31T23:50:00")
        self.owed = scenes.filing(ledger, ledger.number(), HANGZHOU, registered_at=ledger.now)
        about = {
            "certificate_number": self.owed.certificate_number,
            "unit_code": HANGZHOU,
            "registration_id": self.owed.registration_id,
        }
        completed = {"submitter": self.owed.submitter, "registered_at": ledger.now}
        ledger.send(events.Completion(event_id=ledger.id(), **about, **completed))
        due = ledger.now + 30 * MINUTE
        ledger.now += 31 * MINUTE
        told = {"submitter": WATCH, "due_at": due, "observed_at": ledger.now}
        ledger.send(events.FilingOverdue(event_id=ledger.id(), **about, **told))

    def file(self, after: int = HOUR, **changes: object) -> None:
        self.ledger.now += after
        self.ledger.send(self.ledger.again(self.owed, **changes))

    def facts(self) -> Facts:
        """Of October, all units together."""
        ends = {partition: len(log) for partition, log in self.ledger.ledger.items()}
        write(self._url, self.ledger, dict.fromkeys(ends, 0), ends)
        with query.opened(self._url) as connection:
            position = query.position_of(connection, None)
            found = query.facts(connection, Period.parse("2026-10"), position)
        return total(found.values())


@pytest.fixture
def desk(database: str) -> Desk:
    return Desk(database)


def overdue(facts: Facts) -> tuple[int, ...]:
    return tuple(facts.counts[name] for name in ("overdue_open", "overdue_filed", "overdue_untimed"))


def test_until_it_is_filed_it_is_open(desk):
    assert overdue(desk.facts()) == (1, 0, 0)


PAST_THE_CLOCK = {
    "corrects": ({"corrects": CORRECTED}, "never_timed"),
    "a date alone": ({"registered_at": None, "registered_on": ms("2026-10-31T08:00:00") // DAY}, "untimed"),
    "backfill": ({"after": 40 * DAY, "origin": Origin.BACKFILL, "submitter": ADAPTER}, None),
}


@pytest.mark.parametrize(("how", "told"), PAST_THE_CLOCK.values(), ids=PAST_THE_CLOCK)
def test_a_filing_past_the_clock_leaves_it_late(desk, how, told):
    desk.file(**how)
    facts = desk.facts()
    assert overdue(facts) == (0, 1, 1)
    assert discipline(facts) == 0
    assert [name for name in ("timed", "untimed", "never_timed") if facts.counts[name]] == [told][
        : bool(told)
    ]


TIMED = {
    "late": [{}],
    "on another number before": [
        {"certificate_number": MemoryLedger().number(start="X33")},
        {"corrects": CORRECTED},
    ],
    "of another month": [{"registered_at": ms("2026-11-01T00:30:00")}],
    "by another unit": [
        {"unit_code": NINGBO, "submitter": Principal(sub="desk", org=NINGBO, roles=("station",))}
    ],
}


@pytest.mark.parametrize("how", TIMED.values(), ids=TIMED)
def test_a_delay_is_not_counted_twice(desk, how):
    for filing in how:
        desk.file(**filing)
    assert overdue(desk.facts()) == (0, 1, 0)
