"""A batch on its way to the ledger: committed by a thread of its own while the next one is being decided.

One at a time. The loop begins the transaction and queues its records, the thread does what is mostly waiting: intake
offsets, until the records are written, the look at where they landed, commit. Of the loop's data it only reads, and
the loop looks at a flight's end only after `wait`.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field

from natalog import metrics
from natalog.registrar.faults import BatchRefused, OutcomeUnknown
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
        """Begin a transaction and queue its records. A failure is told by the flight's `wait`, like any later one."""
        started = time.perf_counter()
        try:
            self._board(flight)
        except (BatchRefused, OutcomeUnknown) as failure:
            flight.end(failure)
        else:
            self._queue.put(flight)
        metrics.REGISTRAR_STAGE.labels("send").inc(time.perf_counter() - started)

    def _board(self, flight: Flight) -> None:
        self._writer.begin()
        for partition, result in flight.decided:
            assert result.outcome is not None
            flight.landings.append(self._writer.send(partition.number, result.outcome.entries))
            if result.outcome.successions:
                self._writer.send_successions(result.outcome.successions)

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
        started = time.perf_counter()
        self._writer.send_offsets(offsets, flight.metadata)
        self._writer.settle()
        settled = time.perf_counter()
        metrics.REGISTRAR_STAGE.labels("settle").inc(settled - started)
        if not all(map(_landed, flight.decided, flight.landings)):
            why = "the ledger does not end where this registrar's last entry stands"
            self._writer.abort(why)
            raise Displaced(why)
        self._writer.commit()
        metrics.REGISTRAR_STAGE.labels("commit").inc(time.perf_counter() - settled)


def _landed(decided: tuple[Partition, Decided], landing: Landing) -> bool:
    partition, result = decided
    assert result.outcome is not None
    return (
        landing.first == partition.next_own
        and landing.last - landing.first == len(result.outcome.entries) - 1
    )
