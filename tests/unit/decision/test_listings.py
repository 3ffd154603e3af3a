"""黑名单与作废: what a binding listing does to filings, and what excuses them."""

import pytest

from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    DAY,
    GONGSHU,
    HOUR,
    MINUTE,
    NINGBO,
    NINGBO_CITY,
    NUMBER,
    OTHER,
    PROOFS,
    T0,
    approve_withdrawal,
    ask_withdrawal,
    backfill,
    beijing,
    blacklist,
    claim,
    completion,
    day,
    filing,
    release,
    void,
)

LISTED = [
    pytest.param(blacklist, "BLACKLISTED", "LISTED_AFTER_USE", id="blacklisted"),
    pytest.param(void, "INVALIDATED", "INVALIDATED_AFTER_USE", id="void"),
]
listed = pytest.mark.parametrize(("lists", "reason", "after_use"), LISTED)


@listed
def test_a_filing_is_refused_and_doubtful(lists, reason, after_use):
    given(lists()).when(filing(at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=0)


@listed
def test_it_binds_from_the_later_of_receipt_and_effect(lists, reason, after_use):
    w = given(lists(effective=HOUR))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=0)
    given(lists(effective=HOUR)).when(filing("R1", at=HOUR - 1)).then_accepted()
    w = given(lists(effective=-DAY))
    w.when(filing(at=1, registered=0)).then_refused(reason, doubts=VOID, first=0)


@listed
def test_under_an_open_claim_from_before_the_listing_it_is_accepted(lists, reason, after_use):
    w = given(claim(), lists(at=MINUTE))
    w.when(filing(at=119 * MINUTE, registered=118 * MINUTE)).then_accepted("LISTED_AFTER_CLAIM")


@listed
def test_an_expired_claim_excuses_nothing(lists, reason, after_use):
    w = given(claim(id="c"), lists(at=MINUTE))
    said = {"at": 120 * MINUTE, "registered": 110 * MINUTE, "gate": "claim:c"}
    w.when(filing(**said)).then_refused(reason, "CLAIM_EXPIRED", doubts=VOID, first=1)


@listed
def test_another_units_claim_excuses_nothing(lists, reason, after_use):
    w = given(claim(NINGBO), lists(at=MINUTE))
    w.when(filing(at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=1)


@listed
def test_a_claim_is_not_renewed_after_the_listing(lists, reason, after_use):
    w = given(claim(), lists(at=MINUTE))
    w.when(claim(at=2 * MINUTE)).then_refused(reason, first=1)


@listed
def test_a_claim_granted_before_the_listing_binds_excuses(lists, reason, after_use):
    w = given(lists(effective=HOUR), claim(at=HOUR - 1))
    w.when(filing(at=HOUR + MINUTE, registered=HOUR)).then_accepted("LISTED_AFTER_CLAIM")


@listed
def test_after_a_completion_from_before_the_listing_it_is_accepted(lists, reason, after_use):
    w = given(completion("R1"), lists(at=MINUTE))
    w.when(filing("R1", at=DAY, registered=0)).then_accepted("LISTED_AFTER_CLAIM", "FILED_LATE")


@listed
def test_a_completion_after_the_listing_excuses_nothing(lists, reason, after_use):
    w = given(lists(), completion("R1", at=MINUTE))
    w.when(filing("R1", at=2 * MINUTE, registered=MINUTE)).then_refused(reason, doubts=VOID, first=0)


@listed
def test_a_completion_before_the_listing_binds_excuses(lists, reason, after_use):
    w = given(lists(effective=HOUR), completion("R1", at=HOUR - 1))
    w.when(filing("R1", at=HOUR)).then_accepted("LISTED_AFTER_CLAIM")


@listed
def test_a_completion_at_the_millisecond_it_binds_excuses_nothing(lists, reason, after_use):
    w = given(lists(effective=HOUR), completion("R1", at=HOUR))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=0)


@listed
def test_a_completion_on_the_ledger_after_the_listing_excuses_nothing_when_the_clock_stepped_back(
    lists, reason, after_use
):
    w = given(lists(at=HOUR), completion("R1", at=0))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=0)
    w = given(lists(effective=HOUR), release(at=HOUR), completion("R1", at=HOUR - 1))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=0)
    w = given(lists(effective=HOUR), release(at=HOUR - 1), completion("R1", at=0))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_accepted("LISTED_AFTER_CLAIM")
    w = given(release(at=HOUR), completion("R1", at=0), lists(at=0))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_accepted("LISTED_AFTER_CLAIM")


@listed
def test_a_listing_said_to_be_from_before_1970_binds_all_the_same(lists, reason, after_use):
    w = given(lists(effective=-T0 - DAY))
    w.when(filing(registered=0)).then_refused(reason, doubts=VOID, first=0)
    said = {"over_six": PROOFS, "birth_date": day("1969-12-31")}
    w.when(backfill(registered=-T0, **said)).then_refused(reason, doubts=VOID, first=0)
    w.when(backfill("R2", registered=-T0 - 1, **said)).then_accepted(after_use, "IMPOSSIBLE_YEAR")


@listed
def test_on_the_ledger_before_counts_when_the_brokers_clock_stood_still_or_stepped_back(
    lists, reason, after_use
):
    given(completion("R1"), lists()).when(filing("R1", at=MINUTE, registered=0)).then_accepted(
        "LISTED_AFTER_CLAIM"
    )
    w = given(completion("R1", at=HOUR), lists(at=0))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_accepted("LISTED_AFTER_CLAIM")


@listed
def test_another_registrations_completion_excuses_nothing(lists, reason, after_use):
    w = given(completion("R2"), lists(at=MINUTE))
    w.when(filing("R1", at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=1)


@listed
def test_a_withdrawn_completion_excuses_nothing(lists, reason, after_use):
    w = given(completion(), ask_withdrawal(), lists(at=MINUTE))
    w.when(filing(at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=2)


@listed
def test_a_completion_sent_again_after_its_withdrawal_counts_from_then(lists, reason, after_use):
    w = given(completion(), ask_withdrawal(), lists(at=MINUTE), completion(at=2 * MINUTE))
    w.when(filing(at=HOUR, registered=HOUR)).then_refused(reason, doubts=VOID, first=2)
    w = given(completion(), ask_withdrawal(), completion(at=2 * MINUTE), lists(at=3 * MINUTE))
    w.when(filing(at=HOUR, registered=HOUR)).then_accepted("LISTED_AFTER_CLAIM")


@listed
def test_the_completion_of_a_withdrawn_registration_excuses_nothing(lists, reason, after_use):
    w = given(completion(), filing(), ask_withdrawal(id="ask"), approve_withdrawal("ask"), lists(at=MINUTE))
    w.when(filing(at=HOUR, registered=HOUR)).then_refused(reason, "WITHDRAWN_BEFORE", doubts=VOID, first=4)


@listed
def test_backfill_registered_before_it_took_effect_is_legal(lists, reason, after_use):
    given(lists(effective=-DAY)).when(backfill()).then_accepted(after_use)
    given(lists()).when(backfill()).then_accepted(after_use)


@listed
def test_backfill_registered_when_it_took_effect_is_refused_without_appeal_to_the_senders_word(
    lists, reason, after_use
):
    w = given(lists(effective=-100 * DAY))
    w.when(backfill(registered=-100 * DAY)).then_refused(reason, doubts=VOID, first=0)
    w = given(lists(effective=-100 * DAY))
    w.when(backfill(registered=-100 * DAY - 1)).then_accepted(after_use)


@listed
def test_backfill_with_a_date_counts_as_midnight_in_beijing(lists, reason, after_use):
    said = {"registered": None, "registered_on": day("2025-07-01")}
    w = given(lists(effective=beijing("2025-07-01T00:00:00")))
    w.when(backfill(**said)).then_refused(reason, doubts=VOID, first=0)
    w = given(lists(effective=beijing("2025-07-01T00:00:00") + 1))
    w.when(backfill(**said)).then_accepted(after_use)


@listed
def test_live_and_before_the_listing_by_the_senders_word_alone_is_refused_for_review(
    lists, reason, after_use
):
    w = given(lists())
    w.when(filing(at=MINUTE, registered=-1)).then_refused(
        reason, "REGISTERED_BEFORE_LISTING", doubts=VOID, first=0
    )
    given(lists()).when(filing(at=MINUTE, registered=0)).then_refused(reason, doubts=VOID, first=0)


@listed
def test_a_backdated_listing_was_not_there_before_its_receipt(lists, reason, after_use):
    w = given(lists(effective=-DAY))
    w.when(filing(at=MINUTE, registered=-HOUR)).then_refused(
        reason, "FILED_LATE", "REGISTERED_BEFORE_LISTING", doubts=VOID, first=0
    )


@listed
def test_a_station_cannot_backfill_around_a_listing(lists, reason, after_use):
    flags = ("REGISTERED_BEFORE_LISTING", "UNCHECKED", "FILED_LATE")
    given(lists()).when(backfill(roles=("station",))).then_refused(reason, *flags, doubts=VOID, first=0)


@listed
def test_listing_a_used_number_is_accepted_and_flagged(lists, reason, after_use):
    w = given(filing("R1"), filing("R1"))
    w.when(lists()).then_accepted(after_use, first=0)
    assert w.state().stands().registration_id == "R1"


@listed
def test_another_registration_on_a_listed_used_number_is_contested(lists, reason, after_use):
    w = given(filing("R1"), lists())
    w.when(filing("R2", registered=0)).then_refused(reason, "CONTESTED", doubts=VOID, first=1)


@listed
def test_the_same_registration_from_elsewhere_on_a_listed_number_is_not_another(lists, reason, after_use):
    w = given(filing("R1"), lists())
    w.when(filing("R1", unit=NINGBO, registered=0)).then_refused(reason, doubts=VOID, first=1)


def test_blacklist_goes_before_void_before_use_before_succession():
    chain = (filing("R9", OTHER), void(OTHER, by=NUMBER), filing("R9"))
    w = given(*chain, blacklist(), void())
    w.when(filing("R2", registered=0)).then_refused("BLACKLISTED", "CONTESTED", doubts=VOID, first=3)
    w = given(*chain, void())
    w.when(filing("R2", registered=0)).then_refused("INVALIDATED", "CONTESTED", doubts=VOID, first=3)
    given(*chain).when(filing("R2")).then_refused("USED", "CONTESTED", first=2)
    given(*chain[:2]).when(filing("R2")).then_refused("SUCCEEDS_USED", doubts=VOID, first_sent=0)


def test_the_same_order_holds_for_claims():
    chain = (filing("R9", OTHER), void(OTHER, by=NUMBER), filing("R9"))
    w = given(*chain, blacklist(), void())
    w.when(claim()).then_refused("BLACKLISTED", "SUCCESSION", first=3)
    given(*chain, void()).when(claim()).then_refused("INVALIDATED", "SUCCESSION", first=3)
    given(*chain).when(claim()).then_refused("USED", "SUCCESSION", first=2)
    w = given(claim(NINGBO), *chain[:2])
    w.when(claim()).then_refused("SUCCEEDS_USED", "SUCCESSION", first_sent=0)


def test_every_binding_listing_must_be_excused():
    w = given(blacklist(NINGBO_CITY), completion(at=MINUTE), blacklist(at=2 * MINUTE))
    w.when(filing(at=3 * MINUTE, registered=MINUTE)).then_refused("BLACKLISTED", doubts=VOID, first=0)
    w = given(completion(), blacklist(at=MINUTE), void(at=MINUTE))
    w.when(filing(at=3 * MINUTE, registered=MINUTE)).then_accepted("LISTED_AFTER_CLAIM")
    w = given(void(), completion(at=MINUTE), blacklist(at=2 * MINUTE))
    w.when(filing(at=3 * MINUTE, registered=MINUTE)).then_refused("INVALIDATED", doubts=VOID, first=0)


def test_a_listing_that_does_not_bind_yet_is_no_obstacle_beside_one_that_does():
    w = given(blacklist(NINGBO_CITY, effective=DAY), blacklist())
    w.when(filing(registered=0)).then_refused("BLACKLISTED", doubts=VOID, first=1)


def test_backfill_after_both_kinds_carries_both_flags():
    given(blacklist(), void()).when(backfill()).then_accepted("LISTED_AFTER_USE", "INVALIDATED_AFTER_USE")


def test_an_excused_filing_on_a_used_number_is_refused_without_the_excuse():
    w = given(filing("R1"), blacklist(), void())
    w.when(backfill("R2")).then_refused("USED", "CONTESTED", first=0)


def test_an_excuse_does_not_help_against_succession():
    w = given(filing("R9", OTHER), void(OTHER, by=NUMBER), claim(GONGSHU), completion(), blacklist(at=MINUTE))
    w.when(filing(at=HOUR, registered=0)).then_refused(
        "SUCCEEDS_USED", "FILED_LATE", doubts=VOID, first_sent=0
    )
