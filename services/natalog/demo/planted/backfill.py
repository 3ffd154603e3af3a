"""Registrations of earlier years, supplied now (补报)."""

from __future__ import annotations

from natalog.demo.expectation import accepted, refused
from natalog.demo.people import adapter, desk
from natalog.demo.plan import planted
from natalog.demo.planted.exchange import SUBJECT as EXCHANGED
from natalog.demo.planted.void import prefecture
from natalog.demo.scene import Scene, stamp
from natalog.sample import Record

SUBJECT = "backfill"
DAY = 86_400.0
EARLIER = "2021-03-18T09:41:12+08:00"
EFFECTIVE = "2022-06-01T00:00:00+08:00"
LATER = "2023-02-07T15:20:41+08:00"


def _old(s: Scene) -> Record:
    return s.child(certificate_number=s.number(letter="V"), birth_date="2021-02-22", origin="BACKFILL")


@planted(SUBJECT, 8)
async def supplied_years_later(s: Scene) -> None:
    child = _old(s)
    await s.file(child, accepted(timed=False), registered_at=EARLIER, person=adapter(str(child["unit_code"])))


@planted(SUBJECT, 2)
async def supplied_with_only_the_day(s: Scene) -> None:
    child = _old(s)
    expect = accepted(timed=False)
    await s.file(child, expect, registered_on="2021-03-18", person=adapter(str(child["unit_code"])))


@planted(SUBJECT, 3)
async def registered_before_the_blacklist_binds(s: Scene) -> None:
    child = _old(s)
    await s.blacklist(child["certificate_number"], prefecture(child), effective_at=EFFECTIVE)
    expect = accepted("LISTED_AFTER_USE", timed=False)
    await s.file(child, expect, registered_at=EARLIER, person=adapter(str(child["unit_code"])))


@planted(SUBJECT, 2)
async def registered_after_the_blacklist_binds(s: Scene) -> None:
    child = _old(s)
    listed = await s.blacklist(child["certificate_number"], prefecture(child), effective_at=EFFECTIVE)
    expect = refused("BLACKLISTED", doubts=("VOID_CERTIFICATE",), first=listed, timed=False)
    await s.file(child, expect, registered_at=LATER, person=adapter(str(child["unit_code"])))


@planted(SUBJECT, 3)
async def registered_before_it_was_voided(s: Scene) -> None:
    child = _old(s)
    await s.void(child["certificate_number"], prefecture(child), effective_at=EFFECTIVE)
    expect = accepted("INVALIDATED_AFTER_USE", timed=False)
    await s.file(child, expect, registered_at=EARLIER, person=adapter(str(child["unit_code"])))


@planted(EXCHANGED, 2)
async def use_before_the_exchange_learned_later(s: Scene) -> None:
    """The exchange is known first, the registration on the old number is supplied after: the spare is no good."""
    child = _old(s)
    new = s.number()
    old = child["certificate_number"]
    await s.void(old, prefecture(child), effective_at=EFFECTIVE, cause="EXCHANGED", replaced_by=new)
    expect = accepted("INVALIDATED_AFTER_USE", timed=False)
    await s.file(child, expect, registered_at=EARLIER, person=adapter(str(child["unit_code"])))
    await s.warned(new, desk(str(child["unit_code"])), "SUCCESSION")
    await s.settled(new, desk(str(child["unit_code"])))
    other = s.child(certificate_number=new)
    await s.file(other, refused("SUCCEEDS_USED", doubts=("VOID_CERTIFICATE",)), ago=0, gate=s.uuid())


@planted(SUBJECT, 2)
async def stations_backfill_is_judged_as_live(s: Scene) -> None:
    child = _old(s)
    await s.file(child, accepted("FILED_LATE"), registered_at=EARLIER, gate=s.uuid())


@planted(SUBJECT, 2)
async def too_young_for_backfill(s: Scene) -> None:
    child = s.child(days=20, origin="BACKFILL")
    person = adapter(str(child["unit_code"]))
    await s.file(child, accepted("FILED_LATE"), registered_at=stamp(10 * DAY), gate=s.uuid(), person=person)


@planted(SUBJECT, 2)
async def doubts_of_old(s: Scene) -> None:
    child = _old(s)
    child |= {"parents_married": False, "follows": "FATHER", "paternity_evidence": "NONE"}
    expect = accepted(doubts=("UNMARRIED_FATHER",), timed=False)
    await s.file(child, expect, registered_at=EARLIER, person=adapter(str(child["unit_code"])))
