"""Blacklisted and voided numbers, before and after they are used."""

from __future__ import annotations

from natalog.demo.expectation import CLEAN, accepted, refused
from natalog.demo.people import province_admin
from natalog.demo.plan import planted
from natalog.demo.scene import Scene, stamp

LISTED = "blacklisted numbers"
VOIDED = "voided certificates"
DAY = 86_400
NOW = 0.0


def prefecture(child: dict[str, object]) -> str:
    """Prefecture of the child's unit (the demo's provinces have ordinary prefectures only)."""
    return str(child["unit_code"])[:4] + "00"


@planted(LISTED, 12)
async def lost_certificate_blacklisted_and_tried(s: Scene) -> None:
    child = s.child()
    number = str(child["certificate_number"])
    listed = await s.blacklist(
        number, prefecture(child), note="the family lost the paper: put on the blacklist"
    )
    gate = await s.checked(child, "BLACKLISTED")
    await s.claim(
        child, refused("BLACKLISTED", first=listed), note="somebody brings the paper: the desk claims it"
    )
    await s.file(
        child,
        refused("BLACKLISTED", doubts=("VOID_CERTIFICATE",), first=listed),
        ago=NOW,
        gate=gate,
        note="the child is registered all the same, and filed",
    )


@planted(LISTED, 4)
async def blacklisted_and_nobody_checked(s: Scene) -> None:
    child = s.child()
    listed = await s.blacklist(child["certificate_number"], prefecture(child), cause="STOLEN")
    expect = refused("BLACKLISTED", "UNCHECKED", doubts=("VOID_CERTIFICATE",), first=listed)
    await s.file(child, expect, ago=NOW)


@planted(LISTED, 4)
async def registered_before_the_listing_by_its_own_word(s: Scene) -> None:
    child = s.child()
    gate = await s.checked(child)
    listed = await s.blacklist(child["certificate_number"], prefecture(child), cause="FORGED")
    expect = refused("BLACKLISTED", "REGISTERED_BEFORE_LISTING", doubts=("VOID_CERTIFICATE",), first=listed)
    await s.file(child, expect, ago=15 * 60, gate=gate)


@planted(LISTED, 5)
async def listed_after_use(s: Scene) -> None:
    child = s.child()
    taken = await s.registered(child)
    await s.blacklist(
        child["certificate_number"], prefecture(child), accepted("LISTED_AFTER_USE", first=taken)
    )


@planted(LISTED, 4)
async def listed_under_an_open_claim(s: Scene) -> None:
    child = s.child()
    claim = await s.claim(child)
    await s.blacklist(child["certificate_number"], prefecture(child))
    await s.file(child, accepted("LISTED_AFTER_CLAIM"), ago=NOW, gate=claim.event_id)


@planted(LISTED, 3)
async def listed_between_completion_and_filing(s: Scene) -> None:
    child = s.child()
    gate = await s.checked(child)
    await s.complete(child, ago=120)
    await s.blacklist(child["certificate_number"], prefecture(child))
    await s.file(child, accepted("LISTED_AFTER_CLAIM"), ago=120, gate=gate)


@planted(LISTED, 2)
async def listing_that_binds_only_tomorrow(s: Scene) -> None:
    child = s.child()
    await s.blacklist(child["certificate_number"], prefecture(child), effective_at=stamp(-DAY))
    await s.file(child, CLEAN, gate=await s.checked(child))


@planted(LISTED, 2)
async def blacklisted_by_the_province(s: Scene) -> None:
    child = s.child()
    owner = prefecture(child)
    person = province_admin(owner[:2] + "0000")
    listed = await s.blacklist(child["certificate_number"], owner, person=person)
    await s.blacklist(child["certificate_number"], owner, CLEAN, note="lists it a second time: no fuss")
    await s.claim(child, refused("BLACKLISTED", first=listed))


@planted(VOIDED, 8)
async def voided_and_tried(s: Scene) -> None:
    child = s.child()
    void = await s.void(child["certificate_number"], prefecture(child), cause="STOLEN_BLANK")
    gate = await s.checked(child, "INVALIDATED")
    await s.claim(child, refused("INVALIDATED", first=void))
    expect = refused("INVALIDATED", doubts=("VOID_CERTIFICATE",), first=void)
    await s.file(child, expect, ago=NOW, gate=gate)


@planted(VOIDED, 2)
async def void_and_blacklisted_is_blacklisted(s: Scene) -> None:
    child = s.child()
    await s.void(child["certificate_number"], prefecture(child), cause="WITHDRAWN_EDITION")
    listed = await s.blacklist(child["certificate_number"], prefecture(child))
    expect = refused("BLACKLISTED", doubts=("VOID_CERTIFICATE",), first=listed)
    await s.file(child, expect, ago=NOW, gate=s.uuid())


@planted(VOIDED, 2)
async def voided_before_its_own_registration_was_filed(s: Scene) -> None:
    child = s.child()
    void = await s.void(child["certificate_number"], prefecture(child))
    expect = refused("INVALIDATED", "REGISTERED_BEFORE_LISTING", doubts=("VOID_CERTIFICATE",), first=void)
    await s.file(child, expect, ago=10 * 60, gate=s.uuid())


@planted(VOIDED, 3)
async def reinstated_and_good_again(s: Scene) -> None:
    child = s.child()
    number, issued_by = child["certificate_number"], prefecture(child)
    await s.void(number, issued_by)
    await s.void(number, issued_by, note="voids it twice: no fuss")
    stranger = prefecture({"unit_code": s.unit_elsewhere(str(child["unit_code"]))})
    note = "another authority tries to reinstate it"
    await s.void(number, stranger, refused("NOT_OWNER"), action="REINSTATE", note=note)
    await s.void(number, issued_by, action="REINSTATE", note="reinstates it: voided in error")
    await s.file(child, CLEAN, ago=NOW, gate=await s.checked(child))


@planted(VOIDED, 2)
async def nothing_to_reinstate(s: Scene) -> None:
    child = s.child()
    expect = refused("NOT_LISTED")
    await s.void(
        child["certificate_number"], prefecture(child), expect, action="REINSTATE", note="reinstates it"
    )


@planted(VOIDED, 3)
async def voided_after_use(s: Scene) -> None:
    child = s.child()
    taken = await s.registered(child)
    expect = accepted("INVALIDATED_AFTER_USE", first=taken)
    await s.void(child["certificate_number"], prefecture(child), expect)


@planted(VOIDED, 2)
async def voided_under_an_open_claim(s: Scene) -> None:
    child = s.child()
    claim = await s.claim(child)
    await s.void(child["certificate_number"], prefecture(child))
    await s.file(child, accepted("LISTED_AFTER_CLAIM"), ago=NOW, gate=claim.event_id)
