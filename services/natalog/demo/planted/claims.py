"""Claims: the short reservation of a number. And what the gateway turns away before anything is recorded."""

from __future__ import annotations

from natalog.demo.expectation import CLEAN, accepted, problem, refused
from natalog.demo.people import Person, desk
from natalog.demo.plan import planted
from natalog.demo.scene import Scene

SUBJECT = "claims"
TURNED_AWAY = "turned away, not recorded"


@planted(SUBJECT, 6)
async def claimed_elsewhere(s: Scene) -> None:
    child = s.child()
    unit = str(child["unit_code"])
    elsewhere = s.unit_elsewhere(unit)
    await s.claim(child)
    await s.claim(child, refused("CLAIMED_ELSEWHERE"), unit=elsewhere, note="another unit claims it, too")
    await s.checked(child, "CLAIMED", usable=False, unit=elsewhere)
    await s.claim(child, note="renews its own claim")
    await s.release(child, unit=elsewhere)
    await s.release(child)
    claim = await s.claim(child, unit=elsewhere, note="the other unit claims it now")
    child |= {"unit_code": elsewhere, "division": elsewhere[:6]}
    await s.file(child, CLEAN, ago=0, gate=claim.event_id)


@planted(SUBJECT, 5)
async def filed_under_anothers_claim(s: Scene) -> None:
    child = s.child()
    other = s.child(certificate_number=child["certificate_number"])
    claim = await s.claim(child)
    elsewhere = s.unit_elsewhere(str(child["unit_code"]))
    other |= {"unit_code": elsewhere, "division": elsewhere[:6]}
    gate = await s.checked(other, "CLAIMED", usable=False)
    taken = await s.file(
        other, accepted("CLAIM_CONFLICT"), gate=gate, note="files although another holds a claim"
    )
    await s.file(child, refused("USED", "CONTESTED", first=taken), ago=0, gate=claim.event_id)


@planted(SUBJECT, 2)
async def released_without_a_claim(s: Scene) -> None:
    await s.release(s.child())


@planted(TURNED_AWAY, 2)
async def unit_of_another_prefecture(s: Scene) -> None:
    child = s.child()
    stranger = desk(s.unit_elsewhere(str(child["unit_code"])))
    await s.file(child, problem(403), person=stranger, note="files in another unit's name")


@planted(TURNED_AWAY, 2)
async def field_that_does_not_exist(s: Scene) -> None:
    await s.file(s.child(), problem(400), childs_name_token="x", note="sends a field that does not exist")


@planted(TURNED_AWAY, 2)
async def role_that_may_not(s: Scene) -> None:
    child = s.child()
    unit = str(child["unit_code"])
    await s.file(child, problem(403), person=Person("operator", unit, "operator-1"))
