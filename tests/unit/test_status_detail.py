"""Stories in which an entry looks as if it changed a number and does not: the reduced fold must not be taken in."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from natalog import events
from natalog.decision.packing import unpack
from natalog.events import BlacklistAction, Principal, WithdrawalAction
from natalog.gateway.status import find
from natalog.status.view import StatusView
from tests import status_reference
from tests.property.decision_histories import Author
from tests.property.test_decision_fold import decided
from tests.property.test_status_view import stretches

NUMBER, UNIT, OWNER = "Z330000019", "330106520000", "330100"
REQUEST = uuid.UUID(int=77)


def head(person: str, serial: int, **more: Any) -> dict[str, Any]:
    who = Principal(sub=person, org=OWNER, roles=("prefecture_admin",))
    given = {"event_id": uuid.UUID(int=serial), "certificate_number": NUMBER, "unit_code": UNIT}
    return {**given, "submitter": who, **more}


def listing(person: str, serial: int, action: str, **more: Any) -> events.BlacklistChange:
    return events.BlacklistChange(
        **head(person, serial, **more), action=BlacklistAction(action), owner=OWNER, cause="LOST"
    )


def filed(serial: int, registration: str) -> events.Filing:
    return events.Filing(
        **head("wang", serial), registration_id=registration, registered_at=0, category="ORDINARY"
    )


def withdrawal(person: str, serial: int, action: str, **more: Any) -> events.Withdrawal:
    return events.Withdrawal(
        **head(person, serial, **more),
        registration_id="R1",
        action=WithdrawalAction(action),
        cause="WRONG_NUMBER",
    )


RELISTED = [
    listing("wang", 1, "ADD"),
    listing("wang", REQUEST.int, "REQUEST_REMOVE"),
    listing("li", 3, "APPROVE_REMOVE", request_id=REQUEST),
    listing("wang", 4, "ADD"),
    listing("li", 5, "APPROVE_REMOVE", request_id=REQUEST),  # approved before: no fuss, and no change
]
REFILED = [
    filed(1, "R1"),
    withdrawal("wang", REQUEST.int, "REQUEST"),
    withdrawal("li", 3, "APPROVE", request_id=REQUEST),
    filed(4, "R1"),
    withdrawal("li", 5, "APPROVE", request_id=REQUEST),
]


@pytest.mark.parametrize(
    ("records", "status"),
    [
        (RELISTED[:2], "BLACKLISTED"),
        (RELISTED[:3], "UNUSED"),
        (RELISTED, "BLACKLISTED"),
        (REFILED[:2], "USED"),
        (REFILED[:3], "UNUSED"),
        (REFILED, "USED"),
    ],
)
def test_a_second_approval_of_what_was_approved_changes_nothing(tmp_path, records, status):
    author, sent = Author(1), []
    for record in records:
        author.at += 60_000
        sent.append(author.sent(record))
    ledger = decided(sent)
    at = author.at + 1
    wanted = status_reference.find(NUMBER, unpack(ledger.states[NUMBER.encode()]), at, UNIT)
    assert wanted.status == status
    view = StatusView(tmp_path, 12)
    view.load("ledger")
    for stretch in stretches(ledger.entries, [1]):
        view.apply(stretch)
    (detail,), _ = view.find([NUMBER])
    assert find(NUMBER, detail, at, UNIT) == wanted
    view.close()
