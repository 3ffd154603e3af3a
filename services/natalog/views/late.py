"""Whose fault a late filing was, for the counters: the projection's own rule on the entry as it was handed on."""

from __future__ import annotations

from natalog.decision.rules import RuleSets
from natalog.events import Filing
from natalog.views.lateness import CAUSES, lateness_cause
from natalog.views.projector import Committed
from natalog.wire.codec import decode


def cause_of(known: RuleSets, late: Committed) -> str:
    """One of `ledger_metrics.CAUSES`. `late` is a Filing's entry with FILED_LATE, decided under one of `known`."""
    filing = decode(late.entry.input)
    assert isinstance(filing, Filing)
    return CAUSES[
        lateness_cause(
            late.entry.flags,
            filing.registered_at,
            filing.captured_at,
            filing.attempted_at,
            late.entry.received_at,
            late.silent_from,
            late.silent_to,
            known.get(late.entry.rules),
        )
    ]
