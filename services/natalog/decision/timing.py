"""The 30 minutes (notice, section 三.二): how long after a registration its filing came."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision import codes
from natalog.decision.calendar import bounded
from natalog.decision.commands import Filing
from natalog.decision.rules import RuleSet
from natalog.decision.state import NumberState
from natalog.decision.verdict import Decision


def time_filing(
    state: NumberState, filing: Filing, received_at: i64, rules: RuleSet, decision: Decision
) -> None:
    """Sets `delay_ms` and the timing flags, once per registration: at its first live filing, whatever its verdict.

    The delay counts from `registered_at`; where that lies in the future beyond the skew, from what the ledger
    itself saw first: the registration's completion, else the unit's own claim, else it is 0.
    """
    known = state.registration(filing.registration_id)
    if filing.corrects is not None or (known is not None and known.timed):
        return
    if filing.registered_at is None:
        decision.flags |= codes.NOT_TIMEABLE
        return
    registered: i64 = bounded(filing.registered_at)
    own = state.own_claim(filing.unit_code)
    since: i64 = registered
    if registered > received_at + rules.skew_ms:
        decision.flags |= codes.CLOCK_SKEW
        since = received_at
        if known is not None and known.completed_seq >= 0:
            since = known.completed_at
        elif own is not None:
            since = own.granted_at
    elif own is not None and registered < own.granted_at - rules.skew_ms:
        decision.flags |= codes.BACKDATED
    delay: i64 = received_at - since
    decision.delay_ms = delay if delay > 0 else 0
    if decision.delay_ms > rules.sla_ms:
        decision.flags |= codes.FILED_LATE


def was_timed(decision: Decision) -> bool:
    """Whether a decision used up its registration's timing."""
    return decision.delay_ms >= 0 or decision.flags & codes.NOT_TIMEABLE != 0
