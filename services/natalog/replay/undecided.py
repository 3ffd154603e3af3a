"""Records of the intake that no entry has decided yet (rule 1): counted, and a fault where they waited too long."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from natalog.replay.finding import Finding, Findings, Kind
from natalog.replay.source import Record
from natalog.wire.topics import INTAKE_TOPICS

PATIENCE_MS = 600_000
"""How long a live record may wait: a registrar that restarts or takes over is back long before."""
_PATIENT = INTAKE_TOPICS.index("birth.backfill")
"""Decided whenever nothing live waits, which may take hours."""


@dataclass(slots=True)
class Waiting:
    """Undecided records of one log: how many, from which offset, the oldest one's broker time (UTC ms)."""

    topic: str
    partition: int
    records: int
    offset: int
    since: int

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


class Undecided:
    """Collects them, a log after the other; `settle` judges."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], Waiting] = {}

    @property
    def waiting(self) -> list[Waiting]:
        """What waits, by log."""
        return list(self._waiting.values())

    def add(self, topic: int, partition: int, record: Record) -> None:
        """The next record of a log behind the last cause."""
        known = self._waiting.get((topic, partition))
        if known is None:
            known = Waiting(INTAKE_TOPICS[topic], partition, 0, record.offset, record.timestamp)
            self._waiting[topic, partition] = known
        known.records += 1
        known.since = min(known.since, record.timestamp)

    def settle(self, findings: Findings, now: int) -> None:
        """Tell of live records that have waited too long at `now`, UTC milliseconds."""
        for (topic, partition), one in self._waiting.items():
            if topic != _PATIENT and now - one.since > PATIENCE_MS:
                since = datetime.fromtimestamp(one.since / 1000, UTC).isoformat(timespec="seconds")
                found = f"{one.records:,} records of {one.topic} from offset {one.offset}, since {since}"
                wanted = f"an entry for each within {PATIENCE_MS // 60_000} minutes"
                findings.add(Finding(Kind.UNDECIDED, partition, None, None, "", wanted, found))
