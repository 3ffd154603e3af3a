"""What an audit found, with the exact place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong. The texts in `MEANING` say what to make of it."""

    VOID = "VOID"
    CHAIN = "CHAIN"
    ORDER = "ORDER"
    SHORTENED = "SHORTENED"
    STALLED = "STALLED"
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    UNKNOWN_RULES = "UNKNOWN_RULES"
    UNDECIDED = "UNDECIDED"
    HOLE = "HOLE"
    CAUSE_MISSING = "CAUSE_MISSING"
    CAUSE_UNKNOWN = "CAUSE_UNKNOWN"
    INTAKE = "INTAKE"
    DECISION = "DECISION"
    DECISION_FAILED = "DECISION_FAILED"
    ONE_STANDS = "ONE_STANDS"
    ONE_ENTRY = "ONE_ENTRY"
    SUCCESSION_UNSENT = "SUCCESSION_UNSENT"
    SUCCESSION_DIFFERS = "SUCCESSION_DIFFERS"
    SUCCESSION_FORGED = "SUCCESSION_FORGED"


MEANING = {
    Kind.VOID: "a record that does not extend the chain; every reader skips it; somebody else wrote it",
    Kind.CHAIN: "the chain breaks here: an entry was altered, removed or put in (I4)",
    Kind.ORDER: "an entry stands before the one it follows",
    Kind.SHORTENED: "the beginning of the ledger is gone",
    Kind.STALLED: "an open transaction hides the rest; run again when it has ended",
    Kind.UNKNOWN_FORMAT: "written by a build that knows more; audit with that build",
    Kind.UNKNOWN_RULES: "decided under a rule set that is not known here; pass its file with --rules",
    Kind.UNDECIDED: "records that came in and have no entry yet: is the registrar there, is the partition halted?",
    Kind.HOLE: "offsets of the intake without a record: a foreign transaction was aborted, or the log was altered",
    Kind.CAUSE_MISSING: "intake records without an entry (rule 1)",
    Kind.CAUSE_UNKNOWN: "an entry whose intake record does not exist",
    Kind.INTAKE: "the entry does not hold what came in",
    Kind.DECISION: "decided again, the entry comes out otherwise (I3)",
    Kind.DECISION_FAILED: "this build cannot decide the input again",
    Kind.ONE_STANDS: "a number has, or had, two registrations, or was freed without two people (I1)",
    Kind.ONE_ENTRY: "one submission was decided twice (I2)",
    Kind.SUCCESSION_UNSENT: "an entry calls for a Succession that never came in",
    Kind.SUCCESSION_DIFFERS: "a Succession came in otherwise than the entry that calls for it demands",
    Kind.SUCCESSION_FORGED: "a Succession that no entry calls for",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `seq` is None where the place has no entry; `offset` is the ledger's.

    `field` is the entry's, dotted inside its input; `expected` and `found` are texts, without personal data.
    """

    kind: Kind
    partition: int
    seq: int | None
    offset: int | None
    field: str
    expected: str
    found: str
    detail: str = ""


@dataclass(slots=True)
class Findings:
    """Collects findings: all are counted, the first `limit` kept."""

    limit: int
    kept: list[Finding] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.counts.total()

    def add(self, finding: Finding) -> None:
        self.counts[finding.kind] += 1
        if len(self.kept) < self.limit:
            self.kept.append(finding)
