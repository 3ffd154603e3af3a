"""备案: the first filing takes the number; every other registration on it is refused and contests it."""

import pytest

from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    DAY,
    GONGSHU,
    MINUTE,
    NINGBO,
    NUMBER,
    OTHER,
    PROOFS,
    T0,
    XIHU,
    approve_withdrawal,
    ask_withdrawal,
    backfill,
    beijing,
    blacklist,
    claim,
    completion,
    day,
    filing,
    overdue,
    release,
    void,
)

A_YEAR_AGO = -365 * DAY


def test_the_first_filing_takes_the_number():
    w = given().when(filing("R1")).then_accepted(delay=10 * MINUTE)
    assert w.state().stands().registration_id == "R1"


def test_another_registration_on_a_used_number_is_refused_and_contests_it():
    w = given(filing("R1")).when(filing("R2", unit=NINGBO)).then_refused("USED", "CONTESTED", first=0)
    assert w.state().contested


def test_first_is_the_entry_that_took_the_number_also_after_amendments():
    w = given(filing("R1"), filing("R1", category="BORN_ABROAD"))
    w.when(filing("R2")).then_refused("USED", "CONTESTED", first=0)


def test_contested_outlives_a_withdrawal():
    w = given(filing("R1"), filing("R2"), ask_withdrawal("R1", id="ask"), approve_withdrawal("ask", "R1"))
    assert w.state().contested
    assert w.state().stands() is None


def test_a_used_number_contested_by_nobody_is_not_contested():
    assert not given(filing("R1"), claim(NINGBO)).state().contested


# The same registration again -----------------------------------------------------------------------------


def test_same_event_id_and_content_is_a_repeat():
    first = filing("R1", id="e")
    given(first).when(first).then_repeated(first=0)


def test_a_repeat_of_a_refusal_is_a_repeat_too():
    again = filing("R2", id="e")
    given(filing("R1"), again).when(again).then_repeated(first=1)


@pytest.mark.parametrize(
    "unlike",
    [
        {"sealed": b"1", "key_id": "k1"},
        {"sub": "another machine"},
        {"org": "330100"},
        {"attempted_at": T0 + 5},
    ],
    ids="+".join,
)
def test_sealing_submitter_and_attempt_are_not_content(unlike):
    given(filing("R1", id="e")).when(filing("R1", id="e", **unlike)).then_repeated(first=0)


@pytest.mark.parametrize(
    "unlike", [{"follows": "FATHER"}, {"captured_at": T0}, {"reg": "R2"}, {"gate": "other"}]
)
def test_same_event_id_with_other_content_is_refused(unlike):
    w = given(filing("R1", id="e"))
    flags = ["CONTESTED"] if unlike.get("reg") else []
    w.when(filing(**{"reg": "R1", "id": "e", **unlike})).then_refused("EVENT_ID_REUSED", *flags, first=0)


def test_the_same_reuse_again_is_a_repeat_of_its_refusal():
    reuse = filing("R1", id="e", follows="FATHER")
    w = given(filing("R1", id="e"))
    w.when(reuse).then_refused("EVENT_ID_REUSED", first=0)
    w.when(reuse).then_repeated(first=1)
    w.when(filing("R1", id="e", follows="MOTHER")).then_refused("EVENT_ID_REUSED", first=0)
    w.when(filing("R1", id="e")).then_repeated(first=0)


def test_an_event_id_is_remembered_for_all_time():
    w = given(claim(id="e"), *(release(at=n * DAY) for n in range(400)))
    w.when(claim(id="e")).then_repeated(first=0)


def test_claim_and_release_of_one_event_id_are_not_one_content():
    given(claim(id="e")).when(release(id="e")).then_refused("EVENT_ID_REUSED", first=0)
    given(filing(id="e")).when(claim(id="e")).then_refused("EVENT_ID_REUSED", first=0)


def test_a_refused_reuse_changes_nothing():
    w = given(claim(id="e"))
    w.when(release(id="e")).then_refused("EVENT_ID_REUSED", first=0)
    w.when(claim(NINGBO)).then_refused("CLAIMED_ELSEWHERE", first=0)


def test_the_same_event_id_on_another_number_is_another_event():
    given(claim(id="e")).when(claim(number=OTHER, id="e")).then_accepted()


# Amendments ------------------------------------------------------------------------------------------------


def test_the_standing_registration_sent_again_is_an_amendment():
    given(filing("R1")).when(filing("R1")).then_accepted("AMENDMENT", first=0, delay=None)


def test_any_unit_of_its_prefecture_may_amend():
    given(filing("R1", unit=XIHU)).when(filing("R1", unit=GONGSHU)).then_accepted("AMENDMENT", first=0)


def test_whose_prefecture_amends_goes_by_decision_time_when_the_brokers_clock_steps_back():
    before, after = beijing("2015-12-02T23:00:00"), beijing("2015-12-03T00:00:00")
    shou, huainan, luan = "341521510000", "340402510000", "341502510000"
    w = given(filing("R1", unit=shou, at=before), release(at=after))
    w.when(filing("R1", unit=huainan, at=before, gate=None)).then_accepted(
        "AMENDMENT", "IMPOSSIBLE_YEAR", first=0
    )
    w.when(filing("R1", unit=luan, at=before)).then_refused("USED", "CONTESTED", first=0)


def test_from_elsewhere_the_same_registration_is_refused_and_contests():
    w = given(filing("R1", unit=XIHU))
    w.when(filing("R1", unit=NINGBO)).then_refused("USED", "CONTESTED", first=0)
    assert w.state().contested


def test_an_amendment_by_another_unit_does_not_move_the_registration():
    w = given(filing("R1", unit=XIHU), filing("R1", unit=GONGSHU))
    assert w.state().stands().unit_code == XIHU


def test_a_unit_of_an_unknown_division_amends_its_own_registrations():
    unit = "990106520000"
    given(filing(unit=unit)).when(filing(unit=unit)).then_accepted("AMENDMENT", first=0)
    given(filing(unit=unit)).when(filing(unit="990107520000")).then_refused("USED", "CONTESTED", first=0)


def test_doubts_are_judged_anew_by_an_amendment():
    w = given(filing("R1", follows="NONE"))
    w.when(filing("R1")).then_accepted("AMENDMENT", first=0)
    w.when(filing("R1", follows="NONE")).then_accepted("AMENDMENT", first=0, doubts="FOLLOWS_NEITHER")


def test_an_amendment_goes_before_blacklist_void_and_succession():
    w = given(filing("R1"), blacklist(), void())
    w.when(filing("R1")).then_accepted("AMENDMENT", first=0)
    w = given(filing("R1"), filing("R2", OTHER), void(OTHER, by=NUMBER))
    w.when(filing("R1")).then_accepted("AMENDMENT", "SUCCESSION", first=0)


def test_an_amendment_is_not_asked_for_a_gate():
    given(filing("R1")).when(filing("R1", gate=None)).then_accepted("AMENDMENT", first=0)


def test_an_amendment_goes_after_number_and_exemption():
    old = {"number": "330123456", "birth_date": day("2000-12-31"), "over_six": PROOFS}
    w = given(filing("R1", **old))
    w.when(filing("R1", **old)).then_accepted("AMENDMENT", first=0)
    w.when(filing("R1", **old | {"birth_date": day("2001-01-01")})).then_refused("MALFORMED_NUMBER")


def test_an_exempt_registration_is_amended_under_its_own_key():
    said = {"number": None, "exemption": "BORN_ABROAD"}
    w = given(filing("R1", **said))
    w.when(filing("R1", **said, follows="NONE")).then_accepted("AMENDMENT", first=0, doubts="FOLLOWS_NEITHER")
    w.when(filing("R1", unit=NINGBO, **said)).then_refused("USED", "CONTESTED", first=0)


def test_a_registration_refused_before_is_not_amended_but_filed():
    w = given(blacklist(), filing("R1", registered=0))
    w.when(filing("R1", registered=0)).then_refused("BLACKLISTED", doubts=VOID, first=0)


# Backfill --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["adapter", "prefecture_admin", "province_admin"])
def test_who_may_backfill(role):
    given().when(backfill(roles=("station", role))).then_accepted(delay=None)


@pytest.mark.parametrize("role", ["station", "auditor", "operator", "health_authority", "nobody"])
def test_whoever_may_not_is_judged_as_live_never_refused(role):
    given().when(backfill(roles=(role,))).then_accepted("UNCHECKED", "FILED_LATE", delay=365 * DAY)


def test_backfill_of_a_registration_exactly_30_days_old():
    given().when(backfill(registered=-30 * DAY)).then_accepted(delay=None)
    given().when(backfill(registered=-30 * DAY + 1)).then_accepted(
        "UNCHECKED", "FILED_LATE", delay=30 * DAY - 1
    )


def test_a_date_alone_counts_as_midnight_in_beijing():
    midnight = beijing("2026-06-01T00:00:00")
    said = {"registered": None, "registered_on": day("2026-06-01")}
    given().when(backfill(at=midnight + 30 * DAY, **said)).then_accepted(delay=None)
    given().when(backfill(at=midnight + 30 * DAY - 1, **said)).then_accepted("UNCHECKED", "NOT_TIMEABLE")


def test_backfill_without_any_date_is_judged_as_live():
    given().when(backfill(registered=None)).then_accepted("UNCHECKED", "NOT_TIMEABLE")


def test_live_by_origin_stays_live_whoever_sends_it():
    said = {"roles": ("adapter",), "registered": A_YEAR_AGO}
    given().when(filing(**said)).then_accepted("FILED_LATE", delay=365 * DAY)


def test_backfill_does_not_use_the_timing_up_and_closes_the_obligation():
    w = given(completion("R1"), backfill("R1"))
    w.when(overdue("R1")).then_accepted()
    assert not w.state().stands().timed


def test_backfill_takes_part_in_the_order_of_decisions():
    w = given(backfill("R1"))
    w.when(backfill("R2")).then_refused("USED", "CONTESTED", first=0)
    w.when(backfill("R1")).then_accepted("AMENDMENT", first=0)


def test_backfill_may_meet_another_units_claim():
    given(claim(NINGBO)).when(backfill(at=MINUTE)).then_accepted("CLAIM_CONFLICT")
