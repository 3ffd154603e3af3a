"""Blacklist changes (黑名单变更): each prefecture keeps its own entries; two people take one off."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import beijing_day
from natalog.decision.commands import ADD, APPROVE_REMOVE, REQUEST_REMOVE, BlacklistChange
from natalog.decision.divisions import contains, prefecture_of
from natalog.decision.listings import stated_listing
from natalog.decision.rules import RuleSet
from natalog.decision.state import REMOVAL, Approval, NumberState, Request
from natalog.decision.verdict import Decision, accepted, refused


def decide_blacklist(state: NumberState, change: BlacklistChange, at: i64, rules: RuleSet) -> Decision:
    day: i64 = beijing_day(at)
    listed = state.listing(change.owner)
    # A prefecture that was merged into another lists no more; what it listed is its heir's to remove.
    if listed is None and prefecture_of(change.owner, day, rules.divisions) != change.owner:
        return refused(codes.NOT_OWNER)
    if not contains(change.org, change.owner, day, rules.divisions):
        return refused(codes.NOT_OWNER)
    if change.action == ADD:
        if listed is None and state.standing >= 0:
            return accepted(codes.LISTED_AFTER_USE, state.standing_seq)
        return accepted()
    if change.action == APPROVE_REMOVE and state.was_approved(change.request_id, REMOVAL + change.owner):
        return accepted()
    if listed is None:
        return refused(codes.NOT_LISTED)
    if change.action == REQUEST_REMOVE:
        return accepted(0, listed.seq)
    request = state.request(change.request_id, REMOVAL + change.owner)
    if request is None or request.sub == change.sub:
        return refused(codes.NEEDS_SECOND_PERSON)
    return accepted(0, listed.seq)


def apply_blacklist(
    state: NumberState, change: BlacklistChange, decision: Decision, seq: i64, received_at: i64
) -> None:
    if decision.verdict != codes.ACCEPTED:
        return
    listed = state.listing(change.owner)
    if change.action == ADD:
        if listed is None:
            listed = stated_listing(change.owner, change.effective_at, seq, received_at, "")
            state.listings = (*state.listings, listed)
        return
    about = REMOVAL + change.owner
    if change.action == REQUEST_REMOVE:
        state.requests = (*state.requests, Request(change.event_id, change.sub, about))
    elif change.request_id is not None and not state.was_approved(change.request_id, about):
        state.approvals = (*state.approvals, Approval(change.request_id, about))
        state.requests = tuple([request for request in state.requests if request.about != about])
        state.listings = tuple([kept for kept in state.listings if kept.owner != change.owner])
