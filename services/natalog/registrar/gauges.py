"""What a registrar's partitions look like from outside, as metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence

from natalog import metrics
from natalog.registrar.partition import Partition, Phase
from natalog.wire.topics import INTAKE_TOPICS, MARKED_TOPIC


def declare(partitions: Sequence[Partition]) -> None:
    """Say that nothing has happened yet: from the first scrape on, or an increase could not be told."""
    for partition in partitions:
        metrics.PARTITION_HALTED.labels(partition.number).set(0)
        metrics.VOID_ENTRIES.labels(partition.number)
        metrics.CLOCK_STEP.labels(partition.number).set(0)
        for topic in INTAKE_TOPICS:
            if topic != MARKED_TOPIC:
                metrics.INTAKE_MISSING.labels(topic, partition.number)


def measure(partitions: Sequence[Partition]) -> None:
    """Set what is looked at now and then rather than told when it changes."""
    for phase in Phase:
        count = sum(1 for p in partitions if p.phase is phase)
        metrics.REGISTRAR_PARTITIONS.labels(phase.value).set(count)
    now = time.monotonic()
    for partition in partitions:
        metrics.LEDGER_OFFSET.labels(partition.number).set(int(partition.fold.head.offset))
        metrics.CLOCK_STEP.labels(partition.number).set(partition.clock_step.recent(now))
