"""How fast a program works off a topic: decisions a second, and decisions per second of its own CPU time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bench.cluster import PARTITIONS
from bench.processes import cpu_seconds


class Program(Protocol):
    """Either of the two."""

    group: str

    @property
    def pid(self) -> int: ...

    def has_ended(self) -> bool: ...

    def log(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: time.monotonic(), CPU seconds of the program and of the broker, records decided and committed."""

    at: float
    cpu: float
    broker_cpu: float
    done: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What a stretch of work took."""

    records: int
    seconds: float
    cpu: float
    broker_cpu: float

    @property
    def per_second(self) -> float:
        """Decisions per second of wall clock."""
        return self.records / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Decisions per second of the program's CPU time."""
        return self.records / self.cpu

    @property
    def broker_us(self) -> float:
        """Microseconds of the broker's CPU time per decision."""
        return self.broker_cpu / self.records * 1e6

    def __add__(self, other: Rate) -> Rate:
        return Rate(
            self.records + other.records,
            self.seconds + other.seconds,
            self.cpu + other.cpu,
            self.broker_cpu + other.broker_cpu,
        )


class Progress:
    """Records of a topic that a group has committed: what is decided and visible, for both programs alike."""

    def __init__(self, bootstrap: str, group: str, topics: tuple[str, ...]) -> None:
        # read_uncommitted: do not wait for a transaction in flight to end.
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "isolation.level": "read_uncommitted",
                "log_level": 0,
            }
        )
        self._last = 0
        self._made_with = (bootstrap, group, topics)
        self._places = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]

    def done(self) -> int:
        """The sum of committed offsets; what it was before while the coordinator is still being found."""
        try:
            committed = self._consumer.committed(self._places, 10)
        except KafkaException as exception:
            if not exception.args[0].retriable() and exception.args[0].code() != KafkaError.NOT_COORDINATOR:
                raise
            return self._last
        self._last = sum(max(0, place.offset) for place in committed)
        return self._last

    def afresh(self) -> int:
        """The same, asked over a new connection."""
        other = Progress(*self._made_with)
        try:
            time.sleep(2)
            return other.done()
        finally:
            other.close()

    def close(self) -> None:
        """Give up the connection."""
        self._consumer.close()


def measure(
    program: Program,
    progress: Progress,
    broker: int,
    *,
    start: int,
    end: int,
    warm: float = 0.2,
    timeout: float = 240,
) -> Rate:
    """Watch `program` work from `start` to `end` records.

    Counts from the first look after the share `warm` of them to the first look at the end, so that starting up and
    filling queues do not count. Raises RuntimeError when it ends or takes longer than `timeout` seconds.
    """
    samples = [_sample(program, progress, broker)]
    deadline = time.monotonic() + timeout
    while samples[-1].done < end:
        if program.has_ended() or time.monotonic() > deadline:
            raise RuntimeError(
                f"{samples[-1].done} of {end} records decided ({progress.afresh()} by another look):\n{program.log()}"
            )
        time.sleep(0.05)
        samples.append(_sample(program, progress, broker))
    first = next(s for s in samples if s.done >= start + (end - start) * warm)
    last = samples[-1]
    if last.done == first.done:
        raise RuntimeError("too few records to measure anything")
    return Rate(
        last.done - first.done, last.at - first.at, last.cpu - first.cpu, last.broker_cpu - first.broker_cpu
    )


def _sample(program: Program, progress: Progress, broker: int) -> Sample:
    done = progress.done()
    return Sample(time.monotonic(), cpu_seconds(program.pid), cpu_seconds(broker), done)
