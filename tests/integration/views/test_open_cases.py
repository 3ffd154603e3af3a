"""What the gauges of open cases count: a contest until people have decided it, an overdue filing until it is filed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from natalog.events import Completion, Filing, FilingOverdue, Principal, Withdrawal, WithdrawalAction
from natalog.views import open_cases
from tests.integration.views.country import Country

UNIT = "330106520000"
DESK = Principal(sub="desk", org=UNIT, roles=("station",))
OTHER = Principal(sub="admin", org="330100", roles=("prefecture_admin",))


@pytest.fixture
def country(postgres):
    return Country(postgres.database())


def test_a_contest_is_open_until_a_withdrawal_of_two_people(country):
    head = {"certificate_number": country.ledger.number(), "unit_code": UNIT, "submitter": DESK}
    first = Filing(
        event_id=country.ledger.id(),
        **head,
        registration_id="R1",
        registered_at=country.ledger.now,
        sealed=b"x",
        key_id="k",
    )
    country.send(first)
    assert country.open(open_cases._CONTESTED) == {}
    country.send(replace(first, event_id=country.ledger.id(), registration_id="R2"))
    assert country.open(open_cases._CONTESTED) == {"330000": 1}
    request = Withdrawal(
        event_id=country.ledger.id(),
        **head,
        registration_id="R1",
        action=WithdrawalAction.REQUEST,
        cause="WRONG_NUMBER",
    )
    country.send(request)
    assert country.open(open_cases._CONTESTED) == {"330000": 1}
    approval = replace(
        request,
        event_id=country.ledger.id(),
        submitter=OTHER,
        action=WithdrawalAction.APPROVE,
        request_id=request.event_id,
    )
    country.send(approval)
    assert country.open(open_cases._CONTESTED) == {}
    # And contested again: the next registration has taken the number, and a third tries it.
    for name, count in (("R2", {}), ("R3", {"330000": 1}), ("R4", {"330000": 1})):
        country.send(replace(first, event_id=country.ledger.id(), registration_id=name))
        assert country.open(open_cases._CONTESTED) == count


def test_an_overdue_filing_is_open_until_it_is_filed(country):
    registered = country.ledger.now - 3_600_000
    head = {"certificate_number": country.ledger.number(), "unit_code": UNIT, "submitter": DESK}
    country.send(
        Completion(event_id=country.ledger.id(), **head, registration_id="R1", registered_at=registered)
    )
    assert country.open(open_cases._OVERDUE) == {}
    due = registered + 1_800_000
    country.send(
        FilingOverdue(
            event_id=country.ledger.id(), **head, registration_id="R1", due_at=due, observed_at=due + 1
        )
    )
    assert country.open(open_cases._OVERDUE) == {"330000": 1}
    country.send(
        Filing(
            event_id=country.ledger.id(),
            **head,
            registration_id="R1",
            registered_at=registered,
            sealed=b"x",
            key_id="k",
        )
    )
    assert country.open(open_cases._OVERDUE) == {}
