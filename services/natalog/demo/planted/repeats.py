"""The same record again: after a lost reply, sealed anew, or under an event id that was used before."""

from __future__ import annotations

from natalog.demo.expectation import CLEAN, again, refused
from natalog.demo.people import desk
from natalog.demo.plan import planted
from natalog.demo.scene import Scene, stamp

SUBJECT = "repeats after a lost reply"


@planted(SUBJECT, 10)
async def filed_again_after_a_lost_reply(s: Scene) -> None:
    child = s.child()
    first = await s.registered(child)
    await s.send(
        "filing", child, desk(str(child["unit_code"])), again(first), "the reply was lost: sends it again"
    )


@planted(SUBJECT, 3)
async def refusal_asked_for_again(s: Scene) -> None:
    child = s.child(certificate_number=None)
    first = await s.file(child, refused("MISSING_NUMBER"))
    await s.send("filing", child, desk(str(child["unit_code"])), again(first), "sends it again")


@planted(SUBJECT, 3)
async def sealed_anew(s: Scene) -> None:
    child = s.child()
    first = await s.registered(child)
    fresh = {**child, "sealed": "AAAAAAAAAAAAAAAAAAAAAA==", "key_id": "33-2027", "attempted_at": stamp(0)}
    await s.send("filing", fresh, desk(str(child["unit_code"])), again(first), "sends it again, sealed anew")


@planted(SUBJECT, 3)
async def claimed_again_after_a_lost_reply(s: Scene) -> None:
    child = s.child()
    unit = str(child["unit_code"])
    record = {
        "event_id": s.uuid(),
        "certificate_number": child["certificate_number"],
        "unit_code": unit,
        "occurred_at": stamp(0),
    }
    first = await s.send("claim", record, desk(unit), CLEAN, "claims the number")
    await s.send("claim", record, desk(unit), again(first), "sends the claim again")


@planted("event ids reused", 4)
async def event_id_with_other_content(s: Scene) -> None:
    child = s.child()
    first = await s.registered(child)
    other = {**child, "relation_to_head": "41"}
    person = desk(str(child["unit_code"]))
    expect = refused("EVENT_ID_REUSED", first=first, timed=False)
    reused = await s.send("filing", other, person, expect, "sends other content under the same event id")
    await s.send("filing", other, person, again(reused), "sends that again")
    await s.send("filing", child, person, again(first), "sends the original again")
