"""Registrations without a usable certificate: a coded exemption, never an invented number."""

from __future__ import annotations

from natalog.demo.expectation import accepted, refused
from natalog.demo.plan import planted
from natalog.demo.planted.malformed import PROOFS
from natalog.demo.scene import Scene

GOOD = "exemptions"
BAD = "exemptions that fail"


@planted(GOOD, 4)
async def born_abroad(s: Scene) -> None:
    child = s.child(certificate_number=None, category="BORN_ABROAD", exemption="BORN_ABROAD", days=400)
    await s.file(child)


@planted(GOOD, 3)
async def adopted_and_registered(s: Scene) -> None:
    child = s.child(
        certificate_number=None,
        category="ADOPTION",
        exemption="ADOPTED",
        follows="OTHER",
        placement_basis="ADOPTION_REGISTERED",
        basis_ref="SY-2026-031",
        days=700,
    )
    await s.file(child)


@planted(GOOD, 3)
async def foundling_in_a_welfare_home(s: Scene) -> None:
    child = s.child(
        certificate_number=None,
        category="WELFARE_HOME",
        exemption="WELFARE_HOME",
        household_kind="WELFARE_COLLECTIVE",
        relation_to_head="99",
        follows="NONE",
        placement_basis="WELFARE_HOME",
        basis_ref="FL-2026-007",
        parents_married=None,
        mother_token=None,
        father_token=None,
    )
    await s.complete(child)
    await s.file(child)


@planted(GOOD, 2)
async def born_before_certificates(s: Scene) -> None:
    child = s.child(
        certificate_number=None,
        category="OTHER_UNREGISTERED",
        exemption="BEFORE_1996",
        birth_date="1995-12-31",
        over_six=PROOFS,
    )
    await s.file(child)


@planted(GOOD, 2)
async def decided_as_a_case(s: Scene) -> None:
    child = s.child(
        certificate_number=None,
        category="CATEGORY_EIGHT",
        exemption="CASE_DECIDED",
        placement_basis="CASE_DECIDED",
        case_ref="YA-2026-004",
        follows="OTHER",
        relation_to_head="99",
        days=900,
    )
    await s.file(child)


@planted(GOOD, 2)
async def exemption_beside_a_number_is_ignored(s: Scene) -> None:
    child = s.child(exemption="CASE_DECIDED")
    await s.file(child, gate=await s.checked(child))


@planted(BAD, 2)
async def born_too_late_for_the_exemption(s: Scene) -> None:
    child = s.child(
        certificate_number=None, exemption="BEFORE_1996", birth_date="1996-01-01", over_six=PROOFS
    )
    await s.file(child, refused("UNKNOWN_EXEMPTION"))


@planted(BAD, 2)
async def case_without_a_reference(s: Scene) -> None:
    child = s.child(certificate_number=None, category="CATEGORY_EIGHT", exemption="CASE_DECIDED")
    await s.file(child, refused("UNKNOWN_EXEMPTION"))


@planted(BAD, 2)
async def reason_that_is_no_code(s: Scene) -> None:
    child = s.child(certificate_number=None, exemption="PAPER_LOST")
    await s.file(child, refused("UNKNOWN_EXEMPTION"))


@planted(BAD, 1)
async def exempt_but_not_free_of_doubt(s: Scene) -> None:
    """The exemption is good; that the child is in the station's household is another matter."""
    child = s.child(certificate_number=None, category="BORN_ABROAD", exemption="BORN_ABROAD")
    expect = accepted(doubts=("COLLECTIVE_HOUSEHOLD",))
    await s.file(child, expect, household_kind="STATION_COLLECTIVE")
