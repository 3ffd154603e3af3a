"""Takeovers that stand still before the ledger's end, or before the group's offsets: an open transaction hides what
follows.

Kafka ends another process's transaction in time. One of our own may be open although Kafka counts it as ended: a broker
that comes back from kill -9 takes partitions without a leader for deleted ones, and notes the end without having
written all markers (seen with 4.3.1; docs/adr/0023). The producer's next marker ends it (`LedgerWriter.sweep`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from natalog import metrics
from natalog.registrar.partition import Partition

log = logging.getLogger(__name__)

HIDDEN = 3.0
"""Seconds a takeover may stand still until our own transactional id is looked to."""
HANGING = 60.0
"""Seconds until it is for people: Kafka ends a dead process's transaction within twenty."""


@dataclass(slots=True)
class _Still:
    offset: int
    since: float
    swept: bool = False


class HiddenEnds:
    """Remembers since when each takeover has not moved."""

    def __init__(self) -> None:
        self._still: dict[int, _Still] = {}

    def look(self, taking_over: Iterable[Partition], now: float) -> list[Partition]:
        """Of the partitions being taken over those where to sweep. `now` is time.monotonic()."""
        before, self._still = self._still, {}
        found: list[Partition] = []
        for partition in taking_over:
            offset = partition.fold.head.offset
            still = before.get(partition.number)
            if still is None or still.offset != offset:
                still = _Still(offset, now)
            self._still[partition.number] = still
            if not still.swept and now - still.since >= HIDDEN:
                still.swept = True
                found.append(partition)
            elif now - still.since >= HANGING:
                still.since = now  # to be said again after as long
                log.error(
                    "takeover waits for a transaction that does not end",
                    extra={"partition": partition.number, "offset": offset, "see": "docs/operating.md"},
                )
        if found:
            log.warning(
                "an open transaction hides the ledger's end", extra={"partitions": [p.number for p in found]}
            )
            metrics.REGISTRAR_SWEPT.inc(len(found))
        return found
