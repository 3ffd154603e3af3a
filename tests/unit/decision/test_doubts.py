"""存疑落户: the notice's seven patterns, each ground that clears one, and each legal look-alike coming out clean."""

from dataclasses import replace
from typing import Any

import pytest

from natalog.events import OverSix
from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    DAY,
    HOUR,
    MINUTE,
    PROOFS,
    approve_withdrawal,
    ask_withdrawal,
    backfill,
    beijing,
    blacklist,
    claim,
    day,
    filing,
    release,
)

# doubt -> what makes it fire in an otherwise ordinary filing
PATTERNS: dict[str, Any] = {
    "COLLECTIVE_HOUSEHOLD": {"household_kind": "STATION_COLLECTIVE"},
    "NON_RELATIVE": {"relation_to_head": "99"},
    "PRIVATE_ADOPTION": {"category": "FACT_ADOPTION"},
    "OVER_SIX": {"birth_date": day("2020-07-01")},
    "FOLLOWS_NEITHER": {"follows": "NONE"},
    "UNMARRIED_FATHER": {"follows": "FATHER", "parents_married": False, "paternity_evidence": "NONE"},
}
CLEARS = {
    "STUDENT_PARENTS": {"FOLLOWS_NEITHER"},
    "OVERSEAS_PARENTS": {"FOLLOWS_NEITHER", "NON_RELATIVE"},
    "PARENTS_WITHOUT_HUKOU_OR_CUSTODY": {"FOLLOWS_NEITHER", "NON_RELATIVE"},
    "ADOPTION_REGISTERED": {"PRIVATE_ADOPTION", "FOLLOWS_NEITHER", "NON_RELATIVE"},
    "WELFARE_HOME": {"COLLECTIVE_HOUSEHOLD", "FOLLOWS_NEITHER", "NON_RELATIVE"},
    "PARENT_IN_COLLECTIVE": {"COLLECTIVE_HOUSEHOLD"},
    "CASE_DECIDED": {"FOLLOWS_NEITHER", "NON_RELATIVE", "COLLECTIVE_HOUSEHOLD", "PRIVATE_ADOPTION"},
}


_ABROAD = {"number": None, "gate": None, "exemption": "BORN_ABROAD", "category": "BORN_ABROAD"}
_NOBODY = {"follows": "OTHER", "relation_to_head": "99", "basis_ref": "B-1"}
# What looks like a pattern and is legal (DOMAIN.md; 公通字〔2021〕12号 20-30条)
ALIKE: dict[str, Any] = {
    "home birth": {"basis_ref": "JT-1"},
    "born abroad": _ABROAD,
    "born abroad, parents abroad": _ABROAD | _NOBODY | {"placement_basis": "OVERSEAS_PARENTS"},
    "foundling": _NOBODY
    | {
        "number": None,
        "gate": None,
        "exemption": "WELFARE_HOME",
        "category": "WELFARE_HOME",
        "household_kind": "WELFARE_COLLECTIVE",
        "follows": "NONE",
        "parents_married": None,
        "placement_basis": "WELFARE_HOME",
    },
    "adopted, no certificate": _NOBODY
    | {
        "number": None,
        "gate": None,
        "exemption": "ADOPTED",
        "category": "ADOPTION",
        "placement_basis": "ADOPTION_REGISTERED",
    },
    "adopted, with certificate": _NOBODY | {"category": "ADOPTION", "placement_basis": "ADOPTION_REGISTERED"},
    "Bingtuan": {"number": "Z660000001", "unit": "660106520000"},
    "moved household": {"number": "Z510000001", "division": "330105"},
    "grandparents' household": {
        "follows": "OTHER",
        "relation_to_head": "43",
        "placement_basis": "STUDENT_PARENTS",
        "basis_ref": "X-1",
    },
}


def clean(**said):
    given().when(filing(**said)).then_accepted()


def doubtful(*doubts, **said):
    given().when(filing(**said)).then_accepted(doubts=doubts)


@pytest.mark.parametrize("doubt", PATTERNS)
def test_each_pattern_fires_and_alone(doubt):
    doubtful(doubt, **PATTERNS[doubt])


@pytest.mark.parametrize("basis", CLEARS)
@pytest.mark.parametrize("doubt", PATTERNS)
def test_each_basis_clears_what_the_table_says_and_nothing_else(doubt, basis):
    left = () if doubt in CLEARS[basis] else (doubt,)
    doubtful(*left, placement_basis=basis, basis_ref="B-1", case_ref="C-1", **PATTERNS[doubt])


@pytest.mark.parametrize("basis", CLEARS)
def test_a_basis_needs_its_reference(basis):
    said = {"placement_basis": basis, **PATTERNS[min(CLEARS[basis])]}
    doubtful(min(CLEARS[basis]), **said)
    doubtful(min(CLEARS[basis]), basis_ref="", case_ref="", **said)
    clean(case_ref="C-1", **said)
    if basis == "CASE_DECIDED":
        doubtful(min(CLEARS[basis]), basis_ref="B-1", **said)
    else:
        clean(basis_ref="B-1", **said)


def test_a_reference_without_a_basis_clears_nothing():
    doubtful("FOLLOWS_NEITHER", follows="NONE", basis_ref="B-1", case_ref="C-1")
    doubtful("FOLLOWS_NEITHER", follows="NONE", placement_basis="FRIENDS", basis_ref="B-1", case_ref="C-1")


def test_doubts_add_up_and_are_cleared_one_by_one():
    said = {"household_kind": "STATION_COLLECTIVE", "category": "FACT_ADOPTION", "follows": "OTHER"}
    doubtful("COLLECTIVE_HOUSEHOLD", "PRIVATE_ADOPTION", "FOLLOWS_NEITHER", **said)
    cleared = {"placement_basis": "ADOPTION_REGISTERED", "basis_ref": "B-1"}
    doubtful("COLLECTIVE_HOUSEHOLD", **said, **cleared)


@pytest.mark.parametrize("kind", ["STATION_COLLECTIVE", "COMMUNITY_COLLECTIVE", "UNIVERSITY_COLLECTIVE"])
def test_collective_households_that_are_doubtful(kind):
    doubtful("COLLECTIVE_HOUSEHOLD", household_kind=kind)
    doubtful("COLLECTIVE_HOUSEHOLD", household_kind=kind, relation_to_head="99")


@pytest.mark.parametrize(
    "kind", ["FAMILY", "UNIT_COLLECTIVE", "WELFARE_COLLECTIVE", None, "station_collective"]
)
def test_households_that_are_not(kind):
    clean(household_kind=kind)


@pytest.mark.parametrize("kind", ["UNIT_COLLECTIVE", "WELFARE_COLLECTIVE", None])
def test_a_non_relative_matters_in_a_family_household_only(kind):
    clean(household_kind=kind, relation_to_head="99")


@pytest.mark.parametrize("relation", ["01", "21", "43", "98", "9", "", None])
def test_relatives_are_no_doubt(relation):
    clean(relation_to_head=relation)


@pytest.mark.parametrize(
    "category", ["ORDINARY", "BORN_ABROAD", "ADOPTION", "WELFARE_HOME", "FOREIGN_NONMARITAL", "CATEGORY_EIGHT",
                 "OTHER_UNREGISTERED", "", "nonsense"]
)  # fmt: skip
def test_other_categories_are_no_private_adoption(category):
    clean(category=category)


@pytest.mark.parametrize(("follows", "doubt"), [("OTHER", True), ("NONE", True), ("MOTHER", False), ("BOTH", False),
                                               ("FATHER", False), (None, False)])  # fmt: skip
def test_whom_the_child_follows(follows, doubt):
    doubtful(*(["FOLLOWS_NEITHER"] if doubt else []), follows=follows)


@pytest.mark.parametrize("evidence", ["NONE", None, "", "SEEN"])
def test_an_unmarried_father_without_proof(evidence):
    doubtful("UNMARRIED_FATHER", follows="FATHER", parents_married=False, paternity_evidence=evidence)


@pytest.mark.parametrize(
    "said",
    [
        {"paternity_evidence": "DNA"},
        {"paternity_evidence": "JUDGMENT"},
        {"follows": "MOTHER"},
        {"follows": "BOTH"},
        {"parents_married": True},
        {"parents_married": None},
    ],
    ids=str,
)
def test_an_unmarried_father_who_is_none(said):
    clean(**{"follows": "FATHER", "parents_married": False, "paternity_evidence": "NONE"} | said)


# Over six ----------------------------------------------------------------------------------------------------


def six(birth, registered, **said):
    at = beijing(registered)
    return filing(birth_date=day(birth), at=at, registered=at, number="M330123456", **said)


@pytest.mark.parametrize(
    ("birth", "registered", "doubt"),
    [
        ("2017-06-02", "2023-06-01T23:59:59.999", False),
        ("2017-06-01", "2023-06-01T00:00:00", True),  # on the birthday itself
        ("2017-06-01", "2023-05-31T23:59:59.999", False),  # 15:59:59.999 UTC: a day begins at 16:00 UTC
        ("2016-02-29", "2022-02-28T23:59:59.999", False),
        ("2016-02-29", "2022-03-01T00:00:00", True),
        ("2016-03-01", "2022-03-01T00:00:00", True),
        ("2016-12-31", "2023-01-01T00:00:00", True),
        ("2017-01-01", "2022-12-31T23:59:59", False),
        ("2000-01-01", "2022-12-31T23:59:59", True),
        ("2030-01-01", "2022-12-31T23:59:59", False),
    ],
)
def test_the_sixth_birthday_in_beijing(birth, registered, doubt):
    given().when(six(birth, registered)).then_accepted(doubts=["OVER_SIX"] if doubt else ())


def test_with_every_check_a_late_registration_is_clean():
    clean(birth_date=day("2015-01-01"), over_six=PROOFS)


@pytest.mark.parametrize(
    "missing",
    [
        {"visit": False},
        {"face": False},
        {"fingerprint": False},
        {"dna": False},
        {"approval_ref": None},
        {"approval_ref": ""},
    ],
    ids=str,
)
def test_each_missing_check_makes_it_doubtful(missing):
    doubtful("OVER_SIX", birth_date=day("2015-01-01"), over_six=replace(PROOFS, **missing))


def test_under_six_nothing_is_checked():
    clean(birth_date=day("2020-07-02"), over_six=OverSix())


def test_over_six_goes_by_the_registration_not_by_its_receipt():
    said = {"birth_date": day("2020-07-01"), "at": 10 * DAY}
    given().when(filing(registered=-DAY, **said)).then_accepted("FILED_LATE")
    given().when(filing(registered=None, registered_on=day("2026-06-30"), **said)).then_accepted(
        "NOT_TIMEABLE"
    )
    given().when(filing(registered=None, **said)).then_accepted("NOT_TIMEABLE", doubts="OVER_SIX")


def test_without_a_birth_date_nobody_is_over_six():
    clean(birth_date=None)


# Legal look-alikes (DOMAIN.md) --------------------------------------------------------------------------------


def test_a_late_first_registration_under_six_is_no_doubt():
    clean(birth_date=day("2020-07-02"))


def test_twins():
    w = given()
    same = {"birth_date": day("2026-06-20"), "mother_token": "m", "father_token": "f"}
    w.when(filing("R1", "Z330000001", **same)).then_accepted()
    w.when(filing("R2", "Z330000002", **same)).then_accepted()


def test_twins_at_one_desk_under_claims():
    first, second = "Z330000001", "Z330000002"
    same = {"birth_date": day("2026-06-20"), "mother_token": "m", "father_token": "f"}
    w = given(claim(number=first, id="c1"), claim(number=second, id="c2"))
    w.when(filing("R1", first, at=20 * MINUTE, gate="claim:c1", **same)).then_accepted()
    w.when(filing("R2", second, at=25 * MINUTE, gate="claim:c2", **same)).then_accepted()
    assert not w.state(first).contested
    assert not w.state(second).contested


def test_a_home_birth():
    clean(birth_date=day("2026-03-01"), basis_ref="JT-1")


def test_a_home_birth_whose_certificate_is_of_the_next_year():
    at = beijing("2025-03-01T10:00:00")
    clean(number="Z330123456", birth_date=day("2024-11-20"), at=at, registered=at)


def test_an_overseas_birth():
    said = {"number": None, "exemption": "BORN_ABROAD", "category": "BORN_ABROAD", "gate": None}
    clean(**said, birth_date=day("2023-01-01"))
    overseas = {"follows": "OTHER", "relation_to_head": "99", "placement_basis": "OVERSEAS_PARENTS"}
    clean(**said, **overseas, basis_ref="H-1")


def test_a_foundling_in_a_welfare_home():
    clean(
        number=None,
        exemption="WELFARE_HOME",
        category="WELFARE_HOME",
        gate=None,
        household_kind="WELFARE_COLLECTIVE",
        relation_to_head="99",
        follows="NONE",
        parents_married=None,
        placement_basis="WELFARE_HOME",
        basis_ref="FL-1",
    )


def test_an_adoption_with_its_certificate():
    said = {
        "follows": "OTHER",
        "relation_to_head": "99",
        "placement_basis": "ADOPTION_REGISTERED",
        "basis_ref": "SY-1",
    }
    clean(number=None, exemption="ADOPTED", category="ADOPTION", gate=None, **said)
    clean(category="FACT_ADOPTION", **said)


def test_a_child_of_students_goes_to_the_grandparents():
    clean(follows="OTHER", relation_to_head="43", placement_basis="STUDENT_PARENTS", basis_ref="X-1")


def test_parents_without_hukou_or_custody():
    basis = "PARENTS_WITHOUT_HUKOU_OR_CUSTODY"
    clean(follows="OTHER", relation_to_head="99", placement_basis=basis, basis_ref="X-1")


def test_a_parent_who_lives_in_the_collective_household():
    clean(household_kind="COMMUNITY_COLLECTIVE", placement_basis="PARENT_IN_COLLECTIVE", basis_ref="X-1")


def test_a_case_of_the_eighth_category_decided_one_by_one():
    said = {
        "follows": "NONE",
        "relation_to_head": "99",
        "placement_basis": "CASE_DECIDED",
        "case_ref": "YA-1",
    }
    clean(number=None, exemption="CASE_DECIDED", category="CATEGORY_EIGHT", gate=None, **said)


def test_the_bingtuan():
    clean(number="Z660000001", unit="660106520000")
    clean(number="Z660000002", unit="659001520000")


def test_the_bingtuan_amends_and_withdraws_its_own():
    number, station, other = "Z650000001", "660106520000", "660105510000"
    w = given().when(filing("R1", number, station)).then_accepted()
    w.when(filing("R1", number, other)).then_accepted("AMENDMENT", first=0)
    w.when(ask_withdrawal("R1", number, station, org="660000", id="ask")).then_accepted(first=0)
    w.when(approve_withdrawal("ask", "R1", number, other, org="660100")).then_accepted(first=0)
    city = "659001520000"
    w = given().when(filing("R1", number, city)).then_accepted()
    w.when(filing("R1", number, "659001510000")).then_accepted("AMENDMENT", first=0)
    w.when(ask_withdrawal("R1", number, city, org="650000")).then_accepted(first=0)


def test_a_household_that_moved_from_another_province():
    clean(number="Z510000001", division="330105")


def test_a_child_who_was_claimed_for_at_the_old_home_and_registered_at_the_new_one():
    w = given(claim("510104520000", "Z510000001", id="c"), release("510104520000", "Z510000001", at=MINUTE))
    w.when(filing("R1", "Z510000001", at=HOUR, birth_date=day("2022-07-01"))).then_accepted()


@pytest.mark.parametrize("said", ALIKE.values(), ids=ALIKE)
def test_each_look_alike_stays_clean_when_it_is_sent_again_supplied_later_or_over_six_and_checked(said):
    given(filing(**said)).when(filing(**said)).then_accepted("AMENDMENT", first=0)
    given().when(backfill(**said)).then_accepted()
    clean(**said | {"birth_date": day("2015-01-01"), "over_six": PROOFS})
    clean(**said | {"birth_date": day("2020-07-02")})


def test_household_and_follows_may_be_absent():
    clean(household_kind=None, relation_to_head=None, follows=None, parents_married=None)


def test_doubts_fire_on_filings_alone_and_on_refused_ones_only_as_void_certificate():
    w = given(blacklist())
    w.when(filing(follows="NONE", registered=0)).then_refused("BLACKLISTED", doubts=VOID, first=0)
    given(filing("R1")).when(filing("R2", follows="NONE")).then_refused("USED", "CONTESTED", first=0)
    given().when(filing(number=None, follows="NONE")).then_refused("MISSING_NUMBER")


def test_backfill_is_judged_by_the_same_patterns():
    given().when(backfill(follows="NONE")).then_accepted(doubts="FOLLOWS_NEITHER")
