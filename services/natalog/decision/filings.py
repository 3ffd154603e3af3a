"""Filings (备案): the first one takes the number; what is refused still counts against time and doubt."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import DAY_1996, DAY_2001, DAY_MS, beijing_day, bounded_day, civil
from natalog.decision.commands import ROLE_BITS, Filing
from natalog.decision.divisions import same_prefecture
from natalog.decision.doubts import doubts_of
from natalog.decision.listings import (
    UNKNOWN,
    binding_void,
    claims_earlier,
    excuse,
    registered_ms,
)
from natalog.decision.numbers import PROVINCES, print_year, province
from natalog.decision.rules import RuleSet
from natalog.decision.state import ENDED, OPEN, NumberState, Registration
from natalog.decision.timing import time_filing, was_timed
from natalog.decision.verdict import Decision, accepted, refused

BACKFILL_AGE_MS: Final = 30 * DAY_MS
_MAY_BACKFILL: Final = ROLE_BITS["adapter"] | ROLE_BITS["prefecture_admin"] | ROLE_BITS["province_admin"]


def decide_filing(
    state: NumberState, filing: Filing, reused: i64, received_at: i64, at: i64, rules: RuleSet
) -> Decision:
    """Decides one filing. `reused` is the seq of another record with its event id, −1 if there is none."""
    backfill = is_backfill(filing, received_at)
    number = filing.number
    numbered = filing.numbered
    standing = state.stands()
    same = standing is not None and standing.registration_id == filing.registration_id
    amends = False
    if reused >= 0:
        decision = refused(codes.EVENT_ID_REUSED, 0, reused)
    else:
        reason: i64 = number_fault(filing, numbered, rules)
        if reason != 0:
            decision = refused(reason)
        elif (
            same
            and standing is not None
            and same_prefecture(standing.unit_code, filing.unit_code, beijing_day(at), rules.divisions)
        ):
            amends = True
            decision = accepted(codes.AMENDMENT, state.standing_seq)
        else:
            decision = _take(state, filing, backfill, at)
    if state.withdrawn:
        decision.flags |= codes.WITHDRAWN_BEFORE
    if not amends:
        _gate(state, filing, decision, numbered and not backfill, at)
        if not backfill:
            time_filing(state, filing, received_at, rules, decision)
    if decision.verdict == codes.REFUSED:
        if standing is not None and (not same or decision.reason == codes.USED):
            decision.flags |= codes.CONTESTED
        if decision.reason in (codes.BLACKLISTED, codes.INVALIDATED, codes.SUCCEEDS_USED):
            decision.doubts = codes.VOID_CERTIFICATE
        return decision
    if numbered and number is not None:
        _look_at_number(state, filing, number, received_at, decision)
        if not amends and state.foreign_claim(filing.unit_code, at) is not None:
            decision.flags |= codes.CLAIM_CONFLICT
    decision.doubts = doubts_of(filing, received_at, rules)
    return decision


def is_backfill(filing: Filing, received_at: i64) -> bool:
    """Whether it is judged as 补报: sent as such by who may, of a registration at least 30 days old."""
    if not filing.backfill or filing.roles & _MAY_BACKFILL == 0:
        return False
    registered: i64 = registered_ms(filing)
    return registered != UNKNOWN and registered <= received_at - BACKFILL_AGE_MS


def number_fault(filing: Filing, numbered: bool, rules: RuleSet) -> i64:
    """Reason why the number, or the exemption in its place, is not good; 0 when it is.

    A malformed number is a fault even beside an exemption: taking it for exempt would lose track of a paper
    that exists. Nine bare digits are an edition of 1996-1999, good for births up to 2000 only.
    """
    number = filing.number
    if number is not None and number != "":
        if not numbered:
            return codes.MALFORMED_NUMBER
        if len(number) == 9 and (filing.birth_date is None or filing.birth_date >= DAY_2001):
            return codes.MALFORMED_NUMBER
        return 0
    exemption = filing.exemption
    if exemption is None or exemption == "":
        return codes.MISSING_NUMBER
    if exemption not in rules.exemptions:
        return codes.UNKNOWN_EXEMPTION
    if exemption == "BEFORE_1996" and (filing.birth_date is None or filing.birth_date >= DAY_1996):
        return codes.UNKNOWN_EXEMPTION
    if exemption == "CASE_DECIDED" and not filing.case_ref:
        return codes.UNKNOWN_EXEMPTION
    return 0


def _take(state: NumberState, filing: Filing, backfill: bool, at: i64) -> Decision:
    """Whether the filing may take the number: blacklist, void, use, succession, in this order."""
    flags: i64 = 0
    for listed in state.listings:
        if at < listed.binds_from:
            continue
        excused: i64 = excuse(state, filing, listed, backfill, at, codes.LISTED_AFTER_USE)
        if excused == 0:
            return _listed(
                codes.BLACKLISTED, filing, listed.seq, not backfill and claims_earlier(filing, listed)
            )
        flags |= excused
    void = binding_void(state, at)
    if void is not None:
        excused = excuse(state, filing, void, backfill, at, codes.INVALIDATED_AFTER_USE)
        if excused == 0:
            return _listed(codes.INVALIDATED, filing, void.seq, not backfill and claims_earlier(filing, void))
        flags |= excused
    if state.standing >= 0:
        return refused(codes.USED, 0, state.standing_seq)
    for relation in state.relations:
        if relation.registration_id != "" and relation.registration_id != filing.registration_id:
            return refused(codes.SUCCEEDS_USED, 0, relation.seq)
    return accepted(flags)


def _listed(reason: i64, filing: Filing, first: i64, before: bool) -> Decision:
    return refused(reason, codes.REGISTERED_BEFORE_LISTING if before else 0, first)


def _gate(state: NumberState, filing: Filing, decision: Decision, numbered_live: bool, at: i64) -> None:
    """Whether the number was checked before registering (notice, section 三.四)."""
    gate = filing.gate
    if gate is None or gate == "":
        if numbered_live:
            decision.flags |= codes.UNCHECKED
        return
    if len(state.claims) == 0:
        return
    cited = gate.replace("-", "").lower()
    for held in state.claims:
        if held.unit_code == filing.unit_code and held.end == OPEN and at >= held.expires_at:
            for event_id in held.event_ids:
                if event_id.hex() == cited:
                    decision.flags |= codes.CLAIM_EXPIRED
                    return


def _look_at_number(
    state: NumberState, filing: Filing, number: str, received_at: i64, decision: Decision
) -> None:
    """Warnings the number itself gives; never a refusal."""
    if province(number) not in PROVINCES:
        decision.flags |= codes.PREFIX_WARNING
    printed: i64 = print_year(number)
    if printed != 0:
        day: i64
        if filing.registered_at is None and filing.registered_on is not None:
            day = bounded_day(filing.registered_on)
        else:
            registered: i64 = registered_ms(filing)
            day = beijing_day(received_at if registered == UNKNOWN else registered)
        if printed > civil(day)[0]:
            decision.flags |= codes.IMPOSSIBLE_YEAR
    if state.inherited() is not None:
        decision.flags |= codes.SUCCESSION


def apply_filing(state: NumberState, filing: Filing, decision: Decision, seq: i64) -> None:
    """`state` after the filing."""
    known = state.registration(filing.registration_id)
    if known is None:
        known = Registration(filing.registration_id, filing.unit_code)
        state.registrations = (*state.registrations, known)
    known.filed = True
    known.due_from = -1
    if was_timed(decision):
        known.timed = True
    if decision.flags & codes.CONTESTED:
        state.contested = True
    if decision.verdict != codes.ACCEPTED or decision.flags & codes.AMENDMENT:
        return
    known.unit_code = filing.unit_code
    state.standing = state.registrations.index(known)
    state.standing_seq = seq
    for held in state.claims:
        if held.open_at(state.last_at):
            held.end = ENDED
