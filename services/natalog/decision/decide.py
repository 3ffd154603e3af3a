"""decide and evolve: the two pure functions everything stands on.

`decide(state, command, received_at, rules)` says what one record means for one number; `evolve(state, …)` is the
state after the entry. Decision time is max(received_at, the number's last decision time), since the broker's
clock can step back; delays use `received_at` as it is. Precedence (DESIGN section 6): repeat or reuse of an
event id, number and exemption, amendment, blacklist, void, use, succession, claim.
"""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.blacklist import apply_blacklist, decide_blacklist
from natalog.decision.calendar import broker_time
from natalog.decision.claims import apply_claim, apply_release, decide_claim, decide_release
from natalog.decision.commands import (
    BlacklistChange,
    Claim,
    Command,
    Completion,
    Filing,
    FilingOverdue,
    Invalidation,
    Release,
    Succession,
    Withdrawal,
)
from natalog.decision.filings import apply_filing, decide_filing
from natalog.decision.obligations import apply_completion, decide_completion, decide_overdue
from natalog.decision.packing import pack, unpack
from natalog.decision.rules import RuleSet
from natalog.decision.state import NumberState, find_seen, seen_before, seen_record, seen_seq
from natalog.decision.successions import apply_succession, decide_succession
from natalog.decision.verdict import Decision, refused
from natalog.decision.voids import apply_invalidation, decide_invalidation
from natalog.decision.withdrawals import apply_withdrawal, decide_withdrawal


def decide(state: NumberState, command: Command, received_at: i64, rules: RuleSet) -> Decision:
    """Decides `command`, received at `received_at` (UTC ms), on `state`. Total: every record gets a decision.

    A flag or doubt that came later than the rule set is not raised under it.
    """
    decision = _decide(state, command, broker_time(received_at), rules)
    decision.flags &= rules.flag_mask
    decision.doubts &= rules.doubt_mask
    return decision


def _decide(state: NumberState, command: Command, received_at: i64, rules: RuleSet) -> Decision:
    reused: i64 = -1
    seen: i64 = find_seen(state.seen, command.event_id, 0)
    if seen >= 0:
        first: i64 = seen_before(state.seen, command.event_id, command.content)
        if first >= 0:
            return Decision(codes.REPEATED, 0, 0, first)
        reused = seen_seq(state.seen, seen)
    at: i64 = received_at if received_at > state.last_at else state.last_at
    if isinstance(command, Filing):
        return decide_filing(state, command, reused, received_at, at, rules)
    if reused >= 0:
        return refused(codes.EVENT_ID_REUSED, 0, reused)
    if isinstance(command, Completion):
        return decide_completion(command, rules)
    if isinstance(command, Withdrawal):
        return decide_withdrawal(state, command, at, rules)
    if isinstance(command, FilingOverdue):
        return decide_overdue(state, command)
    number = command.number
    if number is None or number == "":
        return refused(codes.MISSING_NUMBER)
    if not command.numbered:
        return refused(codes.MALFORMED_NUMBER)
    if isinstance(command, Claim):
        return decide_claim(state, command, number, at, rules)
    if isinstance(command, Release):
        return decide_release()
    if isinstance(command, BlacklistChange):
        return decide_blacklist(state, command, at, rules)
    if isinstance(command, Invalidation):
        return decide_invalidation(state, command, at, rules)
    if isinstance(command, Succession):
        return decide_succession(state, command)
    raise TypeError(f"no rule decides a {type(command).__name__}")


def apply(state: NumberState, command: Command, decision: Decision, seq: i64, received_at: i64) -> None:
    """Turns `state` into the state after the entry `seq`. In place, for the loop that owns the state."""
    if decision.verdict == codes.REPEATED:
        return
    received_at = broker_time(received_at)
    if received_at > state.last_at:
        state.last_at = received_at
    state.seen += seen_record(command.event_id, command.content, seq)
    if isinstance(command, Filing):
        apply_filing(state, command, decision, seq)
    elif decision.reason == codes.EVENT_ID_REUSED:
        return
    elif isinstance(command, Claim):
        apply_claim(state, command, decision, seq, received_at)
    elif isinstance(command, Release):
        apply_release(state, command)
    elif isinstance(command, Completion):
        apply_completion(state, command, decision, seq, received_at)
    elif isinstance(command, Withdrawal):
        apply_withdrawal(state, command, decision)
    elif isinstance(command, BlacklistChange):
        apply_blacklist(state, command, decision, seq, received_at)
    elif isinstance(command, Invalidation):
        apply_invalidation(state, command, decision, seq, received_at)
    elif isinstance(command, Succession):
        apply_succession(state, command, decision, seq)


def evolve(
    state: NumberState, command: Command, decision: Decision, seq: i64, received_at: i64
) -> NumberState:
    """The state after the entry `seq`; `state` stays as it was."""
    after = unpack(pack(state))
    apply(after, command, decision, seq, received_at)
    return after
