"""Claims and releases (占用, 释放): the short reservation of a number while a desk registers the child."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.commands import Claim, Release
from natalog.decision.listings import binding_listing, binding_void
from natalog.decision.numbers import PROVINCES, province
from natalog.decision.rules import RuleSet
from natalog.decision.state import OPEN, RELEASED, Held, NumberState
from natalog.decision.verdict import Decision, accepted, refused


def decide_claim(state: NumberState, claim: Claim, number: str, at: i64, rules: RuleSet) -> Decision:
    """The first claim wins against other claims; a unit's second claim renews its own."""
    flags: i64 = 0
    if province(number) not in PROVINCES:
        flags |= codes.PREFIX_WARNING
    inherited = state.inherited()
    if inherited is not None:
        flags |= codes.SUCCESSION
    listed = binding_listing(state, at)
    if listed is not None:
        return refused(codes.BLACKLISTED, flags, listed.seq)
    void = binding_void(state, at)
    if void is not None:
        return refused(codes.INVALIDATED, flags, void.seq)
    if state.standing >= 0:
        return refused(codes.USED, flags, state.standing_seq)
    if inherited is not None:
        return refused(codes.SUCCEEDS_USED, flags, inherited.seq)
    other = state.foreign_claim(claim.unit_code, at)
    if other is not None:
        return refused(codes.CLAIMED_ELSEWHERE, flags, other.seq)
    decision = accepted(flags)
    decision.claim_expires_at = at + rules.claim_ms
    return decision


def apply_claim(state: NumberState, claim: Claim, decision: Decision, seq: i64, received_at: i64) -> None:
    """`state` after the claim; `state.last_at` is its decision time already."""
    if decision.verdict != codes.ACCEPTED:
        return
    own = state.own_claim(claim.unit_code)
    if own is not None and own.open_at(state.last_at):
        own.expires_at = decision.claim_expires_at
        own.event_ids.append(claim.event_id)
        return
    claimed = Held(claim.unit_code, seq, received_at, decision.claim_expires_at, [claim.event_id])
    state.claims = (*state.claims, claimed)


def decide_release() -> Decision:
    """Always accepted: releasing what one does not hold is no fuss."""
    return accepted()


def apply_release(state: NumberState, release: Release) -> None:
    own = state.own_claim(release.unit_code)
    if own is not None and own.end == OPEN and own.open_at(state.last_at):
        own.end = RELEASED
