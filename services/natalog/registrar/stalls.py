"""Why an intake stands still although its log goes on: records that the client does not deliver, or none there at all.

A consumer that silently delivers nothing is past help once reading again brought nothing either, and its process ends
(`Patience`). But a stranger's transaction, aborted or open, at the very end of a log looks the same from the ends of
logs. So another client looks at the same time: a hole there is told of (gaps.py) and waited for no more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from natalog import metrics
from natalog.kafka.offsets import Place
from natalog.ledger.probe import Probe
from natalog.registrar.faults import OutcomeUnknown
from natalog.registrar.partition import Partition, Patience, Phase
from natalog.wire.topics import INTAKE_TOPICS, MARKED

log = logging.getLogger(__name__)


class Stalls:
    """Watches the intake of all partitions. `probe_of` makes a probe of a topic, needed only where one stalls."""

    def __init__(self, probe_of: Callable[[str], Probe]) -> None:
        self._probe_of = probe_of
        self._probes: dict[int, Probe] = {}
        """By topic index, those that are asked something."""

    def is_stalled(self, partition: Partition, ends: Mapping[Place, int], now: float) -> bool:
        """Whether its intake is to be read again. `now` is time.monotonic(). Raises OutcomeUnknown when that was done
        and brought nothing, though another client does not say that nothing is there."""
        waits_at = partition.unread
        log_ends = [ends.get((topic, partition.number), 0) for topic in INTAKE_TOPICS]
        # Markers alone may be what waits in the topic that has them; markers.py looks after those.
        waiting = [
            topic
            for topic, (at, end) in enumerate(zip(waits_at, log_ends, strict=True))
            if at < end and topic != MARKED
        ]
        if waiting and partition.patience.is_spent(waits_at, now):
            raise OutcomeUnknown(f"intake partition {partition.number} delivers nothing")
        if not partition.patience.is_over(waits_at, log_ends, now):
            return False
        log.warning("intake stalled: reading again", extra={"partition": partition.number})
        metrics.REGISTRAR_THROWN_AWAY.labels("stalled").inc()
        for topic in waiting:
            if topic not in self._probes:
                self._probes[topic] = self._probe_of(INTAKE_TOPICS[topic])
            self._probes[topic].ask(partition.number, waits_at[topic])
        return True

    def read(self, partitions: Sequence[Partition]) -> None:
        """Take the other client's answers. Waits for nothing."""
        for topic, probe in list(self._probes.items()):
            for answer in probe.answers():
                partition = partitions[answer.partition]
                if answer.holds_records or partition.phase is not Phase.DECIDING:
                    continue
                if answer.end > answer.first:
                    partition.gaps.tell(topic, answer.first, answer.end)
                else:
                    place = {"topic": INTAKE_TOPICS[topic], "partition": partition.number}
                    log.error("an open transaction of somebody else holds an intake log up", extra=place)
                    partition.patience = Patience()
            if not probe.asked:
                del self._probes[topic]
                probe.close()
