"""30分钟内备案: timed once per key and registration, at the first live filing, whatever its verdict."""

import pytest

from natalog.decision.rules import from_json
from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    DAY,
    FOURTH,
    HOUR,
    MINUTE,
    NINGBO,
    OTHER,
    T0,
    THIRD,
    XIHU,
    ask_withdrawal,
    blacklist,
    claim,
    completion,
    day,
    event,
    filing,
    overdue,
    release,
    void,
    withdrawn,
)

LATE = 30 * MINUTE
SKEW = 5 * MINUTE


def test_exactly_thirty_minutes_is_not_late():
    given().when(filing(registered=-LATE)).then_accepted(delay=LATE)


def test_one_millisecond_more_is_late():
    given().when(filing(registered=-LATE - 1)).then_accepted("FILED_LATE", delay=LATE + 1)


def test_the_rule_set_says_how_long():
    rules = from_json('{"version": 100, "sla_seconds": 60, "skew_seconds": 1, "claim_seconds": 10}')
    w = given(rules=rules)
    w.when(filing("R1", registered=-60_000)).then_accepted(delay=60_000)
    w.when(filing("R2", OTHER, registered=-60_001)).then_accepted("FILED_LATE", delay=60_001)
    w.when(filing("R3", THIRD, registered=1_001)).then_accepted("CLOCK_SKEW", delay=0)
    w.when(claim(number=FOURTH)).then_accepted(expires=10_000)


def test_a_delay_is_never_negative():
    given().when(filing(registered=SKEW)).then_accepted(delay=0)


def test_ahead_of_the_broker_by_the_allowed_skew_is_no_flag_and_one_millisecond_more_is():
    given().when(filing(registered=SKEW)).then_accepted(delay=0)
    given().when(filing(registered=SKEW + 1)).then_accepted("CLOCK_SKEW", delay=0)


def test_a_skewed_clock_is_timed_from_the_first_completions_receipt():
    w = given(completion(at=0, registered=-HOUR), completion(at=20 * MINUTE), claim(at=-HOUR))
    w.when(filing(at=31 * MINUTE, registered=DAY)).then_accepted(
        "CLOCK_SKEW", "FILED_LATE", delay=31 * MINUTE
    )


def test_else_from_the_own_claim():
    w = given(claim(XIHU), claim(NINGBO, at=MINUTE))
    w.when(filing(at=12 * MINUTE, registered=DAY)).then_accepted("CLOCK_SKEW", delay=12 * MINUTE)


def test_a_refused_claim_is_no_own_claim():
    w = given(claim(XIHU), claim(NINGBO))
    w.when(filing(at=MINUTE, registered=DAY, unit=NINGBO)).then_accepted(
        "CLOCK_SKEW", "CLAIM_CONFLICT", delay=0
    )
    w = given(claim(XIHU), claim(NINGBO, at=HOUR))
    w.when(filing(at=HOUR, registered=40 * MINUTE, unit=NINGBO)).then_accepted("CLAIM_CONFLICT")


def test_a_completion_is_the_base_as_the_broker_timed_it_even_when_its_clock_stepped_back():
    late = filing(at=31 * MINUTE, registered=DAY)
    w = given(release(at=HOUR), completion(at=0))
    w.when(late).then_accepted("CLOCK_SKEW", "FILED_LATE", delay=31 * MINUTE)
    for lists in (blacklist, void):  # one that does not bind yet
        w = given(lists(effective=DAY), release(at=HOUR), completion(at=0))
        w.when(late).then_accepted("CLOCK_SKEW", "FILED_LATE", delay=31 * MINUTE)
    w = given(blacklist(), release(at=HOUR), completion(at=0))  # one that bound before either
    flags = ("CLOCK_SKEW", "FILED_LATE")
    w.when(late).then_refused("BLACKLISTED", *flags, doubts=VOID, first=0, delay=31 * MINUTE)


def test_another_units_claim_is_no_base():
    given(claim(NINGBO)).when(filing(at=MINUTE, registered=DAY)).then_accepted(
        "CLOCK_SKEW", "CLAIM_CONFLICT", delay=0
    )


def test_a_correction_before_is_no_base_either():
    w = given(blacklist(), filing(corrects=event("x"), registered=0))
    w.when(filing(at=HOUR, registered=DAY)).then_refused(
        "BLACKLISTED", "CLOCK_SKEW", doubts=VOID, first=0, delay=0
    )


def test_another_registrations_completion_is_no_base():
    given(completion("R2")).when(filing("R1", at=MINUTE, registered=DAY)).then_accepted("CLOCK_SKEW", delay=0)


def test_before_its_own_claim_beyond_skew_is_backdated_and_timed_as_said():
    w = given(claim())
    w.when(filing(at=MINUTE, registered=-SKEW - 1)).then_accepted("BACKDATED", delay=SKEW + 1 + MINUTE)


def test_before_its_own_claim_by_the_allowed_skew_is_not_backdated():
    given(claim()).when(filing(at=MINUTE, registered=-SKEW)).then_accepted(delay=SKEW + MINUTE)


def test_the_claim_counts_as_first_granted_not_as_renewed():
    w = given(claim(), claim(at=HOUR))
    w.when(filing(at=HOUR, registered=HOUR - 10 * MINUTE)).then_accepted(delay=10 * MINUTE)


def test_the_claim_that_counts_is_the_latest_open_or_not():
    w = given(claim(), release(), claim(at=HOUR), release(at=HOUR))
    w.when(filing(at=HOUR, registered=HOUR - 10 * MINUTE)).then_accepted("BACKDATED", delay=10 * MINUTE)
    w = given(claim())
    w.when(filing(at=3 * HOUR, registered=-10 * MINUTE)).then_accepted("BACKDATED", "FILED_LATE")


def test_a_date_alone_cannot_be_timed_and_uses_the_timing_up():
    w = given(blacklist())
    said = {"registered": None, "registered_on": day("2026-07-01")}
    flags = ("NOT_TIMEABLE", "REGISTERED_BEFORE_LISTING")
    w.when(filing(**said)).then_refused("BLACKLISTED", *flags, doubts=VOID, first=0, delay=None)
    w.when(filing(registered=0)).then_refused("BLACKLISTED", doubts=VOID, first=0, delay=None)


def test_neither_time_nor_date_cannot_be_timed():
    given().when(filing(registered=None)).then_accepted("NOT_TIMEABLE", delay=None)


def test_a_time_goes_before_a_date():
    given().when(filing(registered=-MINUTE, registered_on=day("2020-01-01"))).then_accepted(delay=MINUTE)


def test_timed_at_the_first_filing_whatever_its_verdict():
    w = given(filing("R1"))
    w.when(filing("R2", registered=-HOUR)).then_refused(
        "USED", "FILED_LATE", "CONTESTED", first=0, delay=HOUR
    )
    w.when(filing("R2", registered=-HOUR)).then_refused("USED", "CONTESTED", first=0, delay=None)


def test_a_reused_event_id_is_timed_too():
    w = given(claim(id="e"))
    w.when(filing(id="e", at=HOUR, registered=0)).then_refused(
        "EVENT_ID_REUSED", "FILED_LATE", first=0, delay=HOUR
    )
    w.when(filing(at=HOUR, registered=0)).then_accepted(delay=None)


def test_each_registration_is_timed_once_on_each_key():
    w = given(filing("R1"))
    w.when(filing("R1", OTHER)).then_accepted(delay=10 * MINUTE)
    w.when(filing("R2", OTHER)).then_refused("USED", "CONTESTED", first=1, delay=10 * MINUTE)


def test_a_correction_is_never_timed_and_does_not_use_the_timing_up():
    w = given(blacklist())
    said = {"registered": -HOUR}
    w.when(filing(corrects=event("x"), **said)).then_refused(
        "BLACKLISTED", "REGISTERED_BEFORE_LISTING", doubts=VOID, first=0, delay=None
    )
    flags = ("FILED_LATE", "REGISTERED_BEFORE_LISTING")
    w.when(filing(**said)).then_refused("BLACKLISTED", *flags, doubts=VOID, first=0, delay=HOUR)


def test_an_amendment_does_not_time_what_a_correction_left_untimed():
    w = given(filing(corrects=event("x")))
    w.when(filing(registered=-HOUR)).then_accepted("AMENDMENT", first=0, delay=None)


def test_without_a_number_it_is_timed_under_its_own_key():
    said = {"number": None, "exemption": "ADOPTED"}
    given().when(filing(**said, registered=-HOUR)).then_accepted("FILED_LATE", delay=HOUR)


def test_a_malformed_number_is_timed_too():
    w = given()
    w.when(filing(number="Z33O123456", registered=-HOUR)).then_refused(
        "MALFORMED_NUMBER", "FILED_LATE", delay=HOUR
    )


def test_delays_use_the_brokers_time_as_it_is():
    w = given(release(at=HOUR))
    w.when(filing(at=0, registered=-LATE)).then_accepted(delay=LATE)


# 逾期 --------------------------------------------------------------------------------------------------------


def due(w, reg="R1"):
    return w.state().registration(reg).due_from


def test_a_completion_opens_the_obligation_and_nobody_meets_it():
    w = given().when(completion()).then_accepted()
    w.when(overdue()).then_accepted("OVERDUE")


@pytest.mark.parametrize(("registered", "since"), [(-MINUTE, -MINUTE), (MINUTE, 0), (-400 * DAY, -400 * DAY)])
def test_it_is_due_from_the_earlier_of_registration_and_receipt(registered, since):
    assert due(given(completion(registered=registered))) == T0 + since


def test_a_second_completion_does_not_put_it_off():
    assert due(given(completion(), completion(at=HOUR))) == T0


def test_a_registration_before_1970_is_due_since_then_and_a_second_completion_changes_nothing():
    w = given(completion(registered=-(T0 + DAY)))
    assert due(w) == 0
    w.when(completion(at=HOUR)).then_accepted()
    assert due(w) == 0
    w.when(overdue()).then_accepted("OVERDUE")


def test_an_approved_withdrawal_closes_nothing_again_and_a_completion_of_what_was_filed_opens_none():
    w = given(completion(), filing(), *withdrawn(), completion(at=HOUR))
    w.when(overdue(at=2 * HOUR)).then_accepted()


def test_a_filing_that_is_misrouted_closes_nothing():
    w = given(completion())
    w.when(filing(), topic="sla.alerts").then_refused("MISROUTED")
    w.when(overdue()).then_accepted("OVERDUE")


def test_a_filing_closes_the_obligation():
    w = given(completion(), filing())
    w.when(overdue()).then_accepted()


@pytest.mark.parametrize("before", [blacklist(), void(), filing("R2")], ids=["blacklisted", "void", "used"])
def test_a_refused_filing_closes_it_too(before):
    w = given(before, completion(), filing(at=MINUTE, registered=0, unit=NINGBO))
    w.when(overdue()).then_accepted()


def test_a_filing_of_a_reused_event_id_closes_it_too():
    given(completion(id="e"), filing(id="e")).when(overdue()).then_accepted()


def test_another_registrations_filing_does_not():
    given(completion("R1"), filing("R2")).when(overdue("R1")).then_accepted("OVERDUE")


def test_the_same_registration_on_another_number_does_not():
    given(completion("R1"), filing("R1", OTHER)).when(overdue("R1")).then_accepted("OVERDUE")


def test_a_completion_after_its_filing_opens_none():
    given(filing(), completion()).when(overdue()).then_accepted()


def test_an_unknown_obligation_is_accepted_without_the_flag():
    given().when(overdue()).then_accepted()
    given(completion("R1")).when(overdue("R2")).then_accepted()


def test_an_alert_sent_twice_is_one_entry_and_a_repeat_whatever_its_time_of_observation():
    w = given(completion(), overdue(id="o", observed_at=T0 + HOUR))
    w.when(overdue(id="o", observed_at=T0 + DAY)).then_repeated(first=1)


def test_a_withdrawal_request_closes_what_has_only_a_completion():
    w = given(completion())
    w.when(ask_withdrawal()).then_accepted()
    w.when(overdue()).then_accepted()
    w.when(completion(at=HOUR)).then_accepted()
    w.when(overdue(at=2 * HOUR)).then_accepted("OVERDUE")


def test_a_completion_is_always_accepted_on_a_well_formed_number():
    for before in (blacklist(), void(), filing("R2"), claim(NINGBO)):
        given(before).when(completion()).then_accepted()
    given().when(completion(number="330123456")).then_accepted()
    given().when(completion(exemption="NONSENSE")).then_accepted()


def test_a_completion_without_a_good_number_says_why():
    given().when(completion(number="33O123456")).then_refused("MALFORMED_NUMBER")
    given().when(completion(number=None)).then_refused("MISSING_NUMBER")
    given().when(completion(number="", exemption="")).then_refused("MISSING_NUMBER")
    given().when(completion(number=None, exemption="LOST")).then_refused("UNKNOWN_EXEMPTION")


@pytest.mark.parametrize(
    "exemption", ["BORN_ABROAD", "ADOPTED", "WELFARE_HOME", "BEFORE_1996", "CASE_DECIDED"]
)
def test_a_completion_is_not_held_to_an_exemptions_conditions(exemption):
    w = given().when(completion(number=None, exemption=exemption)).then_accepted()
    w.when(overdue(number=None)).then_accepted("OVERDUE")


def test_a_refused_completion_opens_nothing():
    given(completion(number=None)).when(overdue(number=None)).then_accepted()


def test_a_completion_belongs_to_its_unit_whoever_tried_before():
    w = given(blacklist(), filing(unit=NINGBO, registered=0), completion(unit=XIHU))
    w.when(ask_withdrawal(unit=NINGBO)).then_refused("NOT_OWNER")
    w.when(ask_withdrawal(unit=XIHU)).then_accepted()


def test_a_completion_by_another_unit_does_not_move_a_standing_registration():
    w = given(filing(unit=XIHU), completion(unit=NINGBO))
    assert w.state().stands().unit_code == XIHU
