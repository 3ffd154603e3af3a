"""撤销登记: only an approved withdrawal frees a used number, and that stays visible for ever (I1)."""

import pytest

from tests.unit.decision.scenario import given
from tests.unit.decision.telling import (
    GONGSHU,
    HANGZHOU,
    MINUTE,
    NINGBO,
    NINGBO_CITY,
    NUMBER,
    OTHER,
    SHANGHAI,
    XIHU,
    ZHEJIANG,
    approve_removal,
    approve_withdrawal,
    ask_removal,
    ask_withdrawal,
    beijing,
    blacklist,
    claim,
    completion,
    event,
    filing,
    withdrawn,
)


def test_two_people_withdraw_a_registration():
    w = given(filing("R1"))
    w.when(ask_withdrawal(id="ask")).then_accepted(first=0)
    w.when(filing("R2")).then_refused("USED", "CONTESTED", first=0)
    w.when(approve_withdrawal("ask")).then_accepted(first=0)
    w.when(filing("R3")).then_accepted("WITHDRAWN_BEFORE")


def test_withdrawn_before_stands_on_every_later_filing():
    w = given(filing("R1"), *withdrawn("R1"))
    w.when(filing("R2", id="e")).then_accepted("WITHDRAWN_BEFORE")
    w.when(filing("R2")).then_accepted("WITHDRAWN_BEFORE", "AMENDMENT", first=3)
    w.when(filing("R3")).then_refused("USED", "WITHDRAWN_BEFORE", "CONTESTED", first=3)
    w.when(filing("R3", id="e")).then_refused("EVENT_ID_REUSED", "WITHDRAWN_BEFORE", "CONTESTED", first=3)
    w.when(claim()).then_refused("USED", first=3)


def test_the_withdrawn_registration_itself_may_come_back():
    w = given(filing("R1"), *withdrawn("R1"))
    w.when(filing("R1")).then_accepted("WITHDRAWN_BEFORE", delay=None)
    w.when(filing("R1")).then_accepted("AMENDMENT", "WITHDRAWN_BEFORE", first=3)


def test_the_same_person_may_not_approve():
    w = given(filing(), ask_withdrawal(id="ask", sub="wang"))
    w.when(approve_withdrawal("ask", sub="wang")).then_refused("NEEDS_SECOND_PERSON")
    assert w.state().stands() is not None


def test_a_person_is_a_sub_whatever_the_unit():
    w = given(filing(), ask_withdrawal(id="ask", sub="wang", unit=XIHU))
    w.when(approve_withdrawal("ask", sub="wang", unit=GONGSHU)).then_refused("NEEDS_SECOND_PERSON")


def test_an_approval_cites_an_open_request():
    w = given(filing())
    w.when(approve_withdrawal("ask")).then_refused("NEEDS_SECOND_PERSON")
    w.when(approve_withdrawal(None)).then_refused("NEEDS_SECOND_PERSON")


def test_an_approval_twice_is_no_fuss_and_withdraws_nothing_more():
    w = given(filing("R1"), *withdrawn("R1"))
    w.when(approve_withdrawal("ask R1 " + NUMBER, sub="zhao")).then_accepted()
    w.when(filing("R1")).then_accepted("WITHDRAWN_BEFORE")
    w.when(approve_withdrawal("ask R1 " + NUMBER, sub="zhao")).then_accepted()
    assert w.state().stands().registration_id == "R1"


def test_an_approval_twice_by_a_stranger_is_not_his_business():
    w = given(filing("R1"), *withdrawn("R1"))
    again = approve_withdrawal("ask R1 " + NUMBER, sub="zhao", unit=NINGBO)
    w.when(again).then_refused("NOT_OWNER")


def test_a_request_lapses_when_its_registration_ends():
    w = given(filing("R1"), ask_withdrawal(id="b", sub="zhao"), *withdrawn("R1"), filing("R1"))
    w.when(approve_withdrawal("b", sub="li")).then_refused("NEEDS_SECOND_PERSON")
    assert w.state().stands().registration_id == "R1"


def test_a_request_is_a_request_whatever_approved_one_it_cites():
    w = given(filing("R1"), *withdrawn("R1"), filing("R1"))
    w.when(ask_withdrawal("R1", request_id=event(f"ask R1 {NUMBER}"), id="again")).then_accepted(first=3)
    w.when(approve_withdrawal("again")).then_accepted(first=3)
    assert w.state().stands() is None


def test_an_approval_of_what_has_only_a_completion_finds_no_registration():
    given(completion()).when(approve_withdrawal("ask")).then_refused("UNKNOWN_REGISTRATION")


def test_a_malformed_number_withdraws_nothing_of_the_exempt_registration_under_the_same_key():
    w = given(filing("R1", None, exemption="ADOPTED"))
    w.when(ask_withdrawal("R1", "33O")).then_refused("MALFORMED_NUMBER")
    w.when(ask_withdrawal("R1", "", id="ask")).then_accepted(first=0)
    w.when(approve_withdrawal("ask", "R1", "33O")).then_refused("MALFORMED_NUMBER")
    w.when(approve_withdrawal("ask", "R1", None)).then_accepted(first=0)


def test_a_request_is_good_for_its_registration_only():
    w = given(filing("R1"), ask_withdrawal("R1", id="b", sub="zhao"), *withdrawn("R1"), filing("R2"))
    w.when(approve_withdrawal("b", "R2")).then_refused("NEEDS_SECOND_PERSON")


def test_a_registration_that_does_not_stand_here():
    given().when(ask_withdrawal("R1")).then_refused("UNKNOWN_REGISTRATION")
    given(filing("R1"), filing("R2")).when(ask_withdrawal("R2")).then_refused("UNKNOWN_REGISTRATION")
    given(filing("R1")).when(approve_withdrawal("ask", "R2")).then_refused("UNKNOWN_REGISTRATION")
    given(filing("R1"), *withdrawn("R1")).when(ask_withdrawal("R1")).then_refused("UNKNOWN_REGISTRATION")
    given(filing("R1"), *withdrawn("R1")).when(approve_withdrawal("b")).then_refused("UNKNOWN_REGISTRATION")


@pytest.mark.parametrize("org", [HANGZHOU, ZHEJIANG, XIHU, GONGSHU])
def test_it_belongs_to_the_prefecture_or_province_of_the_standing_registrations_unit(org):
    w = given(filing(unit=XIHU))
    w.when(ask_withdrawal(org=org, id="ask")).then_accepted(first=0)
    w.when(approve_withdrawal("ask", org=org)).then_accepted(first=0)


@pytest.mark.parametrize("org", [NINGBO_CITY, NINGBO, "320000", "310000", ""])
def test_and_to_nobody_else(org):
    w = given(filing(unit=XIHU), ask_withdrawal(id="ask"))
    w.when(ask_withdrawal(org=org)).then_refused("NOT_OWNER")
    w.when(approve_withdrawal("ask", org=org)).then_refused("NOT_OWNER")
    assert w.state().stands() is not None


def test_an_amendment_by_another_unit_does_not_move_the_right_to_withdraw():
    w = given(filing("R1", unit=SHANGHAI), filing("R1", unit=NINGBO))
    w.when(ask_withdrawal("R1", unit=NINGBO)).then_refused("NOT_OWNER")


def test_a_county_that_moved_is_withdrawn_by_its_new_prefecture():
    before, after = beijing("2015-12-02T00:00:00"), beijing("2015-12-03T00:00:00")
    w = given(filing(unit="341521510000", at=before))
    w.when(ask_withdrawal(org="341500", at=before)).then_accepted(first=0)
    w.when(ask_withdrawal(org="340400", at=after - 1)).then_refused("NOT_OWNER")
    w.when(ask_withdrawal(org="340400", at=after)).then_accepted(first=0)
    w.when(ask_withdrawal(org="341500", at=after)).then_refused("NOT_OWNER")


def test_a_registration_that_never_stood_but_was_completed_is_withdrawn_at_once():
    w = given(blacklist(), completion(at=1), filing(at=MINUTE, registered=1))
    w.when(ask_withdrawal()).then_accepted()
    w.when(ask_withdrawal()).then_refused("UNKNOWN_REGISTRATION")


def test_a_request_about_a_completion_alone_needs_no_approval_and_cannot_be_approved_later():
    w = given(completion(), ask_withdrawal(id="ask"))
    w.when(approve_withdrawal("ask")).then_refused("UNKNOWN_REGISTRATION")
    w.when(filing(at=MINUTE)).then_accepted()
    w.when(approve_withdrawal("ask")).then_refused("NEEDS_SECOND_PERSON")


def test_a_completion_alone_is_withdrawn_by_its_prefecture_only():
    given(completion(unit=XIHU)).when(ask_withdrawal(unit=NINGBO)).then_refused("NOT_OWNER")


def test_a_withdrawal_of_a_completion_leaves_no_mark_on_filings():
    given(completion(), ask_withdrawal()).when(filing(at=MINUTE)).then_accepted()


def test_an_exempt_registration_is_withdrawn_under_its_own_key():
    said = {"number": None, "exemption": "ADOPTED"}
    w = given(filing("R1", **said), *withdrawn("R1", number=None))
    w.when(filing("R1", **said)).then_accepted("WITHDRAWN_BEFORE")


def test_correcting_a_number_is_a_withdrawal_on_the_wrong_one_and_a_filing_on_the_right_one():
    w = given(filing("R1", NUMBER), *withdrawn("R1", NUMBER))
    w.when(filing("R1", OTHER, corrects=event("x"))).then_accepted(delay=None)
    assert w.state(NUMBER).stands() is None
    assert w.state(OTHER).stands().registration_id == "R1"


def test_a_withdrawal_beside_a_completion_of_another_registration():
    w = given(filing("R1"), completion("R2"))
    w.when(ask_withdrawal("R2")).then_accepted()
    assert w.state().stands().registration_id == "R1"


def test_an_approved_removal_is_no_approved_withdrawal():
    w = given(filing(), blacklist(), ask_removal(id="ask"), approve_removal("ask"))
    w.when(approve_withdrawal("ask")).then_refused("NEEDS_SECOND_PERSON")


def test_an_approval_of_one_registration_is_none_of_another():
    w = given(filing("R1"), *withdrawn("R1"), filing("R2"))
    w.when(approve_withdrawal(f"ask R1 {NUMBER}", "R2")).then_refused("NEEDS_SECOND_PERSON")


def test_it_belongs_to_the_unit_whose_filing_stands_whoever_was_refused_before():
    w = given(filing("R2"), filing("R1", unit=NINGBO), *withdrawn("R2"), filing("R1", unit=XIHU))
    w.when(ask_withdrawal("R1", unit=NINGBO)).then_refused("NOT_OWNER")
    w.when(ask_withdrawal("R1", unit=XIHU)).then_accepted(first=4)
