"""A registration on the wrong number: withdrawn by two people, filed anew on the right one."""

from __future__ import annotations

from natalog.demo.expectation import accepted, refused
from natalog.demo.people import admin, desk
from natalog.demo.plan import planted
from natalog.demo.planted.void import prefecture
from natalog.demo.scene import Scene

SUBJECT = "corrections by withdrawal"


@planted(SUBJECT, 4)
async def wrong_number_corrected(s: Scene) -> None:
    child, rightful = s.child(), s.child()
    right = str(child["certificate_number"])
    wrong = str(rightful["certificate_number"])
    owner = prefecture(child)
    child["certificate_number"] = wrong
    sent = await s.registered(child, note="registers a child on the certificate of another")
    rightful["unit_code"] = child["unit_code"]
    await s.claim(rightful, refused("USED", first=sent), note="the rightful family comes: its number is used")
    clerk = desk(str(child["unit_code"]))
    asked = await s.withdraw(child, clerk, note="sees the mistake and asks to withdraw it")
    asked_again = await s.withdraw(child, admin(owner), note="an administrator asks for it, too")
    await s.withdraw(
        child,
        admin(owner),
        refused("NEEDS_SECOND_PERSON"),
        request=asked_again,
        note="the administrator approves the own request",
    )
    await s.withdraw(
        child, admin(owner, "b"), request=asked, note="another administrator approves the clerk's"
    )
    await s.withdraw(child, admin(owner, "b"), request=asked, note="approves it twice: no fuss")
    child["certificate_number"] = right
    gate = await s.checked(child)
    await s.file(
        child,
        accepted(timed=False),
        event_id=s.uuid(),
        corrects=sent.event_id,
        gate=gate,
        registered_at=child["registered_at"],
        note="files the child anew on the right number",
    )
    claim = await s.claim(rightful, note="claims the number for the rightful child")
    await s.file(
        rightful,
        accepted("WITHDRAWN_BEFORE"),
        ago=0,
        gate=claim.event_id,
        note="registers the rightful child; that one stood here before stays visible",
    )


@planted(SUBJECT, 2)
async def registration_that_does_not_stand_here(s: Scene) -> None:
    child = s.child()
    await s.registered(child)
    other = {**child, "registration_id": s.child()["registration_id"]}
    await s.withdraw(other, desk(str(child["unit_code"])), refused("UNKNOWN_REGISTRATION"))


@planted(SUBJECT, 2)
async def withdrawn_from_elsewhere(s: Scene) -> None:
    child = s.child()
    await s.registered(child)
    stranger = desk(s.unit_elsewhere(str(child["unit_code"])))
    await s.withdraw(child, stranger, refused("NOT_OWNER"), note="another prefecture asks to withdraw it")


@planted(SUBJECT, 2)
async def approved_without_a_request(s: Scene) -> None:
    child = s.child()
    await s.registered(child)
    expect = refused("NEEDS_SECOND_PERSON")
    await s.withdraw(child, admin(prefecture(child)), expect, request=s.uuid())
