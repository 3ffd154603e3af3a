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

    def __init__(self, url: str, registered_at: int | None = None) -> None:
        self._url = url
        self._written = False
        self.ledger = ledger = MemoryLedger()
        ledger.now = ms("2026-10-31T23:50:00")
        registered = ledger.now if registered_at is None else registered_at
        self.owed = scenes.filing(ledger, ledger.number(), HANGZHOU, registered_at=registered)
        about = {
            "certificate_number": self.owed.certificate_number,
            "unit_code": HANGZHOU,
            "registration_id": self.owed.registration_id,
        }
        completed = {"submitter": self.owed.submitter, "registered_at": registered}
        ledger.send(events.Completion(event_id=ledger.id(), **about, **completed))
        due = ledger.now + 30 * MINUTE
        ledger.now += 31 * MINUTE
        told = {"submitter": WATCH, "due_at": due, "observed_at": ledger.now}
        ledger.send(events.FilingOverdue(event_id=ledger.id(), **about, **told))

    def file(self, after: int = HOUR, **changes: object) -> None:
        self.ledger.now += after
        self.ledger.send(self.ledger.again(self.owed, **changes))

    def facts(self, period: str = "2026-10") -> Facts:
        """All units together. To be asked when all is played."""
        if not self._written:
            ends = {partition: len(log) for partition, log in self.ledger.ledger.items()}
            write(self._url, self.ledger, dict.fromkeys(ends, 0), ends)
            self._written = True
        with query.opened(self._url) as connection:
            position = query.position_of(connection, None)
            found = query.facts(connection, Period.parse(period), position)
        return total(found.values())


@pytest.fixture
def desk(database: str) -> Desk:
    return Desk(database)


def overdue(facts: Facts) -> tuple[int, ...]:
    return tuple(facts.counts[name] for name in ("overdue_open", "overdue_filed", "overdue_untimed"))


def test_until_it_is_filed_it_is_open(desk):
    assert overdue(desk.facts()) == (1, 0, 0)


def test_who_registers_in_the_future_owes_in_the_month_of_receipt(database):
    desk = Desk(database, registered_at=ms("2099-01-01T08:00:00"))
    october = desk.facts()
    assert overdue(october) == (1, 0, 0)
    assert discipline(october) == 0


def test_who_registers_in_the_future_files_in_the_month_of_receipt(database):
    """Timed from its Completion's receipt: late, and no month may miss it."""
    desk = Desk(database, registered_at=ms("2099-01-01T08:00:00"))
    desk.file()
    assert overdue(desk.facts()) == (0, 1, 0)
    november = desk.facts("2026-11")
    assert (november.counts["filed"], november.delays) == (1, [91 * MINUTE])
    assert [desk.facts(period).counts["filed"] for period in ("2026", "2026-10", "2099")] == [1, 0, 0]


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
