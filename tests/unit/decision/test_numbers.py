"""出生医学证明编号 and what stands in its place: syntax, plausibility, coded exemptions."""

import pytest

from natalog.decision.numbers import (
    has_letter,
    is_wellformed,
    normalise,
    print_year,
    province,
    suggest,
    with_letter,
)
from tests.unit.decision.scenario import given
from tests.unit.decision.telling import MINUTE, NUMBER, PROOFS, beijing, claim, day, filing, overdue

DOUBT_FREE = {"over_six": PROOFS}


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("m330123456", NUMBER.replace("Z", "M")),
        ("a330123456z", "A330123456Z"),
        ("｛`～", "{`~"),  # next to the letters, and the last of the full-width forms
        ("！｟\uff00", "!｟\uff00"),
        ("  M330123456\t", "M330123456"),
        ("Ｍ３３０１２３４５６", "M330123456"),
        ("\u3000M330123456\u00a0\r\n", "M330123456"),
        ("M33 0123456", "M33 0123456"),
        ("é", "é"),
        ("", ""),
    ],
)
def test_normalisation_folds_width_case_and_margins_only(raw, normal):
    assert normalise(raw) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize("number", ["M330123456", "A110000000", "Z999999999", "330123456", "000000000"])
def test_well_formed(number):
    assert is_wellformed(number)


@pytest.mark.parametrize(
    "number",
    ["", "m330123456", "33012345", "3301234567", "MM33012345", "M33012345", "M3301234567", "M33O123456",
     "Ｍ330123456", "M33012345６", "M33012345²", "330123 56", "[330123456", "@330123456", "M330123456 ", "٣٣٠١٢٣٤٥٦"],
)  # fmt: skip
def test_not_well_formed(number):
    assert not is_wellformed(number)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("M33O123456", "M330123456"),
        ("M33O1234I6", "M330123416"),
        ("M3301234l6", "M330123416"),
        ("0330123456", "O330123456"),
        ("1330123456", "I330123456"),
        ("M33-0123-456", "M330123456"),
        ("M 33 0123 456", "M330123456"),
        ("M33.0123.456", "M330123456"),
        ("Ｍ３３０１２３４５６", "M330123456"),
        ("33O123456", "330123456"),
        ("M330123456", None),
        ("出生证明", None),
        ("", None),
    ],
)
def test_slips_come_with_a_suggestion(raw, meant):
    assert suggest(raw) == meant


def test_print_year_and_province():
    assert [print_year(n) for n in ("A110000000", "M330123456", "Z330123456", "330123456")] == [
        2000,
        2012,
        2025,
        0,
    ]
    assert [province(n) for n in ("M330123456", "330123456")] == ["33", "33"]


def test_an_edition_with_or_without_letter():
    assert [has_letter(n) for n in ("M330123456", "330123456")] == [True, False]


@pytest.mark.parametrize(
    ("year", "letter"),
    [(2000, "A"), (2001, "B"), (2012, "M"), (2025, "Z"), (1999, "?"), (2026, "?"), (None, "?")],
)
def test_bare_digits_come_with_the_letter_of_the_birth_year(year, letter):
    assert with_letter("330123456", year) == letter + "330123456"


# Filings -----------------------------------------------------------------------------------------------------


def test_nine_bare_digits_are_good_for_births_up_to_the_end_of_2000():
    said = {"number": "330123456", **DOUBT_FREE}
    given().when(filing(birth_date=day("2000-12-31"), **said)).then_accepted()
    given().when(filing(birth_date=day("2001-01-01"), **said)).then_refused("MALFORMED_NUMBER")


def test_nine_bare_digits_without_a_birth_date_are_malformed():
    given().when(filing(number="330123456", birth_date=None)).then_refused("MALFORMED_NUMBER")


def test_a_letter_is_good_for_any_birth_date():
    given().when(filing(birth_date=None)).then_accepted()
    given().when(filing(birth_date=day("1980-01-01"), over_six=PROOFS)).then_accepted()


def test_bare_digits_are_refused_under_their_own_key_and_leave_it_unused():
    w = given(filing(number="330123456"))
    w.when(claim(number="330123456")).then_accepted()


@pytest.mark.parametrize("number", ["M33O123456", "3301234567", "m330123456", "id 110101199001011234", " "])
def test_a_malformed_number_is_recorded_and_refused(number):
    given().when(filing(number=number)).then_refused("MALFORMED_NUMBER")


def test_a_malformed_number_is_no_exempt_registration():
    given().when(filing(number="33O", exemption="BORN_ABROAD")).then_refused("MALFORMED_NUMBER")


def test_an_exemption_beside_a_well_formed_number_is_ignored():
    given().when(filing(exemption="NONSENSE")).then_accepted()
    given().when(filing(exemption="CASE_DECIDED", case_ref=None)).then_accepted()


@pytest.mark.parametrize("number", [None, ""])
def test_a_number_is_mandatory(number):
    given().when(filing(number=number)).then_refused("MISSING_NUMBER")
    given().when(filing(number=number, exemption="")).then_refused("MISSING_NUMBER")


@pytest.mark.parametrize("exemption", ["BORN_ABROAD", "ADOPTED", "WELFARE_HOME"])
def test_a_coded_exemption_stands_in_for_it(exemption):
    w = given().when(filing(number=None, exemption=exemption, gate=None)).then_accepted(delay=10 * MINUTE)
    w.when(overdue(number=None)).then_accepted()


def test_an_empty_number_beside_an_exemption_is_no_number_to_warn_about():
    given().when(filing(number="", exemption="BORN_ABROAD", gate=None)).then_accepted()


@pytest.mark.parametrize("exemption", ["LOST", "born_abroad", " ADOPTED", "FACT_ADOPTION"])
def test_any_other_exemption_is_unknown(exemption):
    given().when(filing(number=None, exemption=exemption)).then_refused("UNKNOWN_EXEMPTION")


def test_before_1996_ends_with_1995():
    said = {"number": None, "exemption": "BEFORE_1996", **DOUBT_FREE}
    given().when(filing(birth_date=day("1995-12-31"), **said)).then_accepted()
    given().when(filing(birth_date=day("1996-01-01"), **said)).then_refused("UNKNOWN_EXEMPTION")
    given().when(filing(birth_date=None, **said)).then_refused("UNKNOWN_EXEMPTION")


def test_case_decided_needs_its_case():
    said = {"number": None, "exemption": "CASE_DECIDED"}
    given().when(filing(case_ref="YA-1", **said)).then_accepted()
    given().when(filing(case_ref=None, **said)).then_refused("UNKNOWN_EXEMPTION")
    given().when(filing(case_ref="", basis_ref="B-1", **said)).then_refused("UNKNOWN_EXEMPTION")


def test_a_missing_number_may_be_mended_by_an_exemption_or_a_number():
    w = given(filing("R1", number=None))
    w.when(filing("R1", number=None, exemption="ADOPTED")).then_accepted(delay=None)
    w.when(filing("R1", NUMBER)).then_accepted()


# Warnings ----------------------------------------------------------------------------------------------------

PROVINCES = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65".split()
)


def test_the_31_provinces_and_the_bingtuan_are_no_warning_and_all_else_is():
    for code in range(100):
        number = f"Z{code:02}0000001"
        flags = () if f"{code:02}" in [*PROVINCES, "66"] else ("PREFIX_WARNING",)
        given().when(filing(number=number)).then_accepted(*flags)


def test_bare_digits_name_their_province_too():
    said = {"birth_date": day("1999-01-01"), **DOUBT_FREE}
    given().when(filing(number="330123456", **said)).then_accepted()
    given().when(filing(number="990123456", **said)).then_accepted("PREFIX_WARNING")


def test_a_print_year_after_the_registration_is_impossible():
    last, first = beijing("2024-12-31T23:59:59"), beijing("2025-01-01T00:00:00")
    number = "Z330123456"  # printed in 2025
    w = given().when(filing(number=number, at=last + 999, registered=last + 999))
    w.then_accepted("IMPOSSIBLE_YEAR", doubts=())
    given().when(filing(number=number, at=first, registered=first)).then_accepted()


def test_a_year_by_date_alone_and_by_receipt_where_nothing_is_said():
    on = {"registered": None, "registered_on": day("2024-12-31")}
    given().when(filing(**on)).then_accepted("NOT_TIMEABLE", "IMPOSSIBLE_YEAR")
    given().when(filing(**on | {"registered_on": day("2025-01-01")})).then_accepted("NOT_TIMEABLE")
    at = beijing("2024-12-31T23:00:00")
    given().when(filing(at=at, registered=None)).then_accepted("NOT_TIMEABLE", "IMPOSSIBLE_YEAR")


def test_bare_digits_have_no_print_year():
    said = {"birth_date": day("1996-01-01"), "registered_on": day("1996-02-01"), "registered": None}
    given().when(filing(number="330123456", **said)).then_accepted("NOT_TIMEABLE")


def test_warnings_stand_on_amendments_and_never_on_refusals():
    number = "Z990000001"
    said = {"registered": None, "registered_on": day("2024-01-01")}
    flags = ("PREFIX_WARNING", "IMPOSSIBLE_YEAR")
    w = given(filing("R1", number, **said))
    w.when(filing("R1", number, **said)).then_accepted("AMENDMENT", *flags, first=0)
    w.when(filing("R2", number, **said)).then_refused("USED", "NOT_TIMEABLE", "CONTESTED", first=0)
