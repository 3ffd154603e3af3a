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
        self.forget()

    def forget(self) -> None:
        """Believe none of them any more: another may have decided here meanwhile."""
        self._suspected: set[tuple[int, int]] = set()
        self.known: set[tuple[int, int]] = set()
        """(topic index, offset) of records after a gap that a second reading confirmed."""
        self._told: dict[int, tuple[int, int]] = {}
        """Topic index to the last gap told of there: its first offset and the one after it."""

    def beyond(self, topic: int, offset: int) -> int:
        """The first offset from this one on that does not lie in a gap told of."""
        first, end = self._told.get(topic, (0, 0))
        return end if first <= offset < end else offset

    def sift(self, columns: Columns, causes: Sequence[int]) -> Columns | None:
        """The records not decided yet, `causes` being the last decided offsets by topic. None when the intake is to be
        read again, since offsets are missing."""
        while True:
            try:
                return in_order(columns, causes, self.known)
            except IntakeGap as gap:
                if self.beyond(gap.topic, gap.first) < gap.offset:
                    if gap.place not in self._suspected:
                        self._suspected.add(gap.place)
                        detail = {"partition": self._partition, "detail": str(gap)}
                        log.warning("intake gap: reading again", extra=detail)
                        metrics.REGISTRAR_THROWN_AWAY.labels("gap").inc()
                        return None
                    self.tell(gap.topic, gap.first, gap.offset)
                self.known.add(gap.place)

    def tell(self, topic: int, first: int, end: int) -> None:
        """Nothing stands from `first` to before `end`, as two readings found."""
        fresh = self.beyond(topic, first)
        begun, before = self._told.get(topic, (first, first))
        self._told[topic] = (begun if begun <= first <= before else first, end)
        metrics.INTAKE_MISSING.labels(INTAKE_TOPICS[topic], self._partition).inc(end - fresh)
        log.error(
            "hole in an intake log: offsets without a record",
            extra={
                "topic": INTAKE_TOPICS[topic],
                "partition": self._partition,
                "first_offset": fresh,
                "last_offset": end - 1,
            },
        )
