"""Holes in an intake log: offsets without a record, where nobody should have taken any.

A consumer may lose records on their way, so a gap is read twice before it is believed. Then it is told of, for it is a
record that nobody will ever decide, or a foreign transaction that was aborted; and what follows it is decided.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from natalog import metrics
from natalog.registrar.work import Columns, IntakeGap, in_order
from natalog.wire.topics import INTAKE_TOPICS

log = logging.getLogger(__name__)


class Gaps:
    """The gaps met in the intake of one partition."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._suspected: set[tuple[int, int]] = set()
        self.known: set[tuple[int, int]] = set()
        """(topic index, offset) of records after a gap that a second reading confirmed."""

    def forget(self) -> None:
        """Believe none of them any more: another may have decided here meanwhile."""
        self._suspected.clear()
        self.known.clear()

    def sift(self, columns: Columns, causes: Sequence[int]) -> Columns | None:
        """The records not decided yet, `causes` being the last decided offsets by topic. None when the intake is to be
        read again, since offsets are missing."""
        while True:
            try:
                return in_order(columns, causes, self.known)
            except IntakeGap as gap:
                if gap.place not in self._suspected:
                    self._suspected.add(gap.place)
                    log.warning(
                        "intake gap: reading again", extra={"partition": self._partition, "detail": str(gap)}
                    )
                    metrics.REGISTRAR_THROWN_AWAY.labels("gap").inc()
                    return None
                self._tell(gap)
                self.known.add(gap.place)

    def _tell(self, gap: IntakeGap) -> None:
        topic = INTAKE_TOPICS[gap.topic]
        metrics.INTAKE_MISSING.labels(topic, self._partition).inc(gap.offset - gap.first)
        log.error(
            "hole in an intake log: offsets without a record",
            extra={
                "topic": topic,
                "partition": self._partition,
                "first_offset": gap.first,
                "last_offset": gap.offset - 1,
            },
        )
