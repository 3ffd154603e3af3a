"""占用: the first claim wins against other claims, and never blocks a filing."""

from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    DAY,
    GONGSHU,
    HOUR,
    MINUTE,
    NINGBO,
    NUMBER,
    SECOND,
    XIHU,
    Step,
    approve_withdrawal,
    ask_withdrawal,
    blacklist,
    claim,
    filing,
    reinstate,
    release,
    void,
)

EXPIRY = 120 * MINUTE


def test_a_claim_on_an_unused_number_is_granted_for_two_hours():
    given().when(claim()).then_accepted(expires=EXPIRY)


def test_the_first_claim_wins():
    given(claim(XIHU)).when(claim(NINGBO, at=MINUTE)).then_refused("CLAIMED_ELSEWHERE", first=0, expires=None)


def test_another_station_of_the_same_prefecture_is_another_unit():
    given(claim(XIHU)).when(claim(GONGSHU)).then_refused("CLAIMED_ELSEWHERE", first=0)


def test_a_refused_claim_reserves_nothing():
    w = given(claim(XIHU), claim(NINGBO, at=MINUTE), release(XIHU, at=2 * MINUTE))
    w.when(claim(GONGSHU, at=3 * MINUTE)).then_accepted(expires=EXPIRY + 3 * MINUTE)


def test_a_claim_still_holds_one_millisecond_before_its_expiry():
    given(claim(XIHU)).when(claim(NINGBO, at=EXPIRY - 1)).then_refused("CLAIMED_ELSEWHERE", first=0)


def test_a_claim_is_expired_at_the_millisecond_of_its_expiry():
    given(claim(XIHU)).when(claim(NINGBO, at=EXPIRY)).then_accepted(expires=2 * EXPIRY)


def test_a_units_second_claim_renews_its_own():
    w = given(claim(XIHU))
    w.when(claim(XIHU, at=HOUR)).then_accepted(expires=HOUR + EXPIRY)
    w.when(claim(NINGBO, at=HOUR + EXPIRY - 1)).then_refused("CLAIMED_ELSEWHERE", first=0)
    w.when(claim(NINGBO, at=HOUR + EXPIRY)).then_accepted()


def test_an_expired_claim_is_not_renewed_but_granted_anew():
    w = given(claim(XIHU), claim(XIHU, at=EXPIRY))
    w.when(claim(NINGBO, at=EXPIRY + 1)).then_refused("CLAIMED_ELSEWHERE", first=1)


def test_a_release_leads_back_to_unused():
    given(claim(XIHU), release(XIHU)).when(claim(NINGBO)).then_accepted()


def test_a_release_without_an_own_claim_is_no_fuss_and_frees_nobody_elses():
    w = given(claim(XIHU))
    w.when(release(NINGBO)).then_accepted()
    w.when(claim(NINGBO)).then_refused("CLAIMED_ELSEWHERE", first=0)


def test_a_release_on_an_untouched_number_is_no_fuss():
    given().when(release()).then_accepted()


def test_a_released_claim_is_granted_anew_not_renewed():
    w = given(claim(XIHU), release(XIHU), claim(XIHU, at=MINUTE))
    w.when(claim(NINGBO, at=2 * MINUTE)).then_refused("CLAIMED_ELSEWHERE", first=2)


def test_releasing_an_expired_claim_changes_nothing_about_the_next_one():
    w = given(claim(XIHU), release(XIHU, at=EXPIRY), claim(NINGBO, at=EXPIRY))
    w.when(claim(XIHU, at=EXPIRY + 1)).then_refused("CLAIMED_ELSEWHERE", first=2)


def test_a_claim_never_blocks_a_filing():
    w = given(claim(XIHU))
    w.when(filing("R1", unit=NINGBO, at=MINUTE)).then_accepted("CLAIM_CONFLICT")
    w.when(claim(XIHU, at=2 * MINUTE)).then_refused("USED", first=1)


def test_no_conflict_with_ones_own_claim():
    given(claim(XIHU)).when(filing(unit=XIHU, at=20 * MINUTE)).then_accepted()


def test_no_conflict_with_an_expired_or_released_claim():
    given(claim(XIHU)).when(filing(unit=NINGBO, at=EXPIRY)).then_accepted()
    given(claim(XIHU), release(XIHU)).when(filing(unit=NINGBO)).then_accepted()


def test_conflict_up_to_the_last_millisecond():
    given(claim(XIHU)).when(filing(unit=NINGBO, at=EXPIRY - 1)).then_accepted("CLAIM_CONFLICT")


def test_the_first_filing_ends_all_claims():
    withdrawn = (
        ask_withdrawal(unit=NINGBO, at=2 * MINUTE, id="ask"),
        approve_withdrawal("ask", unit=NINGBO, at=2 * MINUTE),
    )
    w = given(claim(XIHU), filing("R1", unit=NINGBO, at=MINUTE), *withdrawn)
    w.when(claim(GONGSHU, at=3 * MINUTE)).then_accepted()


def test_a_claim_on_a_used_number_is_refused_and_contests_nothing():
    w = given(filing("R1"))
    w.when(claim(NINGBO)).then_refused("USED", first=0)
    assert not w.state().contested


def test_a_claim_on_a_blacklisted_number_raises_no_doubt():
    given(blacklist()).when(claim()).then_refused("BLACKLISTED", first=0)


def test_a_listing_that_does_not_bind_yet_does_not_refuse_a_claim():
    w = given(blacklist(effective=HOUR))
    w.when(claim(at=HOUR - 1)).then_accepted()
    w.when(claim(at=HOUR)).then_refused("BLACKLISTED", first=0)


def test_a_claim_on_a_void_number_is_refused_until_it_is_reinstated():
    w = given(void())
    w.when(claim()).then_refused("INVALIDATED", first=0)
    w.when(reinstate()).then_accepted(first=0)
    w.when(claim()).then_accepted()


def test_a_void_that_does_not_bind_yet_does_not_refuse_a_claim():
    w = given(void(effective=HOUR))
    w.when(claim(at=HOUR - 1)).then_accepted()
    w.when(claim(at=HOUR)).then_refused("INVALIDATED", first=0)


def test_a_claim_goes_by_the_numbers_decision_time_when_the_brokers_clock_steps_back():
    w = given(claim(XIHU), release(NINGBO, at=EXPIRY))
    w.when(claim(NINGBO, at=EXPIRY - SECOND)).then_accepted(expires=2 * EXPIRY)


def test_a_repeats_time_is_no_decision_time():
    c = claim(XIHU, id="c")
    w = given(c)
    w.when(Step(c.record, c.at + 3 * HOUR)).then_repeated(first=0)
    w.when(claim(NINGBO, at=HOUR)).then_refused("CLAIMED_ELSEWHERE", first=0)


def test_a_claim_cited_as_gate_at_its_last_millisecond():
    w = given(claim(id="c"))
    w.when(filing(at=EXPIRY - 1, gate="claim:c")).then_accepted()


def test_the_gate_cites_an_expired_claim_exactly_at_expiry():
    w = given(claim(id="c"))
    w.when(filing(at=EXPIRY, gate="claim:c")).then_accepted("CLAIM_EXPIRED")


def test_the_gate_cites_a_claim_that_was_renewed_under_another_event():
    w = given(claim(id="c"), claim(at=HOUR, id="d"))
    w.when(filing(at=EXPIRY, gate="claim:c")).then_accepted()
    w = given(claim(id="c"), claim(at=HOUR, id="d"))
    w.when(filing(at=EXPIRY + HOUR, gate="claim:d")).then_accepted("CLAIM_EXPIRED")


def test_another_units_expired_claim_is_no_gate_to_flag():
    given(claim(NINGBO, id="c")).when(filing(unit=XIHU, at=EXPIRY, gate="claim:c")).then_accepted()


def test_a_gate_that_is_no_claim_is_a_status_check():
    given(claim(id="c")).when(filing(at=EXPIRY, gate="check-9")).then_accepted()


def test_the_gate_may_be_written_with_capitals_and_without_dashes():
    c = claim(id="c")
    gate = c.record.event_id.hex.upper()
    given(c).when(filing(at=EXPIRY, gate=gate)).then_accepted("CLAIM_EXPIRED")


def test_a_released_claim_has_not_expired():
    w = given(claim(id="c"), release(at=MINUTE))
    w.when(filing(at=EXPIRY, gate="claim:c")).then_accepted()


def test_a_refused_filing_says_that_its_claim_had_expired():
    w = given(claim(id="c"), filing("R2", unit=NINGBO, at=EXPIRY))
    w.when(filing("R1", at=EXPIRY + MINUTE, gate="claim:c")).then_refused(
        "USED", "CLAIM_EXPIRED", "CONTESTED", first=1
    )


def test_unchecked_is_a_live_numbered_filing_without_gate():
    given().when(filing(gate=None)).then_accepted("UNCHECKED")
    given().when(filing(gate="")).then_accepted("UNCHECKED")


def test_unchecked_stays_on_a_refused_filing():
    given(blacklist()).when(filing(gate=None, registered=0)).then_refused(
        "BLACKLISTED", "UNCHECKED", doubts=VOID, first=0
    )


def test_without_a_number_there_was_nothing_to_check():
    given().when(filing(number=None, gate=None, exemption="BORN_ABROAD")).then_accepted()
    given().when(filing(number="Z33", gate=None)).then_refused("MALFORMED_NUMBER")


def test_claims_outlive_nothing_when_a_day_passed():
    given(claim(XIHU)).when(claim(NINGBO, at=DAY)).then_accepted(expires=DAY + EXPIRY)


def test_prefix_warning_stands_on_a_claim_too():
    given().when(claim(number="Z990000001")).then_accepted("PREFIX_WARNING")
    given().when(claim(number=NUMBER)).then_accepted()
