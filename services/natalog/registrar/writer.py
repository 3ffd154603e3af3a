"""One Kafka transaction per batch: entries, derived records and intake offsets become visible together or never."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from natalog.kafka.clients import INTAKE_RECORD_LIMIT
from natalog.ledger.follow import LEDGER
from natalog.registrar.faults import BatchRefused, OutcomeUnknown, error_of
from natalog.wire.topics import MARKED_TOPIC

log = logging.getLogger(__name__)

PATIENCE = 12.0
"""Seconds a transaction may take, all its steps together, before the process ends: a little more than Kafka gives it
(`registrar_transaction_ms`). A new process waits for Kafka as long as it takes, while a client that saw its broker go
may never find its way back. (librdkafka keeps no bound in `send_offsets_to_transaction`: see main's watchdog.)"""
_OVERHEAD = 100
"""Bytes that a record takes in a request besides key and value, at most; and the request's share of its own."""
_START = 10.0  # seconds one call of init_transactions may block


@dataclass(slots=True)
class Landing:
    """Ledger offsets of the first and last entry of a batch in one partition; -1 until reported."""

    first: int = -1
    last: int = -1


class LedgerWriter:
    """The transactional producer. Each method is one step; the loop calls them in the order they stand here."""

    def __init__(self, producer: Producer, *, transaction_timeout: float = 10.0) -> None:
        self._producer = producer
        self._timeout = transaction_timeout
        self._failed: KafkaError | None = None
        self._began: float | None = None
        """time.monotonic() when the open transaction was begun."""
        self._superseded = False
        self._gathered = 0
        """Bytes of Successions that may be waiting for one request."""

    def start(self) -> None:
        """Fence every earlier process with this transactional id and end its open transaction. Waits for Kafka."""
        while True:
            try:
                self._producer.init_transactions(_START)
                return
            except KafkaException as exception:
                if not error_of(exception).retriable():
                    raise OutcomeUnknown(str(exception)) from exception
                log.warning("waiting for Kafka", extra={"detail": error_of(exception).str()})

    def begin(self) -> None:
        """Open a transaction."""
        self._failed = None
        self._gathered = 0
        self._began = time.monotonic()
        self._step(self._producer.begin_transaction)

    def send(self, partition: int, entries: Sequence[tuple[bytes, bytes]]) -> Landing:
        """Queue the entries of one partition, at least one. The landing is known after `settle`."""
        landing = Landing()

        def first(error: KafkaError | None, message: Message) -> None:
            self._report(error)
            landing.first = _offset(message)

        def last(error: KafkaError | None, message: Message) -> None:
            self._report(error)
            landing.last = _offset(message)
            if landing.first < 0 and len(entries) == 1:
                landing.first = landing.last

        produce = self._producer.produce
        try:
            if len(entries) > 1:
                produce(LEDGER, entries[0][1], entries[0][0], partition, first)
                for key, value in entries[1:-1]:
                    produce(LEDGER, value, key, partition)
            produce(LEDGER, entries[-1][1], entries[-1][0], partition, last)
        except KafkaException as exception:
            self._failed = error_of(exception)
        return landing

    def send_successions(self, successions: Iterable[tuple[bytes, int, bytes]]) -> None:
        """Queue records the decisions brought forth: (key, partition, value).

        Written in stretches, for their topic takes smaller requests than the ledger's records are gathered into.
        """
        for key, partition, value in successions:
            size = len(key) + len(value) + _OVERHEAD
            self._gathered += size
            if self._gathered > INTAKE_RECORD_LIMIT:
                self._producer.flush(self._left())
                self._gathered = size
            self._producer.produce(MARKED_TOPIC, value, key, partition, self._succession_sent)

    def send_offsets(self, offsets: dict[tuple[str, int], int], metadata: object) -> None:
        """Next intake offsets. The group refuses them from a member that is no longer of `metadata`'s generation."""
        places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        self._step(lambda: self._producer.send_offsets_to_transaction(places, metadata, self._left()))

    def settle(self) -> None:
        """Wait until every record is written, though not committed. Raises BatchRefused when one was not."""
        while self._producer.flush(min(1.0, self._left())) and self._left():
            pass
        if self._failed is not None:
            self.abort(self._failed.str())
            raise BatchRefused(self._failed.str())

    def commit(self) -> None:
        """Make it count."""
        self._step(lambda: self._producer.commit_transaction(self._left()))
        self._began = None

    def abort(self, why: str) -> None:
        """Make it as if it had never been; offsets stay taken."""
        log.warning("transaction aborted", extra={"cause": why})
        while True:
            try:
                self._producer.abort_transaction(self._left())
                self._began = None
                return
            except KafkaException as exception:
                error = self._seen(exception)
                if not error.retriable() or not self._left():
                    raise OutcomeUnknown(error.str()) from exception

    def sweep(self, offsets: dict[tuple[str, int], int], metadata: object) -> None:
        """End what is open under this transactional id though Kafka counts it as ended: on the ledger in the partitions
        of `offsets`, and in the group. The producer's next marker in a log ends it there; this one aborts, as nobody
        has seen any of it. Raises BatchRefused, OutcomeUnknown.
        """
        self.begin()
        self.send_offsets(offsets, metadata)
        for _, partition in offsets:
            self.send(partition, [(b"", b"")])
        self.settle()
        self.abort("begun only to end what has no marker")

    def vouch(self, offsets: dict[tuple[str, int], int], metadata: object) -> None:
        """Commit next intake offsets alone, in a transaction of their own. Raises BatchRefused, OutcomeUnknown."""
        self.begin()
        self.send_offsets(offsets, metadata)
        self.commit()

    def is_superseded(self, metadata: object) -> bool:
        """Whether another process has taken this transactional id, as one does before it joins the group.

        Only before ending the process: begins a transaction if none is open, and leaves it to the next start. In doubt
        it says no: then a new start fences whoever is there, and that one has no doubt.
        """
        if self._began is None:
            with contextlib.suppress(OutcomeUnknown, BatchRefused):
                self.begin()
                self.send_offsets({(MARKED_TOPIC, 0): 0}, metadata)
        return self._superseded

    def _left(self) -> float:
        """Seconds until the open transaction is given up."""
        return max(0.0, (self._began or 0.0) + PATIENCE - time.monotonic())

    def _seen(self, exception: KafkaException) -> KafkaError:
        """The error, kept in mind if it is the fence: it proves another process while the transaction is young.
        One that has outlived its time-out Kafka fences by itself."""
        error = error_of(exception)
        if error.code() == KafkaError._FENCED and self._began is not None:
            self._superseded = time.monotonic() - self._began < self._timeout
        return error

    def _step(self, call: Callable[[], Any]) -> None:
        while True:
            try:
                call()
                return
            except KafkaException as exception:
                error = self._seen(exception)
                if error.txn_requires_abort():
                    self.abort(error.str())
                    raise BatchRefused(error.str()) from exception
                if not error.retriable() or not self._left():
                    raise OutcomeUnknown(error.str()) from exception

    def _report(self, error: KafkaError | None) -> None:
        if error is not None:
            self._failed = error

    def _succession_sent(self, error: KafkaError | None, _message: Message) -> None:
        self._report(error)


def _offset(message: Message) -> int:
    offset = message.offset()
    return -1 if offset is None else offset
