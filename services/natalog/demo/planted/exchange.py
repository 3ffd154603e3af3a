"""Exchanged certificates: the old number is void, the new one good for the same child only."""

from __future__ import annotations

from natalog.demo.expectation import CLEAN, accepted, refused
from natalog.demo.people import desk
from natalog.demo.plan import planted
from natalog.demo.planted.void import NOW, prefecture
from natalog.demo.scene import Scene
from natalog.sample import Record

SUBJECT = "exchanged certificates"


async def _exchange_used(s: Scene) -> tuple[Record, str]:
    """A registered child whose certificate is exchanged; returns its record and the new number."""
    child = s.child()
    taken = await s.registered(child, note="registers a child on the first certificate")
    new = s.number()
    await s.void(
        child["certificate_number"],
        prefecture(child),
        accepted("INVALIDATED_AFTER_USE", first=taken),
        cause="EXCHANGED",
        replaced_by=new,
        note="a name was misspelt: exchanges it, the old number is void",
    )
    return child, new


async def _await_succession(s: Scene, number: str, unit: object) -> None:
    """The registrar itself sends the Succession; the new number's status warns once it is decided."""
    await s.warned(number, desk(str(unit)), "SUCCESSION")


@planted(SUBJECT, 6)
async def spare_of_an_exchange_tried(s: Scene) -> None:
    child, new = await _exchange_used(s)
    await _await_succession(s, new, child["unit_code"])
    other = s.child(unit=s.unit_elsewhere(str(child["unit_code"])), certificate_number=new)
    await s.file(
        other,
        refused("SUCCEEDS_USED", doubts=("VOID_CERTIFICATE",)),
        ago=NOW,
        gate=s.uuid(),
        note="registers another child on the new certificate",
    )


@planted(SUBJECT, 3)
async def same_child_on_the_new_certificate(s: Scene) -> None:
    child, new = await _exchange_used(s)
    await _await_succession(s, new, child["unit_code"])
    again = {**child, "certificate_number": new, "event_id": s.uuid()}
    await s.file(
        again, accepted("SUCCESSION"), gate=s.uuid(), note="files the same registration on the new number"
    )


@planted(SUBJECT, 4)
async def exchanged_before_any_registration(s: Scene) -> None:
    child = s.child()
    old, new = child["certificate_number"], s.number()
    void = await s.void(old, prefecture(child), cause="EXCHANGED", replaced_by=new)
    expect = refused("INVALIDATED", doubts=("VOID_CERTIFICATE",), first=void)
    await s.file(dict(child), expect, ago=NOW, gate=s.uuid(), note="registers on the old paper")
    await s.settled(new, desk(str(child["unit_code"])))
    child |= {"certificate_number": new, "event_id": s.uuid()}
    child["registration_id"] = f"{child['registration_id']}-2"
    await s.file(child, CLEAN, gate=await s.checked(child), note="registers on the new paper")


@planted(SUBJECT, 2)
async def spare_at_the_end_of_a_chain(s: Scene) -> None:
    child, second = await _exchange_used(s)
    await _await_succession(s, second, child["unit_code"])
    third = s.number()
    await s.void(
        second, prefecture(child), cause="REPLACED", replaced_by=third, note="replaces the new one, too"
    )
    await _await_succession(s, third, child["unit_code"])
    other = s.child(certificate_number=third)
    await s.file(other, refused("SUCCEEDS_USED", doubts=("VOID_CERTIFICATE",)), ago=NOW, gate=s.uuid())


@planted(SUBJECT, 2)
async def both_numbers_of_an_exchange_used(s: Scene) -> None:
    other = s.child()
    await s.registered(other, note="a child is registered on what will be the new number")
    child = s.child()
    taken = await s.registered(child)
    await s.void(
        child["certificate_number"],
        prefecture(child),
        accepted("INVALIDATED_AFTER_USE", first=taken),
        cause="EXCHANGED",
        replaced_by=other["certificate_number"],
    )
    person = desk(str(other["unit_code"]))
    await s.status(str(other["certificate_number"]), person, "USED", contested=True)
    await s.status(str(child["certificate_number"]), person, "INVALIDATED", contested=True)
