"""作废与恢复: void is void; its issuer alone takes it back or names the number issued in its place."""

import pytest

from tests.unit.decision.scenario import given
from tests.unit.decision.telling import (
    HANGZHOU,
    HOUR,
    NINGBO_CITY,
    NUMBER,
    OTHER,
    THIRD,
    ZHEJIANG,
    claim,
    filing,
    reinstate,
    void,
)


def test_an_unused_number_is_voided():
    given().when(void()).then_accepted()


def test_a_health_authority_speaks_for_itself_and_for_those_below():
    given().when(void(issuer="330106", org=HANGZHOU)).then_accepted()
    given().when(void(issuer=HANGZHOU, org=ZHEJIANG)).then_accepted()


@pytest.mark.parametrize("org", [NINGBO_CITY, "330106", "320000", ""])
def test_nobody_voids_for_an_issuer_that_is_not_below(org):
    w = given().when(void(issuer=HANGZHOU, org=org)).then_refused("NOT_OWNER")
    assert w.state().void is None


def test_an_issuer_is_a_division():
    given().when(void(issuer="hospital", org="hospital")).then_refused("NOT_OWNER")


def test_voiding_twice_is_no_fuss_and_changes_nothing():
    w = given(void(effective=HOUR))
    w.when(void()).then_accepted()
    w.when(void(issuer=NINGBO_CITY)).then_accepted()
    w.when(claim()).then_accepted()


def test_voiding_a_used_number_twice_is_flagged_once():
    w = given(filing(), void())
    w.when(void()).then_accepted()


def test_reinstating_leads_back():
    w = given(void(), reinstate())
    w.when(filing(registered=0)).then_accepted()


def test_reinstating_what_is_not_void():
    given().when(reinstate()).then_refused("NOT_LISTED")
    given(void(), reinstate()).when(reinstate()).then_refused("NOT_LISTED")


def test_entitlement_is_judged_before_not_listed():
    given().when(reinstate(issuer=HANGZHOU, org=NINGBO_CITY)).then_refused("NOT_OWNER")


def test_another_issuer_does_not_reinstate():
    w = given(void(issuer=HANGZHOU))
    w.when(reinstate(issuer=NINGBO_CITY)).then_refused("NOT_OWNER", first=0)
    w.when(reinstate(issuer=ZHEJIANG)).then_refused("NOT_OWNER", first=0)
    assert w.state().void is not None


def test_the_issuers_second_void_may_add_the_replacement_once():
    w = given(void())
    w.when(void(by=OTHER)).then_accepted()
    w.when(void(by=THIRD)).then_accepted()
    assert w.state().void.replaced_by == OTHER
    assert [sent.certificate_number for sent, _ in w.sent] == [OTHER]


def test_a_replacement_given_at_first_stays():
    w = given(void(by=OTHER), void(), void(by=THIRD))
    assert w.state().void.replaced_by == OTHER


def test_another_issuers_second_void_adds_no_replacement():
    w = given(void(issuer=HANGZHOU))
    w.when(void(issuer=NINGBO_CITY, by=OTHER)).then_refused("NOT_OWNER", first=0)
    assert w.state().void.replaced_by == ""
    assert not w.sent


@pytest.mark.parametrize("replacement", [NUMBER, NUMBER.lower(), "", "33O", "Z33012345", None])
def test_neither_itself_nor_a_malformed_number_replaces_it(replacement):
    w = given().when(void(by=replacement)).then_accepted()
    assert w.state().void.replaced_by == ""
    assert not w.sent


def test_a_replacement_is_normalised():
    w = given(void(by=" ｚ330200002 "))
    assert w.state().void.replaced_by == OTHER


def test_void_again_after_a_reinstatement_is_new():
    w = given(void(by=OTHER), reinstate())
    w.when(void(issuer=NINGBO_CITY, by=THIRD)).then_accepted()
    assert (w.state().void.owner, w.state().void.replaced_by) == (NINGBO_CITY, THIRD)


def test_an_invalidation_without_a_good_number_voids_nothing():
    given().when(void("33O")).then_refused("MALFORMED_NUMBER")
    given().when(void("")).then_refused("MISSING_NUMBER")
