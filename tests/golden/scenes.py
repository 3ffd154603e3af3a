"""What happens on the golden ledger: every verdict, reason, flag and doubt at least once (test_golden says so)."""

from __future__ import annotations

import uuid
from dataclasses import replace

from natalog import events
from natalog.decision.rules import BUILT_IN, from_json
from natalog.events import BlacklistAction, InvalidationAction, Origin, OverSix, Principal, WithdrawalAction
from tests.golden.memory_ledger import SUCCESSIONS, MemoryLedger

UNIT, NEIGHBOUR, ELSEWHERE = "330106000000", "330105000000", "440305000000"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
BORN = 20_700  # 2026-09-04
SHORT_RULES = '{"version": 100, "base": 1, "sla_seconds": 60, "claim_seconds": 120}'


def station(unit: str = UNIT) -> Principal:
    return Principal(sub=f"desk-{unit[:6]}", org=unit, roles=("station",))


def person(name: str, org: str = "330100", role: str = "prefecture_admin") -> Principal:
    return Principal(sub=name, org=org, roles=(role,))


ISSUER = Principal(sub="issuer", org="330000", roles=("health_authority",))


def filing(ledger: MemoryLedger, number: str | None, unit: str = UNIT, **fields: object) -> events.Filing:
    """An ordinary filing, three minutes after the registration."""
    event_id = ledger.id()
    made = events.Filing(
        event_id=event_id,
        certificate_number=number,
        unit_code=unit,
        occurred_at=ledger.now,
        submitter=station(unit),
        registration_id=f"reg-{event_id.hex[:12]}",
        registered_at=ledger.now - 3 * MINUTE,
        captured_at=ledger.now - 2 * MINUTE,
        attempted_at=ledger.now - MINUTE,
        division=unit[:6],
        household_kind="FAMILY",
        relation_to_head="20",
        follows="BOTH",
        birth_date=BORN,
        parents_married=True,
        gate="check-1",
        child_token="t1",
        sealed=b"\x01\x02\x03",
        key_id="33-2026",
    )
    return replace(made, **fields)


def claim(ledger: MemoryLedger, number: str, unit: str = UNIT) -> events.Claim:
    return events.Claim(
        event_id=ledger.id(),
        certificate_number=number,
        unit_code=unit,
        occurred_at=ledger.now,
        submitter=station(unit),
    )


def release(ledger: MemoryLedger, number: str, unit: str = UNIT) -> events.Release:
    return events.Release(
        event_id=ledger.id(), certificate_number=number, unit_code=unit, submitter=station(unit)
    )


def completion(
    ledger: MemoryLedger, number: str | None, registration: str, **fields: object
) -> events.Completion:
    made = events.Completion(
        event_id=ledger.id(),
        certificate_number=number,
        unit_code=UNIT,
        occurred_at=ledger.now,
        submitter=station(),
        registration_id=registration,
        registered_at=ledger.now,
    )
    return replace(made, **fields)


def withdrawal(
    ledger: MemoryLedger,
    number: str | None,
    registration: str,
    by: Principal,
    request: uuid.UUID | None = None,
) -> events.Withdrawal:
    return events.Withdrawal(
        event_id=ledger.id(),
        certificate_number=number,
        unit_code=UNIT,
        submitter=by,
        registration_id=registration,
        action=WithdrawalAction.REQUEST if request is None else WithdrawalAction.APPROVE,
        request_id=request,
        cause="WRONG_NUMBER",
    )


def listing(
    ledger: MemoryLedger, number: str, action: BlacklistAction = BlacklistAction.ADD, **fields: object
) -> events.BlacklistChange:
    made = events.BlacklistChange(
        event_id=ledger.id(),
        certificate_number=number,
        unit_code=UNIT,
        submitter=person("admin-1"),
        action=action,
        cause="LOST",
        owner="330100",
    )
    return replace(made, **fields)


def void(
    ledger: MemoryLedger, number: str, replaced_by: str | None = None, **fields: object
) -> events.Invalidation:
    made = events.Invalidation(
        event_id=ledger.id(),
        certificate_number=number,
        unit_code="330000000000",
        submitter=ISSUER,
        action=InvalidationAction.VOID,
        issuer="330000",
        cause="EXCHANGED" if replaced_by else "ERROR",
        replaced_by=replaced_by,
    )
    return replace(made, **fields)


def ordinary(ledger: MemoryLedger) -> None:
    """Claim, completion, filing; a repeat, a reuse, an amendment, a second registration."""
    for _ in range(8):
        number = ledger.number()
        ledger.send(claim(ledger, number))
        ledger.now += 5 * MINUTE
        registered = filing(ledger, number, registered_at=ledger.now)
        ledger.send(completion(ledger, number, registered.registration_id))
        ledger.now += 2_345
        ledger.send(registered)
        ledger.send(replace(registered, sealed=b"sealed anew", attempted_at=ledger.now))
        ledger.send(replace(registered, follows="MOTHER"))
        ledger.send(replace(registered, follows="MOTHER"))
        ledger.send(ledger.again(registered, follows="MOTHER"))
        ledger.send(filing(ledger, number, ELSEWHERE))
        ledger.now += 1_000
    ledger.now -= 10 * MINUTE  # the broker's clock steps back
    ledger.send(claim(ledger, number))
    ledger.now += 10 * MINUTE


def claims(ledger: MemoryLedger) -> None:
    for _ in range(4):
        number = ledger.number()
        held = claim(ledger, number)
        ledger.send(held)
        ledger.send(claim(ledger, number, NEIGHBOUR))
        ledger.send(claim(ledger, number))
        ledger.send(filing(ledger, number, NEIGHBOUR))
        number = ledger.number()
        held = claim(ledger, number)
        ledger.send(held)
        ledger.now += 3 * HOUR
        ledger.send(filing(ledger, number, gate=str(held.event_id)))
        number = ledger.number()
        ledger.send(claim(ledger, number))
        ledger.send(release(ledger, number))
        ledger.send(claim(ledger, number, NEIGHBOUR))
        ledger.send(release(ledger, number))
    ledger.send(claim(ledger, ledger.number(start="Y99")))
    ledger.send(claim(ledger, "ABC"))
    ledger.send(replace(claim(ledger, "ABC"), certificate_number=None))


def timing(ledger: MemoryLedger) -> None:
    for _ in range(3):
        ledger.send(filing(ledger, ledger.number(), registered_at=ledger.now - 30 * MINUTE))
        ledger.send(filing(ledger, ledger.number(), registered_at=ledger.now - 30 * MINUTE - 1))
        ledger.send(filing(ledger, ledger.number(), registered_at=ledger.now + HOUR))
        ledger.send(filing(ledger, ledger.number(), registered_at=None, registered_on=BORN + 10))
        number = ledger.number()
        ledger.send(claim(ledger, number))
        ledger.send(filing(ledger, number, registered_at=ledger.now - HOUR))
        number = ledger.number()
        ledger.send(completion(ledger, number, f"late-{number}"))
        ledger.now += 31 * MINUTE
        for _ in range(2):
            overdue = events.FilingOverdue(
                event_id=ledger.id(),
                certificate_number=number,
                unit_code=UNIT,
                submitter=Principal(sub="watch", org="", roles=("watch",)),
                registration_id=f"late-{number}",
                due_at=ledger.now - MINUTE,
                observed_at=ledger.now,
            )
            ledger.send(overdue)
            late = filing(
                ledger, number, registration_id=f"late-{number}", registered_at=ledger.now - 31 * MINUTE
            )
            ledger.send(late)
        ledger.send(filing(ledger, ledger.number(), gate=None))
        ledger.send(filing(ledger, ledger.number(start="Z99")))
        ledger.send(filing(ledger, ledger.number(), registered_at=ledger.now - 1_200 * DAY))


def numbers(ledger: MemoryLedger) -> None:
    ledger.send(filing(ledger, "Y3300O0001"))
    ledger.send(filing(ledger, "330000001"))
    ledger.send(filing(ledger, "330000002", birth_date=10_500))
    ledger.send(filing(ledger, None))
    ledger.send(filing(ledger, None, exemption="NO_SUCH"))
    exempt = filing(ledger, None, exemption="ADOPTED", category="ADOPTION")
    ledger.send(exempt)
    ledger.send(exempt)
    ledger.send(ledger.again(exempt, follows="MOTHER"))
    ledger.send(filing(ledger, None, exemption="CASE_DECIDED", case_ref="case-1", category="CATEGORY_EIGHT"))
    ledger.send(completion(ledger, None, "reg-none"))
    ledger.send(completion(ledger, None, "reg-welfare", exemption="WELFARE_HOME"))
    ledger.send(withdrawal(ledger, None, "reg-welfare", person("admin-1")))


def withdrawals(ledger: MemoryLedger) -> None:
    for _ in range(4):
        number = ledger.number()
        wrong = filing(ledger, number)
        ledger.send(wrong)
        ledger.send(filing(ledger, number, ELSEWHERE))
        request = withdrawal(ledger, number, wrong.registration_id, person("admin-1"))
        ledger.send(request)
        about = (number, wrong.registration_id)
        ledger.send(withdrawal(ledger, *about, person("admin-1"), request.event_id))
        ledger.send(withdrawal(ledger, *about, person("far", "440300"), request.event_id))
        ledger.send(withdrawal(ledger, *about, person("admin-2"), ledger.id()))
        approval = withdrawal(ledger, *about, person("admin-2"), request.event_id)
        ledger.send(approval)
        ledger.send(approval)
        ledger.send(ledger.again(approval))
        ledger.send(withdrawal(ledger, number, "unknown", person("admin-1")))
        ledger.send(
            filing(ledger, ledger.number(), registration_id=wrong.registration_id, corrects=wrong.event_id)
        )
        ledger.send(filing(ledger, number))
        ledger.send(filing(ledger, number, NEIGHBOUR))


def blacklist(ledger: MemoryLedger) -> None:
    for _ in range(3):
        number = ledger.number()
        ledger.send(listing(ledger, number))
        ledger.send(listing(ledger, number))
        ledger.send(claim(ledger, number))
        ledger.send(filing(ledger, number))
        ledger.send(filing(ledger, number, registered_at=ledger.now + MINUTE))
        ledger.send(listing(ledger, number, submitter=person("far", "440300")))
        ask = listing(ledger, number, BlacklistAction.REQUEST_REMOVE)
        ledger.send(ask)
        approve = listing(ledger, number, BlacklistAction.APPROVE_REMOVE, request_id=ask.event_id)
        ledger.send(approve)
        ledger.send(ledger.again(approve, submitter=person("admin-2")))
        ledger.send(ledger.again(approve, submitter=person("admin-3")))
        ledger.send(ledger.again(ask))
        taken = filing(ledger, number)
        ledger.send(taken)
        ledger.send(listing(ledger, number))
        # An approval of a removal, cited where a withdrawal is meant, is none.
        ledger.send(withdrawal(ledger, number, taken.registration_id, person("admin-2"), ask.event_id))
        number = ledger.number()
        ledger.send(claim(ledger, number))
        ledger.send(listing(ledger, number))
        ledger.send(filing(ledger, number))
        number = ledger.number()
        ledger.send(listing(ledger, number))
        old = filing(
            ledger,
            number,
            submitter=Principal(sub="adapter", org="330100", roles=("adapter",)),
            registered_at=ledger.now - 400 * DAY,
            origin=Origin.BACKFILL,
            gate=None,
        )
        ledger.send(old)


def exchange(ledger: MemoryLedger) -> None:
    for _ in range(4):
        used, spare, further = ledger.number(), ledger.number(), ledger.number()
        taken = filing(ledger, used)
        ledger.send(taken)
        ledger.send(void(ledger, used, spare))
        ledger.send(claim(ledger, spare))
        ledger.send(filing(ledger, spare, NEIGHBOUR))
        ledger.send(void(ledger, spare, further))
        ledger.send(filing(ledger, further, registration_id=taken.registration_id))
        ledger.send(void(ledger, used, spare))
        ledger.send(void(ledger, used, action=InvalidationAction.REINSTATE))
        # The spare was used by another child before it became a successor.
        used, spare = ledger.number(), ledger.number()
        ledger.send(filing(ledger, used))
        ledger.send(filing(ledger, spare, NEIGHBOUR))
        ledger.send(void(ledger, used, spare))
        # Voided while the desk was registering; and unused, in a ring.
        first, second = ledger.number(), ledger.number()
        ledger.send(void(ledger, first, second))
        ledger.send(void(ledger, second, first))
        ledger.send(filing(ledger, first))
        ledger.send(void(ledger, first, submitter=person("other", "440000", "health_authority")))
        number = ledger.number()
        ledger.send(claim(ledger, number))
        ledger.send(void(ledger, number))
        ledger.send(filing(ledger, number))


def doubts(ledger: MemoryLedger) -> None:
    number = ledger.number
    ledger.send(filing(ledger, number(), household_kind="STATION_COLLECTIVE"))
    ledger.send(
        filing(
            ledger,
            number(),
            household_kind="STATION_COLLECTIVE",
            placement_basis="PARENT_IN_COLLECTIVE",
            basis_ref="b-1",
        )
    )
    ledger.send(filing(ledger, number(), relation_to_head="99"))
    ledger.send(filing(ledger, None, category="FACT_ADOPTION", exemption="CASE_DECIDED", case_ref="case-2"))
    ledger.send(filing(ledger, number(), birth_date=BORN - 2_500))
    checked = OverSix(visit=True, face=True, fingerprint=True, dna=True, approval_ref="a-1")
    ledger.send(filing(ledger, number(), birth_date=BORN - 2_500, over_six=checked))
    ledger.send(filing(ledger, number(), follows="NONE"))
    ledger.send(filing(ledger, number(), follows="FATHER", parents_married=False))
    ledger.send(filing(ledger, number(), follows="FATHER", parents_married=False, paternity_evidence="DNA"))


def faults(ledger: MemoryLedger) -> None:
    """What no gateway sends."""
    for number in (ledger.number(), ledger.number()):
        record = filing(ledger, number)
        ledger.send(record, key=b"another key")
        ledger.send(record, topic="sla.alerts")
        ledger.put("birth.registrations", number.encode(), b"\x00 no record")
        ledger.put("birth.registrations", number.encode(), b"")
        ledger.put("blacklist.changes", b"", None)


def play(ledger: MemoryLedger) -> None:
    """Every scene, under the rule set it came with; two once more under a set of one's own. New ones go to the end."""
    ledger.rules = BUILT_IN[1]
    scenes = (ordinary, claims, timing, numbers, withdrawals, blacklist, exchange, doubts, faults)
    for scene in scenes:
        scene(ledger)
    ledger.rules = from_json(SHORT_RULES)
    ordinary(ledger)
    timing(ledger)


__all__ = ["SUCCESSIONS", "play"]
