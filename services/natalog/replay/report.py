"""What an audit says in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from natalog.replay.finding import Finding, Findings
from natalog.replay.undecided import Waiting


@dataclass(slots=True)
class PartitionReport:
    """One partition. `seq` is the last valid entry's, -1 before the first; `hash` its SHA-256, in hex."""

    partition: int
    entries: int = 0
    seq: int = -1
    hash: str = ""
    void: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "partition": self.partition,
            "entries": self.entries,
            "seq": self.seq,
            "hash": self.hash,
            "void": self.void,
            "verdicts": dict(self.verdicts),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What is counted beside the findings is no fault: it says how far an audit could look (see docs/replay.md)."""

    partitions: list[PartitionReport]
    findings: Findings
    expired: int
    shape_only: int
    pending_successions: int
    unchecked_successions: int
    undecided: list[Waiting]
    seconds: float

    @property
    def ok(self) -> bool:
        return self.findings.total == 0

    @property
    def entries(self) -> int:
        return sum(p.entries for p in self.partitions)

    @property
    def rate(self) -> float:
        """Entries a second."""
        return self.entries / self.seconds if self.seconds else 0.0

    @property
    def verdicts(self) -> Counter[str]:
        return sum((p.verdicts for p in self.partitions), Counter())

    @property
    def found(self) -> list[Finding]:
        """The findings that were kept."""
        return self.findings.kept

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ok": self.ok,
            "entries": self.entries,
            "seconds": round(self.seconds, 3),
            "entries_per_second": round(self.rate),
            "verdicts": dict(self.verdicts),
            "partitions": [p.to_json() for p in self.partitions],
            "expired": self.expired,
            "shape_only": self.shape_only,
            "pending_successions": self.pending_successions,
            "unchecked_successions": self.unchecked_successions,
            "undecided": [w.to_json() for w in self.undecided],
            "findings_total": self.findings.total,
            "findings_by_kind": {kind.value: count for kind, count in self.findings.counts.items()},
            "findings": [asdict(f) for f in self.found],
        }
