"""Tells transaction markers at the end of MARKED_TOPIC from records that wait there, so that they may expire.

A Succession is followed by its transaction's marker. It takes an offset, and nothing on the ledger says that no record
stands there. When retention has emptied such a log, it begins beyond the next offset to decide, as it would if a record
had expired undecided. So while the log is still there its end is read once, and what is found to hold no record is
committed for the group (`LedgerWriter.vouch`): a later takeover then knows that nothing was lost (`takeover.passed`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from natalog.kafka.offsets import Place
from natalog.ledger.probe import Probe
from natalog.registrar.partition import Partition, Phase
from natalog.wire.topics import MARKED, MARKED_TOPIC

log = logging.getLogger(__name__)

QUIET = 5.0
"""Seconds without progress or growth after which the end is read: a third of the time until an intake counts as stalled
(partition.STALL), so that markers are not taken for records that wait."""


@dataclass(slots=True)
class _Wait:
    """Offsets that seem to wait, and since when (time.monotonic()) just these."""

    resume: int
    end: int
    since: float


class Markers:
    """Reads where something seems to wait for long. `probe` reads MARKED_TOPIC."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._waits: dict[int, _Wait] = {}

    def look(self, deciding: Iterable[Partition], ends: Mapping[Place, int], now: float) -> None:
        """Begin to read where a log has for long ended beyond the next offset to decide. `now`: time.monotonic()."""
        for partition in deciding:
            number, resume = partition.number, partition.resume[MARKED]
            end = ends.get((MARKED_TOPIC, number), 0)
            wait = self._waits.get(number)
            if wait is None or (wait.resume, wait.end) != (resume, end):
                self._probe.forget(number)
                self._waits[number] = _Wait(resume, end, now)
            elif resume < end and now - wait.since >= QUIET and number not in self._probe.asked:
                wait.since = now  # again after as long, should records be found that wait
                self._probe.ask(number, resume)

    def read(self, partitions: Sequence[Partition]) -> None:
        """Let partitions pass what was read and held no record. Waits for nothing."""
        for answer in self._probe.answers():
            if answer.holds_records or answer.end == answer.first:
                continue
            partition = partitions[answer.partition]
            # Nothing stands between: what comes later lies beyond. And what lies before must still count as decided,
            # which it does not where the ledger lost its end meanwhile.
            if partition.phase is Phase.DECIDING and answer.first <= partition.resume[MARKED]:
                partition.passed = max(partition.passed, answer.end)
                log.info(
                    "transaction markers passed",
                    extra={
                        "partition": partition.number,
                        "first_offset": answer.first,
                        "count": answer.end - answer.first,
                    },
                )
