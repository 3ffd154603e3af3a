"""Rule sets: numbered, immutable, and the only thing about deciding that an administration tunes."""

import pytest

from natalog.decision import codes
from natalog.decision.rules import BUILT_IN, NEWEST, RuleSet, RuleSetError, RuleSets, from_json
from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    HOUR,
    MINUTE,
    ask_removal,
    ask_withdrawal,
    blacklist,
    completion,
    filing,
    void,
)


def older(**rows: int) -> RuleSet:
    """A set from before some rows of the tables were there."""
    return RuleSet(77, 1800, 7200, 300, NEWEST.tables._replace(**rows), base=1)


def test_what_a_set_does_not_know_is_not_raised_under_it():
    late = filing(registered=-HOUR, gate=None, follows="NONE", relation_to_head="99")
    given().when(late).then_accepted("FILED_LATE", "UNCHECKED", doubts=("FOLLOWS_NEITHER", "NON_RELATIVE"))
    given(rules=older(flags=1, doubts=3)).when(late).then_accepted("FILED_LATE", doubts="NON_RELATIVE")
    given(rules=older(flags=0, doubts=0)).when(late).then_accepted(delay=HOUR)


def test_what_it_does_not_know_is_not_in_its_text():
    assert "CONTESTED" in older(flags=10).text
    assert "CONTESTED" not in older(flags=9).text
    assert older(flags=9).digest != older(flags=10).digest


def test_an_exemption_that_came_later_is_unknown_under_it():
    exempt = filing(number=None, exemption="CASE_DECIDED", case_ref="case-1")
    told = completion(number=None, exemption="CASE_DECIDED")
    given().when(exempt).then_accepted()
    given().when(told).then_accepted()
    given(rules=older(exemptions=4)).when(exempt).then_refused("UNKNOWN_EXEMPTION")
    given(rules=older(exemptions=4)).when(told).then_refused("UNKNOWN_EXEMPTION")


def test_a_ground_that_came_later_clears_nothing_under_it():
    placed = filing(follows="NONE", placement_basis="CASE_DECIDED", case_ref="case-1")
    given().when(placed).then_accepted()
    given(rules=older(placement_bases=6)).when(placed).then_accepted(doubts="FOLLOWS_NEITHER")


GONGZHULING = "220381520000"
"""Of a county that moved from Siping (220300) to Changchun (220100) in 2020, by the 14th row of changes."""


@pytest.mark.parametrize(
    ("rules", "owner", "other"), [(NEWEST, "220100", "220300"), (older(divisions=13), "220300", "220100")]
)
def test_a_division_that_moved_in_a_later_row_stays_where_it_was_under_it(rules, owner, other):
    def after(*steps):
        return given(filing(unit=GONGZHULING), *steps, rules=rules)

    after().when(filing(unit=f"{owner}520000")).then_accepted("AMENDMENT", first=0)
    after().when(filing(unit=f"{other}520000")).then_refused("USED", "CONTESTED", first=0)
    after().when(ask_withdrawal(org=owner)).then_accepted(first=0)
    after().when(ask_withdrawal(org=other)).then_refused("NOT_OWNER")
    given(rules=rules).when(void(issuer="220381", org=owner)).then_accepted()
    given(rules=rules).when(void(issuer="220381", org=other)).then_refused("NOT_OWNER")


def test_a_prefecture_that_was_merged_in_a_later_row_keeps_its_blacklist_under_it():
    laiwu, jinan, before = "371200", "370100", older(divisions=1)
    given().when(blacklist(laiwu)).then_refused("NOT_OWNER")
    world = given(rules=before).when(blacklist(laiwu)).then_accepted()
    world.when(ask_removal(laiwu, org=jinan)).then_refused("NOT_OWNER")
    world.rules = NEWEST
    world.when(ask_removal(laiwu, org=jinan)).then_accepted(first=0)


def test_a_set_is_based_on_the_built_in_one_it_names():
    first = BUILT_IN[1]
    own = from_json('{"version": 100, "base": 1, "sla_seconds": 60}')
    assert (own.base, own.tables, own.claim_ms) == (1, first.tables, first.claim_ms)
    assert from_json(own.to_json()).text == own.text
    assert from_json(first.to_json()).text == first.text


def test_a_set_of_ones_own_leaves_the_rest_to_the_newest():
    own = from_json('{"version": 100, "sla_seconds": 60}')
    assert (own.sla_ms, own.claim_ms, own.skew_ms) == (MINUTE, NEWEST.claim_ms, NEWEST.skew_ms)
    assert (own.tables, own.base) == (NEWEST.tables, NEWEST.version)
    given(void(), rules=own).when(filing(registered=0)).then_refused("INVALIDATED", doubts=VOID, first=0)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 0}', '{"version": true}', '{"version": 1.5}', '{"version": 2, "slaseconds": 1}',
     '{"version": 2, "sla_seconds": -1}', '{"version": 2, "sla_seconds": "60"}',
     '{"version": 2, "skew_seconds": 2147483648}', '{"version": 2, "base": 99}', '{"version": 2, "digest": "00"}'],
)  # fmt: skip
def test_a_set_that_cannot_be_used_says_so(text):
    with pytest.raises(RuleSetError):
        from_json(text)


def test_a_set_that_says_nothing_is_the_newest_but_for_its_number():
    own = from_json(f'{{"version": {NEWEST.version}}}')
    assert own.text == NEWEST.text
    zero = from_json('{"version": 2, "sla_seconds": 0, "claim_seconds": 0, "skew_seconds": 2147483647}')
    assert (zero.sla_ms, zero.claim_ms, zero.skew_ms) == (0, 0, 2147483647000)


def test_two_texts_under_one_number_are_refused():
    sets = RuleSets()
    sets.add(BUILT_IN[1])
    with pytest.raises(RuleSetError):
        sets.add(from_json('{"version": 1, "sla_seconds": 60}'))
    sets.add(from_json('{"version": 5, "sla_seconds": 60}'))
    sets.add(from_json('{"version": 5, "sla_seconds": 60}'))
    assert [known.version for known in sets.all()] == [*BUILT_IN, 5]
    assert sets.get(5).sla_ms == MINUTE
    with pytest.raises(RuleSetError):
        sets.get(6)


def test_codes_are_named_by_their_bits():
    late_and_due = codes.FILED_LATE | codes.OVERDUE
    assert codes.names(codes.FLAGS, late_and_due | codes.WITHDRAWN_BEFORE) == [
        "FILED_LATE",
        "OVERDUE",
        "WITHDRAWN_BEFORE",
    ]
    assert codes.names(codes.FLAGS, 0) == []
    assert codes.mask_of(codes.FLAGS, ["OVERDUE", "FILED_LATE"]) == late_and_due
    assert codes.mask_of(codes.DOUBTS, []) == 0
