"""The seven patterns of section 一 of the notice. (The first, void certificates, is planted in void.py.)"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from natalog.demo.expectation import Expect, accepted
from natalog.demo.plan import planted
from natalog.demo.planted.malformed import PROOFS
from natalog.demo.planted.timing import years_before
from natalog.demo.scene import Scene, today

SUBJECT = "doubts"


async def _doubtful(s: Scene, *doubts: str, **changes: Any) -> None:
    """A registration that is accepted, clean but for these doubts."""
    child = s.child(**changes)
    await s.file(child, _with(*doubts), gate=await s.checked(child))


def _with(*doubts: str) -> Expect:
    return accepted(doubts=doubts)


@planted(SUBJECT, 2)
async def in_the_stations_household(s: Scene) -> None:
    await _doubtful(s, "COLLECTIVE_HOUSEHOLD", household_kind="STATION_COLLECTIVE")


@planted(SUBJECT, 2)
async def in_the_communitys_household(s: Scene) -> None:
    await _doubtful(s, "COLLECTIVE_HOUSEHOLD", household_kind="COMMUNITY_COLLECTIVE")


@planted(SUBJECT, 2)
async def in_a_universitys_household(s: Scene) -> None:
    await _doubtful(s, "COLLECTIVE_HOUSEHOLD", household_kind="UNIVERSITY_COLLECTIVE", follows="MOTHER")


@planted(SUBJECT, 3)
async def placed_by_a_non_relative(s: Scene) -> None:
    await _doubtful(s, "NON_RELATIVE", relation_to_head="99")


@planted(SUBJECT, 3)
async def private_adoption(s: Scene) -> None:
    await _doubtful(s, "PRIVATE_ADOPTION", category="FACT_ADOPTION")


@planted(SUBJECT, 3)
async def over_six_without_proofs(s: Scene) -> None:
    born = years_before(today(), 7) - timedelta(days=40)
    await _doubtful(s, "OVER_SIX", birth_date=born.isoformat())


@planted(SUBJECT, 2)
async def over_six_and_one_proof_missing(s: Scene) -> None:
    born = years_before(today(), 9)
    await _doubtful(s, "OVER_SIX", birth_date=born.isoformat(), over_six={**PROOFS, "dna": False})


@planted(SUBJECT, 2)
async def sixth_birthday_today(s: Scene) -> None:
    child = s.child()
    # Registered this minute, so that midnight cannot come between.
    child["birth_date"] = years_before(today(), 6).isoformat()
    await s.file(child, _with("OVER_SIX"), ago=0, gate=s.uuid())


@planted(SUBJECT, 2)
async def follows_another(s: Scene) -> None:
    await _doubtful(s, "FOLLOWS_NEITHER", follows="OTHER", relation_to_head="41")


@planted(SUBJECT, 2)
async def follows_nobody(s: Scene) -> None:
    await _doubtful(s, "FOLLOWS_NEITHER", follows="NONE")


@planted(SUBJECT, 4)
async def unmarried_father_without_a_test(s: Scene) -> None:
    await _doubtful(s, "UNMARRIED_FATHER", parents_married=False, follows="FATHER", paternity_evidence="NONE")


@planted(SUBJECT, 2)
async def several_at_once(s: Scene) -> None:
    await _doubtful(
        s,
        "NON_RELATIVE",
        "PRIVATE_ADOPTION",
        "FOLLOWS_NEITHER",
        category="FACT_ADOPTION",
        relation_to_head="99",
        follows="NONE",
    )


@planted(SUBJECT, 2)
async def basis_without_its_document(s: Scene) -> None:
    await _doubtful(
        s, "FOLLOWS_NEITHER", follows="OTHER", relation_to_head="41", placement_basis="STUDENT_PARENTS"
    )


@planted(SUBJECT, 2)
async def basis_that_clears_something_else(s: Scene) -> None:
    await _doubtful(
        s,
        "NON_RELATIVE",
        follows="OTHER",
        relation_to_head="99",
        placement_basis="STUDENT_PARENTS",
        basis_ref="XS-2026-12",
    )


@planted(SUBJECT, 3)
async def cleared_by_an_amendment(s: Scene) -> None:
    child = s.child(parents_married=False, follows="FATHER", paternity_evidence="NONE")
    await s.file(child, _with("UNMARRIED_FATHER"), gate=await s.checked(child))
    await s.file(
        child,
        accepted("AMENDMENT", timed=False),
        event_id=s.uuid(),
        paternity_evidence="DNA",
        registered_at=child["registered_at"],
        note="sends the row again with the paternity test",
    )


@planted(SUBJECT, 2)
async def raised_by_an_amendment(s: Scene) -> None:
    child = s.child()
    await s.registered(child)
    await s.file(
        child,
        accepted("AMENDMENT", doubts=("NON_RELATIVE",), timed=False),
        event_id=s.uuid(),
        unit_code=s.unit_nearby(str(child["unit_code"])),
        relation_to_head="99",
        registered_at=child["registered_at"],
        note="another station of the prefecture corrects the relation",
    )
