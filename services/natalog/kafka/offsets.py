"""Where logs begin and end, and what a group has committed, asked without blocking.

Each question is sent at once; `ready()` tells whether all answers are in. A loop that must go on polling looks at it
between polls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

Place = tuple[str, int]
"""Topic and partition."""

REQUEST_TIMEOUT = 5.0
"""Seconds until a question counts as unanswered."""
STABLE_WITHIN = 2.0
"""Seconds that a question about committed offsets waits for them to become stable."""
GRACE = 1.0
"""Seconds more until we say so ourselves: librdkafka may keep a question for longer while its broker is away."""


class LogBounds:
    """First and next offsets of logs, the latter the high watermark: open transactions count (READ_UNCOMMITTED).

    A read_committed consumer's own idea of the end stops at the last stable offset, before an open transaction.
    """

    def __init__(self, admin: AdminClient, starts: Iterable[Place], ends: Iterable[Place]) -> None:
        self._until = time.monotonic() + REQUEST_TIMEOUT + GRACE
        self._admin = admin
        self._wanted = list(ends)
        self._starts = _ask(admin, starts, OffsetSpec.earliest())
        self._ends: dict[Place, Future[Any]] | None = None
        self._go_on()

    def ready(self) -> bool:
        """Whether `starts` and `ends` answer without waiting."""
        if time.monotonic() >= self._until:
            return True
        self._go_on()
        return self._ends is not None and all(future.done() for future in self._ends.values())

    def starts(self) -> dict[Place, int]:
        """First offset of each log. Raises KafkaException when the cluster did not answer."""
        return {place: _offset(place, future, self._until) for place, future in self._starts.items()}

    def ends(self) -> dict[Place, int]:
        """High watermark of each log. Raises KafkaException when the cluster did not answer."""
        self.starts()
        self._go_on()
        assert self._ends is not None
        return {place: _offset(place, future, self._until) for place, future in self._ends.items()}

    def _go_on(self) -> None:
        """Ask for the ends once the starts are there, never for both at a time. The calling thread looks for leaders
        that librdkafka does not know yet; if metadata comes just then, for the other question, its own thread goes on
        with what the caller still works on, and the process dies (seen twice, rdkafka_partition.c,
        query_leaders_async_worker)."""
        if self._ends is None and all(future.done() for future in self._starts.values()):
            self._ends = _ask(self._admin, self._wanted, OffsetSpec.latest())


def _ask(admin: AdminClient, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, Future[Any]]:
    question = {TopicPartition(topic, partition): spec for topic, partition in places}
    if not question:
        return {}
    answers = admin.list_offsets(
        question, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=REQUEST_TIMEOUT
    )
    return {(tp.topic, tp.partition): future for tp, future in answers.items()}


def answer(future: Future[Any], until: float) -> Any:
    """What it brings. The request's own time-out is a KafkaException; past `until`, a time.monotonic(), ours is too."""
    try:
        return future.result(max(0.0, until - time.monotonic()))
    except TimeoutError as late:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from late


def _offset(place: Place, future: Future[Any], until: float) -> int:
    """A log's. Raises KafkaException that names the log.

    A broker that has just become the leader may not know it yet, and says -1 without an error.
    """
    topic, partition = place
    try:
        offset = int(answer(future, until).offset)
    except KafkaException as failure:
        error = failure.args[0]
        raise KafkaException(KafkaError(error.code(), f"{topic}[{partition}]: {error.str()}")) from failure
    if offset < 0:
        raise KafkaException(
            KafkaError(KafkaError.OFFSET_NOT_AVAILABLE, f"{topic}[{partition}]: not known yet")
        )
    return offset


class CommittedOffsets:
    """What the group of a consumer has committed, once no transaction with offsets for it is open (KIP-447).

    `consumer` is one of `clients.offsets_consumer`. Not the admin client: its question of this kind dies natively of a
    coordinator that moved or whose connection broke (librdkafka issues 5040 and 5397). That is why a thread asks.
    """

    def __init__(self, consumer: Consumer, places: Iterable[Place]) -> None:
        self._asked: Future[list[TopicPartition]] = Future()
        wanted = [TopicPartition(topic, partition) for topic, partition in places]
        # A daemon: a call that hangs must not keep the process from ending.
        threading.Thread(target=self._ask, args=(consumer, wanted), name="offsets", daemon=True).start()

    def _ask(self, consumer: Consumer, wanted: list[TopicPartition]) -> None:
        try:
            consumer.poll(0)  # error events, which nobody else takes from it
            self._asked.set_result(consumer.committed(wanted, STABLE_WITHIN))
        except BaseException as failure:  # whoever waits must hear of anything
            self._asked.set_exception(failure)

    def ready(self) -> bool:
        """Whether `offsets` answers without waiting."""
        return self._asked.done()

    def offsets(self) -> dict[Place, int]:
        """Next offset by place, negative where nothing is committed.

        Raises KafkaException when the cluster did not answer or offsets did not become stable in time: ask again.
        """
        committed: dict[Place, int] = {}
        for tp in self._asked.result():
            if tp.error is not None:
                raise KafkaException(tp.error)
            committed[tp.topic, tp.partition] = tp.offset
        return committed
