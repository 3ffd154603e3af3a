"""What a decision says."""

from __future__ import annotations

from mypy_extensions import i64

from natalog.decision.codes import ACCEPTED, REFUSED


class Decision:
    """One decision. `reason` and `verdict` index the tables of codes.py; flags and doubts are bit masks.

    `first` is the seq of the entry referred to, `delay_ms` the filing's delay, `claim_expires_at` UTC
    milliseconds; −1 where there is none.
    """

    def __init__(self, verdict: i64, reason: i64 = 0, flags: i64 = 0, first: i64 = -1) -> None:
        self.verdict: i64 = verdict
        self.reason: i64 = reason
        self.flags: i64 = flags
        self.first: i64 = first
        self.doubts: i64 = 0
        self.delay_ms: i64 = -1
        self.claim_expires_at: i64 = -1


def accepted(flags: i64 = 0, first: i64 = -1) -> Decision:
    return Decision(ACCEPTED, 0, flags, first)


def refused(reason: i64, flags: i64 = 0, first: i64 = -1) -> Decision:
    return Decision(REFUSED, reason, flags, first)
