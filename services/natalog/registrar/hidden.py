"""Takeovers that stand still before the ledger's end, or before the group's offsets: an open transaction hides what
follows.

Kafka ends another process's transaction in time. One of our own may be open although Kafka counts it as ended: a broker
that comes back from kill -9 takes partitions without a leader for deleted ones, and notes the end without having
written all markers (seen with 4.3.1; docs/adr/0023). The producer's next marker ends it (`LedgerWriter.sweep`).
"""

from __future__ import annotations

import logging

from natalog import metrics
from natalog.registrar.partition import Partition

log = logging.getLogger(__name__)

HIDDEN = 3.0
"""Seconds takeovers may stand still until our own transactional id is looked to."""
HANGING = 60.0
"""Seconds until it is for people: Kafka ends a dead process's transaction within twenty."""


class HiddenEnds:
    """Remembers since when no takeover has moved: while one still folds, the others wait for it and not for Kafka."""

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}
        self._since = 0.0
        self._swept = False

    def look(self, taking_over: list[Partition], now: float) -> list[Partition]:
        """Of the partitions being taken over those where to sweep. `now` is time.monotonic()."""
        offsets = {p.number: p.fold.head.offset for p in taking_over}
        if offsets != self._offsets:
            self._offsets, self._since, self._swept = offsets, now, False
        if not offsets or now - self._since < HIDDEN:
            return []
        if not self._swept:
            self._swept = True
            log.warning("an open transaction hides the ledger's end", extra={"partitions": list(offsets)})
            metrics.REGISTRAR_SWEPT.inc(len(offsets))
            return taking_over
        if now - self._since >= HANGING:
            self._since = now  # to be said again after as long
            log.error(
                "takeover waits for a transaction that does not end",
                extra={"offsets": offsets, "see": "docs/operating.md"},
            )
        return []
