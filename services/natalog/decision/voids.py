"""Invalidations (作废, 恢复) by the issuing health authority."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import beijing_day
from natalog.decision.commands import VOID, Invalidation
from natalog.decision.divisions import contains
from natalog.decision.listings import stated_listing
from natalog.decision.numbers import is_wellformed, normalise
from natalog.decision.rules import RuleSet
from natalog.decision.state import NumberState
from natalog.decision.verdict import Decision, accepted, refused


def decide_invalidation(state: NumberState, change: Invalidation, at: i64, rules: RuleSet) -> Decision:
    """Void is void: a second one changes nothing, but its issuer may add `replaced_by` once.

    Another issuer's `replaced_by` is refused, since taking it in silence would leave the spare unguarded.
    """
    if not contains(change.org, change.issuer, beijing_day(at), rules.divisions):
        return refused(codes.NOT_OWNER)
    void = state.void
    if change.action == VOID:
        if void is None:
            if state.standing >= 0:
                return accepted(codes.INVALIDATED_AFTER_USE, state.standing_seq)
            return accepted()
        if void.owner != change.issuer and replacement(change) != "":
            return refused(codes.NOT_OWNER, 0, void.seq)
        return accepted()
    if void is None:
        return refused(codes.NOT_LISTED)
    if void.owner != change.issuer:
        return refused(codes.NOT_OWNER, 0, void.seq)
    return accepted(0, void.seq)


def apply_invalidation(
    state: NumberState, change: Invalidation, decision: Decision, seq: i64, received_at: i64
) -> None:
    if decision.verdict != codes.ACCEPTED:
        return
    void = state.void
    if change.action != VOID:
        state.void = None
    elif void is None:
        state.void = stated_listing(change.issuer, change.effective_at, seq, received_at, replacement(change))
    elif void.owner == change.issuer and void.replaced_by == "":
        void.replaced_by = replacement(change)


def replacement(change: Invalidation) -> str:
    """The well-formed number issued in its place, never itself; "" when there is none."""
    given = change.replaced_by
    if given is None:
        return ""
    number = normalise(given)
    return number if is_wellformed(number) and number != change.number else ""
