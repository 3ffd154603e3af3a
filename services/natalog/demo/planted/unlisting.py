"""Who may put a number on a blacklist and take it off: owners, and two people."""

from __future__ import annotations

from natalog.demo.expectation import CLEAN, refused
from natalog.demo.people import admin
from natalog.demo.plan import planted
from natalog.demo.planted.void import prefecture
from natalog.demo.scene import Scene

SUBJECT = "blacklist changes"


@planted(SUBJECT, 3)
async def removed_by_two_people(s: Scene) -> None:
    child = s.child()
    number, owner = child["certificate_number"], prefecture(child)
    await s.blacklist(number, owner)
    asked = await s.blacklist(number, owner, action="REQUEST_REMOVE", note="found again: asks to take it off")
    await s.blacklist(
        number,
        owner,
        refused("NEEDS_SECOND_PERSON"),
        action="APPROVE_REMOVE",
        request_id=asked.event_id,
        note="approves the own request",
    )
    await s.blacklist(
        number,
        owner,
        person=admin(owner, "b"),
        action="APPROVE_REMOVE",
        request_id=asked.event_id,
        note="a second person approves",
    )
    await s.file(child, CLEAN, gate=await s.checked(child))


@planted(SUBJECT, 2)
async def one_owner_never_frees_anothers_entry(s: Scene) -> None:
    child = s.child()
    number, owner = child["certificate_number"], prefecture(child)
    other = prefecture({"unit_code": s.unit_elsewhere(str(child["unit_code"]))})
    listed = await s.blacklist(number, owner)
    await s.blacklist(number, other, note="another prefecture lists it, too")
    asked = await s.blacklist(number, other, action="REQUEST_REMOVE", note="asks to take its own entry off")
    await s.blacklist(
        number,
        other,
        person=admin(other, "b"),
        action="APPROVE_REMOVE",
        request_id=asked.event_id,
        note="approves that",
    )
    await s.claim(child, refused("BLACKLISTED", first=listed), note="it is still blacklisted by the first")


@planted(SUBJECT, 3)
async def not_ones_own_blacklist(s: Scene) -> None:
    child = s.child()
    number, owner = child["certificate_number"], prefecture(child)
    stranger = prefecture({"unit_code": s.unit_elsewhere(str(child["unit_code"]))})
    await s.blacklist(
        number, owner, refused("NOT_OWNER"), person=admin(stranger), note="lists for another prefecture"
    )
    await s.blacklist(number, owner)
    await s.blacklist(
        number,
        owner,
        refused("NOT_OWNER"),
        person=admin(stranger),
        action="REQUEST_REMOVE",
        note="asks to take another's entry off",
    )


@planted(SUBJECT, 2)
async def nothing_to_take_off(s: Scene) -> None:
    child = s.child()
    expect = refused("NOT_LISTED")
    note = "asks to take off what is not listed"
    await s.blacklist(
        child["certificate_number"], prefecture(child), expect, action="REQUEST_REMOVE", note=note
    )
