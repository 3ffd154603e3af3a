"""Withdrawals (撤销登记): one person asks, another approves, and only then is a number free again."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import beijing_day
from natalog.decision.commands import APPROVE, REQUEST, Withdrawal
from natalog.decision.divisions import contains, prefecture_of, same_prefecture
from natalog.decision.rules import RuleSet
from natalog.decision.state import WITHDRAWAL, Approval, NumberState, Request
from natalog.decision.verdict import Decision, accepted, refused


def entitled(org: str, unit_code: str, at: i64, rules: RuleSet) -> bool:
    """Whether `org` belongs to the prefecture of `unit_code`, or is its province."""
    day: i64 = beijing_day(at)
    if prefecture_of(org, day, rules.divisions) != "":
        return same_prefecture(org, unit_code, day, rules.divisions)
    return contains(org, unit_code, day, rules.divisions)


def decide_withdrawal(state: NumberState, withdrawal: Withdrawal, at: i64, rules: RuleSet) -> Decision:
    number = withdrawal.number
    if number is not None and number != "" and not withdrawal.numbered:
        return refused(codes.MALFORMED_NUMBER)  # its key is the exempt registration's, which it does not mean
    standing = state.stands()
    stands = standing is not None and standing.registration_id == withdrawal.registration_id
    known = state.registration(withdrawal.registration_id)
    about = WITHDRAWAL + withdrawal.registration_id
    if (
        known is not None
        and withdrawal.action == APPROVE
        and state.was_approved(withdrawal.request_id, about)
    ):
        return (
            accepted() if entitled(withdrawal.org, known.unit_code, at, rules) else refused(codes.NOT_OWNER)
        )
    pending = known is not None and known.completed_seq >= 0 and not known.withdrawn
    if known is None or not (stands or (pending and withdrawal.action == REQUEST)):
        return refused(codes.UNKNOWN_REGISTRATION)
    if not entitled(withdrawal.org, known.unit_code, at, rules):
        return refused(codes.NOT_OWNER)
    first: i64 = state.standing_seq if stands else -1
    if withdrawal.action == REQUEST:
        return accepted(0, first)
    request = state.request(withdrawal.request_id, about)
    if request is None or request.sub == withdrawal.sub:
        return refused(codes.NEEDS_SECOND_PERSON)
    return accepted(0, first)


def apply_withdrawal(state: NumberState, withdrawal: Withdrawal, decision: Decision) -> None:
    """`state` after the withdrawal. A request about a completion alone takes effect at once."""
    if decision.verdict != codes.ACCEPTED:
        return
    about = WITHDRAWAL + withdrawal.registration_id
    known = state.registration(withdrawal.registration_id)
    if known is None:
        return
    if withdrawal.action == REQUEST:
        if decision.first >= 0:
            state.requests = (*state.requests, Request(withdrawal.event_id, withdrawal.sub, about))
        else:
            known.withdrawn = True
            known.due_from = -1
        return
    if decision.first < 0 or withdrawal.request_id is None:
        return
    state.approvals = (*state.approvals, Approval(withdrawal.request_id, about))
    state.requests = tuple([request for request in state.requests if request.about != about])
    state.standing = -1
    state.standing_seq = -1
    state.withdrawn = True
    known.withdrawn = True
    known.due_from = -1
