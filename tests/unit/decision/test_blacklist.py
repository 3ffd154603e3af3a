"""黑名单维护: each prefecture keeps its own entries; two people take one off."""

import pytest

from tests.unit.decision.scenario import given
from tests.unit.decision.telling import (
    HANGZHOU,
    HOUR,
    NINGBO_CITY,
    NUMBER,
    XIHU,
    ZHEJIANG,
    approve_removal,
    ask_removal,
    beijing,
    blacklist,
    claim,
    event,
    filing,
    withdrawn,
)


def owners(w, number=NUMBER):
    return [kept.owner for kept in w.state(number).listings]


def test_a_prefecture_lists_a_number_and_so_may_its_province():
    assert owners(given().when(blacklist(HANGZHOU)).then_accepted()) == [HANGZHOU]
    assert owners(given().when(blacklist(HANGZHOU, org=ZHEJIANG)).then_accepted()) == [HANGZHOU]


@pytest.mark.parametrize("org", [NINGBO_CITY, "320000", "330106", XIHU, "", "3301", "abcdef"])
def test_nobody_else_does(org):
    assert owners(given().when(blacklist(HANGZHOU, org=org)).then_refused("NOT_OWNER")) == []


def test_the_prefectures_own_police_bureau_speaks_for_it():
    given().when(blacklist(HANGZHOU, org="330100000000")).then_accepted()


@pytest.mark.parametrize("owner", [ZHEJIANG, "330106", "339900", XIHU, "", "330100000000"])
def test_the_owner_is_a_prefecture(owner):
    given().when(blacklist(owner, org=ZHEJIANG)).then_refused("NOT_OWNER")
    given().when(blacklist(owner, org=owner)).then_refused("NOT_OWNER")


def test_listing_twice_is_no_fuss_and_changes_nothing():
    w = given(blacklist(effective=HOUR))
    w.when(blacklist(effective=0)).then_accepted()
    w.when(claim()).then_accepted()
    assert len(owners(w)) == 1


def test_listing_twice_a_used_number_is_flagged_once():
    w = given(filing(), blacklist())
    w.when(blacklist()).then_accepted()
    w.when(blacklist(NINGBO_CITY)).then_accepted("LISTED_AFTER_USE", first=0)


def test_one_owners_removal_never_frees_anothers_entry():
    w = given(blacklist(HANGZHOU), blacklist(NINGBO_CITY), ask_removal(HANGZHOU, id="ask"))
    w.when(approve_removal("ask", HANGZHOU)).then_accepted(first=0)
    assert owners(w) == [NINGBO_CITY]
    w.when(claim()).then_refused("BLACKLISTED", first=1)


def test_two_people_take_an_entry_off():
    w = given(blacklist())
    w.when(ask_removal(id="ask")).then_accepted(first=0)
    w.when(claim()).then_refused("BLACKLISTED", first=0)
    w.when(approve_removal("ask")).then_accepted(first=0)
    w.when(claim()).then_accepted()


def test_the_province_may_approve_what_the_prefecture_asked():
    w = given(blacklist(), ask_removal(id="ask"))
    w.when(approve_removal("ask", org=ZHEJIANG)).then_accepted(first=0)


def test_the_same_person_may_not_approve():
    w = given(blacklist(), ask_removal(id="ask", sub="wang"))
    w.when(approve_removal("ask", sub="wang")).then_refused("NEEDS_SECOND_PERSON")
    assert owners(w) == [HANGZHOU]


def test_either_of_two_requests_may_be_approved_by_the_others_author():
    w = given(blacklist(), ask_removal(id="a", sub="wang"), ask_removal(id="b", sub="li"))
    w.when(approve_removal("b", sub="wang")).then_accepted(first=0)


def test_an_approval_cites_an_open_request():
    w = given(blacklist(), ask_removal(id="ask"))
    w.when(approve_removal("other")).then_refused("NEEDS_SECOND_PERSON")
    w.when(approve_removal("ask", request_id=None)).then_refused("NEEDS_SECOND_PERSON")


def test_a_request_is_good_for_its_owners_entry_only():
    w = given(blacklist(HANGZHOU), blacklist(NINGBO_CITY), ask_removal(HANGZHOU, id="ask"))
    w.when(approve_removal("ask", NINGBO_CITY)).then_refused("NEEDS_SECOND_PERSON")


def test_a_refused_request_cannot_be_approved():
    w = given(blacklist(), ask_removal(id="ask", org=NINGBO_CITY))
    w.when(approve_removal("ask")).then_refused("NEEDS_SECOND_PERSON")


def test_an_approval_twice_is_no_fuss_and_frees_no_later_entry():
    w = given(blacklist(), ask_removal(id="ask"), approve_removal("ask"))
    w.when(approve_removal("ask", sub="zhao")).then_accepted()
    w.when(blacklist()).then_accepted()
    w.when(approve_removal("ask", sub="zhao")).then_accepted()
    assert owners(w) == [HANGZHOU]


def test_a_request_lapses_when_its_listing_ends():
    w = given(blacklist(), ask_removal(id="a"), ask_removal(id="b"), approve_removal("a"), blacklist())
    w.when(approve_removal("b")).then_refused("NEEDS_SECOND_PERSON")


def test_another_owners_requests_do_not_lapse_with_it():
    lists = (blacklist(HANGZHOU), blacklist(NINGBO_CITY))
    asks = (ask_removal(HANGZHOU, id="h"), ask_removal(NINGBO_CITY, id="n"))
    w = given(*lists, *asks, approve_removal("h", HANGZHOU))
    w.when(approve_removal("n", NINGBO_CITY)).then_accepted(first=1)


def test_removal_of_what_is_not_listed():
    given().when(ask_removal()).then_refused("NOT_LISTED")
    given().when(approve_removal("ask")).then_refused("NOT_LISTED")
    given(blacklist(NINGBO_CITY)).when(ask_removal(HANGZHOU)).then_refused("NOT_LISTED")


def test_entitlement_is_judged_before_not_listed():
    given().when(ask_removal(HANGZHOU, org=NINGBO_CITY)).then_refused("NOT_OWNER")
    w = given(blacklist())
    w.when(ask_removal(org=NINGBO_CITY)).then_refused("NOT_OWNER")
    w.when(approve_removal("ask", org=NINGBO_CITY)).then_refused("NOT_OWNER")


def test_listed_again_after_a_removal_it_is_a_new_entry():
    w = given(blacklist(), ask_removal(id="ask"), approve_removal("ask"), filing("R1"))
    w.when(blacklist()).then_accepted("LISTED_AFTER_USE", first=3)


def test_a_blacklist_change_without_a_good_number_lists_nothing():
    given().when(blacklist(number=None)).then_refused("MISSING_NUMBER")
    given().when(blacklist(number="")).then_refused("MISSING_NUMBER")
    given().when(blacklist(number="33O")).then_refused("MALFORMED_NUMBER")


def test_bare_digits_may_be_listed_whatever_their_birth_year():
    given().when(blacklist(number="330123456")).then_accepted()


# Scope traps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "org"),
    [
        ("110000", "110000"),
        ("310000", "310000"),
        ("500000", "500000"),
        ("419001", "410000"),
        ("429004", "429004"),
    ],
)
def test_municipalities_and_counties_under_a_province_own_their_entries(owner, org):
    given().when(blacklist(owner, org=org)).then_accepted()


@pytest.mark.parametrize(
    ("owner", "org"),
    [
        ("310104", "310000"),
        ("429004", "420100"),
        ("429004", "429005"),
        ("659001", "650100"),
        ("429000", "420000"),
    ],
)
def test_and_nobody_elses(owner, org):
    given().when(blacklist(owner, org=org)).then_refused("NOT_OWNER")


def test_a_merged_prefectures_entry_is_its_heirs():
    before = beijing("2018-12-01T00:00:00")
    after = beijing("2019-02-01T00:00:00")
    w = given()
    w.when(blacklist("371200", at=before)).then_accepted()
    w.when(ask_removal("371200", org="370100", at=before)).then_refused("NOT_OWNER")
    w.when(ask_removal("371200", org="370100", at=after, id="ask")).then_accepted(first=0)
    w.when(approve_removal("ask", "371200", org="370000", at=after)).then_accepted(first=0)
    w.when(blacklist("371200", org="370100", at=after)).then_refused("NOT_OWNER")


def test_a_request_is_a_request_whatever_approved_one_it_cites():
    w = given(blacklist(), ask_removal(id="ask"), approve_removal("ask"))
    w.when(ask_removal(request_id=event("ask"))).then_refused("NOT_LISTED")


def test_an_approved_withdrawal_is_no_approved_removal():
    w = given(filing(), *withdrawn(), blacklist())
    w.when(approve_removal(f"ask R1 {NUMBER}")).then_refused("NEEDS_SECOND_PERSON")
