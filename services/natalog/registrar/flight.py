"""A batch on its way to the ledger: committed by a thread of its own while the next one is being decided.

One at a time. The thread does what is mostly waiting: begin, intake offsets, records, until they are written, the look
at where they landed, commit. Of the loop's data it only reads, and the loop looks at a flight's end only after `wait`.

Offsets come before records: the first request of a transaction is refused while the broker still ends the one before
(CONCURRENT_TRANSACTIONS), and librdkafka then tries again at once where it registers a group's offsets
(`retry.backoff.ms`), but only after 20 ms where it registers partitions.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from natalog import metrics
from natalog.registrar.faults import BatchRefused
from natalog.registrar.partition import Partition
from natalog.registrar.work import Decided
from natalog.registrar.writer import Landing, LedgerWriter


class Displaced(BatchRefused):
    """Something else stands where our entries should; the transaction was aborted."""


@dataclass(slots=True)
class Flight:
    """What one transaction carries. `landings` are known, and `failure` is final, after `wait`."""

    decided: list[tuple[Partition, Decided]]
    metadata: object
    taken_at: float
    """time.perf_counter() when the batch was in hand."""
    landings: list[Landing] = field(default_factory=list)
    failure: BaseException | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def partitions(self) -> list[Partition]:
        """Where its entries go."""
        return [partition for partition, _ in self.decided]

    def has_ended(self) -> bool:
        """Whether `wait` would return at once."""
        return self._ended.is_set()

    def wait(self) -> None:
        """Until it is committed. Raises BatchRefused when it was aborted, OutcomeUnknown when nobody can tell."""
        self._ended.wait()
        if self.failure is not None:
            raise self.failure

    def end(self, failure: BaseException | None) -> None:
        """Say how it ended."""
        self.failure = failure
        self._ended.set()


class Committer:
    """Sends flights off, one after another; the next only after the last has ended."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer
        self._queue: queue.SimpleQueue[Flight] = queue.SimpleQueue()
        # A daemon: a call of the client that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="committer", daemon=True).start()

    def launch(self, flight: Flight) -> None:
        """Send it off. Whatever happens is told by its `wait`."""
        self._queue.put(flight)

    def _run(self) -> None:
        while True:
            flight = self._queue.get()
            try:
                self._fly(flight)
            except BaseException as failure:  # the loop must hear of anything
                flight.end(failure)
            else:
                flight.end(None)

    def _fly(self, flight: Flight) -> None:
        offsets: dict[tuple[str, int], int] = {}
        for _, result in flight.decided:
            offsets.update(result.offsets)
        with _clocked("offsets"):
            self._writer.begin()
            self._writer.send_offsets(offsets, flight.metadata)
        with _clocked("send"):
            self._board(flight)
        with _clocked("settle"):
            self._writer.settle()
        if not all(map(_landed, flight.decided, flight.landings)):
            why = "the ledger does not end where this registrar's last entry stands"
            self._writer.abort(why)
            raise Displaced(why)
        with _clocked("commit"):
            self._writer.commit()

    def _board(self, flight: Flight) -> None:
        for partition, result in flight.decided:
            assert result.outcome is not None
            flight.landings.append(self._writer.send(partition.number, result.outcome.entries))
            if result.outcome.successions:
                self._writer.send_successions(result.outcome.successions)


@contextlib.contextmanager
def _clocked(stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        metrics.REGISTRAR_STAGE.labels(stage).inc(time.perf_counter() - started)


def _landed(decided: tuple[Partition, Decided], landing: Landing) -> bool:
    partition, result = decided
    assert result.outcome is not None
    return (
        landing.first == partition.next_own
        and landing.last - landing.first == len(result.outcome.entries) - 1
    )
