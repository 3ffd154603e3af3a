"""Rule sets: numbered, immutable, and the only thing about deciding that an administration tunes."""

import pytest

from natalog.decision import codes
from natalog.decision.rules import BUILT_IN, NEWEST, RuleSet, RuleSetError, RuleSets, from_json
from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import HOUR, MINUTE, filing, void


def older(flags: int, doubts: int) -> RuleSet:
    """A set from before some codes were there."""
    return RuleSet(77, 1800, 7200, 300, reasons=15, flags=flags, doubts=doubts)


def test_what_a_set_does_not_know_is_not_raised_under_it():
    late = filing(registered=-HOUR, gate=None, follows="NONE", relation_to_head="99")
    given().when(late).then_accepted("FILED_LATE", "UNCHECKED", doubts=("FOLLOWS_NEITHER", "NON_RELATIVE"))
    given(rules=older(1, 3)).when(late).then_accepted("FILED_LATE", doubts="NON_RELATIVE")
    given(rules=older(0, 0)).when(late).then_accepted(delay=HOUR)


def test_what_it_does_not_know_is_not_in_its_text():
    assert "CONTESTED" in older(10, 7).text
    assert "CONTESTED" not in older(9, 7).text
    assert older(9, 7).digest != older(10, 7).digest


def test_a_set_of_ones_own_leaves_the_rest_to_the_newest():
    own = from_json('{"version": 100, "sla_seconds": 60}')
    assert (own.sla_ms, own.claim_ms, own.skew_ms) == (MINUTE, NEWEST.claim_ms, NEWEST.skew_ms)
    assert (own.reasons, own.flags, own.doubts) == (NEWEST.reasons, NEWEST.flags, NEWEST.doubts)
    given(void(), rules=own).when(filing(registered=0)).then_refused("INVALIDATED", doubts=VOID, first=0)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 0}', '{"version": true}', '{"version": 1.5}', '{"version": 2, "slaseconds": 1}',
     '{"version": 2, "sla_seconds": -1}', '{"version": 2, "sla_seconds": "60"}',
     '{"version": 2, "skew_seconds": 2147483648}'],
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
