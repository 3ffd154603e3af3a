"""What looks like one of the seven patterns and is legal: every one of these must come out clean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from natalog.demo.plan import planted
from natalog.demo.planted.malformed import PROOFS
from natalog.demo.planted.timing import years_before
from natalog.demo.scene import Scene, stamp, today

SUBJECT = "legal look-alikes"
BASIS = {"basis_ref": "LH-2026-115"}


async def _clean(s: Scene, **changes: Any) -> None:
    child = s.child(**changes)
    await s.file(child, gate=await s.checked(child))


@planted(SUBJECT, 4)
async def first_registered_late_but_under_six(s: Scene) -> None:
    born = years_before(today(), 5) - timedelta(days=200)
    await _clean(s, birth_date=born.isoformat(), certificate_number=s.number(letter="U"))


@planted(SUBJECT, 2)
async def day_before_the_sixth_birthday(s: Scene) -> None:
    child = s.child(certificate_number=s.number(letter="T"))
    child["birth_date"] = (years_before(today(), 6) + timedelta(days=1)).isoformat()
    await s.file(child, ago=0, gate=s.uuid())


@planted(SUBJECT, 3)
async def over_six_with_every_proof(s: Scene) -> None:
    born = years_before(today(), 8)
    letter = chr(ord("A") + born.year - 2000)
    await _clean(s, birth_date=born.isoformat(), certificate_number=s.number(letter=letter), over_six=PROOFS)


@planted(SUBJECT, 4)
async def twins(s: Scene) -> None:
    first = s.child()
    keys = ("unit_code", "division", "birth_date", "mother_token", "father_token")
    same: dict[str, Any] = {key: first[key] for key in keys}
    second = s.child(**same)
    await s.registered(first)
    await s.registered(second)


@planted(SUBJECT, 3)
async def born_at_home(s: Scene) -> None:
    await _clean(s, days=110, category="ORDINARY", basis_ref="JT-2026-02")


@planted(SUBJECT, 3)
async def parents_overseas(s: Scene) -> None:
    await _clean(s, follows="OTHER", relation_to_head="99", placement_basis="OVERSEAS_PARENTS", **BASIS)


@planted(SUBJECT, 3)
async def students_child_with_the_grandparents(s: Scene) -> None:
    await _clean(s, follows="OTHER", relation_to_head="43", placement_basis="STUDENT_PARENTS", **BASIS)


@planted(SUBJECT, 2)
async def parents_without_hukou_or_custody(s: Scene) -> None:
    basis = "PARENTS_WITHOUT_HUKOU_OR_CUSTODY"
    await _clean(s, follows="OTHER", relation_to_head="99", placement_basis=basis, **BASIS)


@planted(SUBJECT, 3)
async def parent_in_a_collective_household(s: Scene) -> None:
    kind = "COMMUNITY_COLLECTIVE"
    await _clean(s, household_kind=kind, placement_basis="PARENT_IN_COLLECTIVE", **BASIS)


@planted(SUBJECT, 2)
async def in_an_employers_collective_household(s: Scene) -> None:
    await _clean(s, household_kind="UNIT_COLLECTIVE", follows="MOTHER")


@planted(SUBJECT, 3)
async def adoption_with_its_certificate(s: Scene) -> None:
    await _clean(
        s,
        category="ADOPTION",
        follows="OTHER",
        relation_to_head="99",
        placement_basis="ADOPTION_REGISTERED",
        **BASIS,
    )


@planted(SUBJECT, 2)
async def factual_adoption_decided_as_a_case(s: Scene) -> None:
    await _clean(
        s,
        category="FACT_ADOPTION",
        follows="NONE",
        relation_to_head="99",
        placement_basis="CASE_DECIDED",
        case_ref="YA-2026-019",
    )


@planted(SUBJECT, 3)
async def unmarried_father_with_a_test(s: Scene) -> None:
    await _clean(s, parents_married=False, follows="FATHER", paternity_evidence="DNA")


@planted(SUBJECT, 2)
async def unmarried_father_by_judgment(s: Scene) -> None:
    await _clean(s, parents_married=False, follows="FATHER", paternity_evidence="JUDGMENT")


@planted(SUBJECT, 3)
async def unmarried_mother(s: Scene) -> None:
    await _clean(s, parents_married=False, follows="MOTHER", paternity_evidence="NONE")


@planted(SUBJECT, 3)
async def certificate_of_the_bingtuan(s: Scene) -> None:
    await _clean(s, certificate_number=s.number(province="66"))


@planted(SUBJECT, 4)
async def household_moved_from_another_province(s: Scene) -> None:
    child = s.child(certificate_number=s.number(province="51"), days=300)
    child["division"] = s.unit_nearby(str(child["unit_code"]))[:6]
    claim = await s.claim(child)
    await s.complete(child, ago=5)
    await s.file(child, gate=claim.event_id, registered_at=stamp(5))


@planted(SUBJECT, 2)
async def household_and_follows_not_said(s: Scene) -> None:
    await _clean(s, household_kind=None, follows=None, relation_to_head=None, parents_married=None)
