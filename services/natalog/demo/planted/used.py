"""A number that a registration already used."""

from __future__ import annotations

from natalog.demo.expectation import accepted, refused
from natalog.demo.people import Person, desk
from natalog.demo.plan import planted
from natalog.demo.scene import Scene

SUBJECT = "used numbers tried again"


@planted(SUBJECT, 14)
async def another_child_on_a_used_number(s: Scene) -> None:
    first = s.child()
    taken = await s.registered(first)
    other = s.child(
        unit=s.unit_elsewhere(str(first["unit_code"])), certificate_number=first["certificate_number"]
    )
    gate = await s.checked(other, "USED")
    await s.file(
        other,
        refused("USED", "CONTESTED", first=taken),
        gate=gate,
        note="files another child on it all the same",
    )


@planted(SUBJECT, 6)
async def another_child_without_any_check(s: Scene) -> None:
    first = s.child()
    taken = await s.registered(first)
    other = s.child(
        unit=s.unit_elsewhere(str(first["unit_code"])), certificate_number=first["certificate_number"]
    )
    await s.file(other, refused("USED", "CONTESTED", "UNCHECKED", first=taken))


@planted(SUBJECT, 3)
async def another_child_and_late(s: Scene) -> None:
    first = s.child()
    taken = await s.registered(first)
    other = s.child(certificate_number=first["certificate_number"])
    await s.file(other, refused("USED", "CONTESTED", "FILED_LATE", first=taken), ago=50 * 60, gate=s.uuid())


@planted(SUBJECT, 2)
async def refused_filings_carry_no_doubt_of_placement(s: Scene) -> None:
    first = s.child()
    taken = await s.registered(first)
    other = s.child(
        certificate_number=first["certificate_number"],
        household_kind="STATION_COLLECTIVE",
        follows="FATHER",
        parents_married=False,
        paternity_evidence="NONE",
    )
    await s.file(other, refused("USED", "CONTESTED", first=taken), gate=s.uuid())


@planted(SUBJECT, 6)
async def claim_on_a_used_number(s: Scene) -> None:
    first = s.child()
    taken = await s.registered(first)
    other = s.child(
        unit=s.unit_elsewhere(str(first["unit_code"])), certificate_number=first["certificate_number"]
    )
    await s.claim(other, refused("USED", first=taken))


@planted(SUBJECT, 3)
async def same_registration_from_elsewhere(s: Scene) -> None:
    child = s.child()
    taken = await s.registered(child)
    elsewhere = s.unit_elsewhere(str(child["unit_code"]))
    await s.file(
        dict(child),
        refused("USED", "CONTESTED", first=taken, timed=False),
        unit_code=elsewhere,
        event_id=s.uuid(),
        note="another prefecture sends the same registration",
    )


@planted(SUBJECT, 2)
async def contested_shows_in_the_status(s: Scene) -> None:
    first = s.child()
    taken = await s.registered(first)
    other = s.child(certificate_number=first["certificate_number"])
    await s.file(other, refused("USED", "CONTESTED", first=taken), gate=s.uuid())
    await s.file(
        s.child(certificate_number=first["certificate_number"]),
        refused("USED", "CONTESTED", first=taken),
        gate=s.uuid(),
    )
    await s.status(str(first["certificate_number"]), _desk(first), "USED", contested=True)


@planted("number warnings", 3)
async def number_of_no_province(s: Scene) -> None:
    child = s.child(certificate_number=s.number(province="99"))
    await s.file(child, accepted("PREFIX_WARNING"), gate=await s.checked(child))


def _desk(child: dict[str, object]) -> Person:
    return desk(str(child["unit_code"]))
