"""The thirty minutes, the clock, and whether the number was checked before registering."""

from __future__ import annotations

from datetime import date

from natalog.demo.expectation import accepted
from natalog.demo.people import adapter
from natalog.demo.plan import planted
from natalog.demo.scene import Scene, today

LATE = "late filings"
OVERDUE = "overdue filings"
CLOCK = "clocks that are off"
MINUTE = 60.0


@planted(LATE, 12)
async def filed_too_late(s: Scene) -> None:
    child = s.child()
    gate = await s.checked(child)
    minutes = 31 + int(s.rng.random() * 240)
    await s.file(child, accepted("FILED_LATE"), ago=minutes * MINUTE, gate=gate)


@planted(LATE, 4)
async def filed_just_in_time(s: Scene) -> None:
    child = s.child()
    await s.file(child, ago=28 * MINUTE, gate=await s.checked(child))


@planted(LATE, 2)
async def filed_years_late(s: Scene) -> None:
    """Not sent as backfill, so it is judged as live."""
    child = s.child(days=800, certificate_number=s.number(letter="W"))
    await s.file(child, accepted("FILED_LATE"), ago=780 * 1440 * MINUTE, gate=s.uuid())


@planted("numbers nobody checked", 8)
async def registered_without_a_check(s: Scene) -> None:
    await s.file(s.child(), accepted("UNCHECKED"))


@planted(CLOCK, 2)
async def clock_ahead_with_a_claim(s: Scene) -> None:
    child = s.child()
    claim = await s.claim(child)
    await s.file(child, accepted("CLOCK_SKEW", timed_from=claim), ago=-20 * MINUTE, gate=claim.event_id)


@planted(CLOCK, 2)
async def clock_ahead_with_a_completion(s: Scene) -> None:
    child = s.child()
    claim = await s.claim(child)
    done = await s.complete(child, ago=-20 * MINUTE)
    await s.file(child, accepted("CLOCK_SKEW", timed_from=done), ago=-20 * MINUTE, gate=claim.event_id)


@planted(CLOCK, 2)
async def clock_ahead_and_nothing_to_go_by(s: Scene) -> None:
    child = s.child()
    await s.file(child, accepted("CLOCK_SKEW", delay_ms=0), ago=-20 * MINUTE, gate=s.uuid())


@planted(CLOCK, 2)
async def clock_ahead_within_the_skew(s: Scene) -> None:
    child = s.child()
    await s.file(child, accepted(delay_ms=0), ago=-2 * MINUTE, gate=s.uuid())


@planted(CLOCK, 4)
async def registered_before_its_own_claim(s: Scene) -> None:
    child = s.child()
    claim = await s.claim(child)
    await s.file(child, accepted("BACKDATED"), ago=12 * MINUTE, gate=claim.event_id)


@planted(CLOCK, 2)
async def backdated_and_late(s: Scene) -> None:
    child = s.child()
    claim = await s.claim(child)
    await s.file(child, accepted("BACKDATED", "FILED_LATE"), ago=45 * MINUTE, gate=claim.event_id)


@planted(CLOCK, 4)
async def only_the_day_is_known(s: Scene) -> None:
    child = s.child()
    expect = accepted("NOT_TIMEABLE", timed=False)
    await s.file(child, expect, registered_on=today().isoformat(), gate=await s.checked(child))


@planted("number warnings", 2)
async def printed_after_the_registration(s: Scene) -> None:
    child = s.child(certificate_number=s.number(letter="Z"), birth_date="2024-03-05")
    expect = accepted("FILED_LATE", "IMPOSSIBLE_YEAR")
    await s.file(child, expect, registered_at="2024-03-20T10:12:30+08:00", gate=s.uuid())


@planted("number warnings", 2)
async def printed_after_a_registration_of_old(s: Scene) -> None:
    child = s.child(certificate_number=s.number(letter="W"), birth_date="2020-11-02")
    await s.file(
        child,
        accepted("IMPOSSIBLE_YEAR", timed=False),
        registered_at="2020-11-20T10:12:30+08:00",
        origin="BACKFILL",
        person=adapter(str(child["unit_code"])),
    )


@planted(LATE, 2)
async def timed_once_however_often_it_is_sent(s: Scene) -> None:
    child = s.child()
    await s.file(child, accepted("FILED_LATE"), ago=40 * MINUTE, gate=await s.checked(child))
    await s.file(
        child,
        accepted("AMENDMENT", timed=False),
        registered_at=child["registered_at"],
        relation_to_head="41",
        event_id=s.uuid(),
        note="sends the row again with a correction",
    )


@planted(OVERDUE, 6)
async def completed_and_never_filed(s: Scene) -> None:
    child = s.child()
    await s.checked(child)
    await s.complete(child, ago=(31 + int(s.rng.random() * 90)) * MINUTE)
    await s.overdue(child, accepted("OVERDUE"))


@planted(OVERDUE, 2)
async def filed_after_the_alert(s: Scene) -> None:
    child = s.child()
    gate = await s.checked(child)
    await s.complete(child, ago=35 * MINUTE)
    await s.overdue(child, accepted("OVERDUE"))
    await s.file(child, accepted("FILED_LATE"), registered_at=child["registered_at"], gate=gate)


@planted(OVERDUE, 2)
async def never_filed_without_a_number(s: Scene) -> None:
    """A foundling of a welfare home has no certificate; its registration is due all the same."""
    child = s.child(certificate_number=None, exemption="WELFARE_HOME")
    await s.complete(child, ago=45 * MINUTE)
    await s.overdue(child, accepted("OVERDUE"))


def years_before(day: date, years: int) -> date:
    """The same day of an earlier year; 28 February where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
