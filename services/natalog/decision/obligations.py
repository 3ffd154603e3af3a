"""Completions (办结回执) open the 30-minute obligation; FilingOverdue says that nobody met it."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import bounded
from natalog.decision.commands import Completion, FilingOverdue
from natalog.decision.rules import RuleSet
from natalog.decision.state import NumberState, Registration
from natalog.decision.verdict import Decision, accepted, refused


def decide_completion(completion: Completion, rules: RuleSet) -> Decision:
    """Always accepted on a well-formed number. Without one it needs a code of the exemption table, no conditions.

    What is wrong with the number is said now, while the family is still at the desk.
    """
    number = completion.number
    if number is not None and number != "":
        return accepted() if completion.numbered else refused(codes.MALFORMED_NUMBER)
    exemption = completion.exemption
    if exemption is None or exemption == "":
        return refused(codes.MISSING_NUMBER)
    if exemption not in rules.exemptions:
        return refused(codes.UNKNOWN_EXEMPTION)
    return accepted()


def apply_completion(
    state: NumberState, completion: Completion, decision: Decision, seq: i64, received_at: i64
) -> None:
    """`state` after the completion: an obligation is open, unless the filing came first."""
    if decision.verdict != codes.ACCEPTED:
        return
    known = state.registration(completion.registration_id)
    if known is None:
        known = Registration(completion.registration_id, completion.unit_code)
        state.registrations = (*state.registrations, known)
    if known.completed_seq < 0 or known.withdrawn:
        if state.stands() is not known:
            known.unit_code = completion.unit_code  # a refused filing from elsewhere may have come before
        known.completed_at = _completed_at(state, received_at)
        known.completed_seq = seq
        known.withdrawn = False
    if not known.filed and known.due_from < 0:
        known.due_from = max(0, min(bounded(completion.registered_at), received_at))


def due_at(due_from: i64, rules: RuleSet) -> i64:
    """When the filing of an obligation open since `due_from` (`Registration.due_from`) is due, UTC ms."""
    return due_from + rules.sla_ms


def _completed_at(state: NumberState, received_at: i64) -> i64:
    """When it was received; its decision time where the broker's clock stepped back past a listing that binds."""
    if received_at < state.last_at:
        if state.void is not None and received_at < state.void.binds_from <= state.last_at:
            return state.last_at
        for listed in state.listings:
            if received_at < listed.binds_from <= state.last_at:
                return state.last_at
    return received_at


def decide_overdue(state: NumberState, overdue: FilingOverdue) -> Decision:
    """Accepted always; flagged while the obligation is open."""
    known = state.registration(overdue.registration_id)
    return accepted(codes.OVERDUE if known is not None and known.due_from >= 0 else 0)
