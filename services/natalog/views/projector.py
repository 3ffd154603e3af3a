"""The loop of the projection: read, fold, write, hand on. Folding goes on while the batch before is being written."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

import psycopg

from natalog import metrics
from natalog.views.batch import Batch, Fold
from natalog.views.database import Trouble, reason_of, trouble_of
from natalog.views.following import Following
from natalog.views.positions import Moved
from natalog.views.writer import Writer
from natalog.wire.hot import EntryView

log = logging.getLogger(__name__)

_FIRST = 2_000  # entries read at a time while nothing is being written
_PATIENCE = 0.5  # seconds between two looks at the clock while a batch is being written
_LONGEST_PAUSE = 5.0
_LONGEST_WRITE = 300.0
"""Seconds without an answer to one batch after which the connection is given up: a server that hangs raises no error.
More than a rebuild holds its lock and than a batch ever took, since one that is cut off begins anew."""
_LAST_WRITE = 5.0  # the same once `stop` was called
_SWITCH = 0.0005  # seconds; the default of 5 ms would be added to each piece that is sent (following._SLICE)


@dataclass(frozen=True, slots=True)
class Committed:
    """One valid entry that the projection now holds."""

    partition: int
    offset: int
    """Its place on the ledger."""
    entry: EntryView
    silent_from: int
    silent_to: int
    """Last silence of its partition as the batch left it, UTC ms (`lateness.lateness_cause`)."""


HandOn = Callable[[Sequence[Committed], bool], None]
"""Gets every valid entry once it is committed, in order by partition. The flag says whether they belong to the live
head: decided after this process began and never handed on before. What counts must count only those."""


class Projector:
    """Keeps one schema in step with the ledger.

    `open_writer` makes a Writer, and is called again after every trouble. `ends` are the ledger's ends when the process
    began (offset of the next record by partition): what lies before them is history.
    """

    def __init__(
        self,
        following: Following,
        open_writer: Callable[[], Writer],
        *,
        ends: dict[int, int],
        hand_on: HandOn | None = None,
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        self._following = following
        self._open_writer = open_writer
        self._live_from = dict(ends)
        self._hand_on = hand_on
        self._beside = beside
        self._writer: Writer | None = None
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        sys.setswitchinterval(_SWITCH)
        self._pending: tuple[Future[bool], Batch] | None = None
        self._spent: object = None
        """The batch before, kept until it may be freed."""
        self._waits_since: float | None = None
        self._tried_at: float | None = None  # when the batch was given to the writer, the last time it was
        # Asked by whoever scrapes: the loop itself may be what waits.
        metrics.PROJECTION_WAITING.set_function(self.waiting)
        self.entries = 0
        """Entries written by this process."""
        _all_clear(None)  # so that the gauges are there before any trouble is

    def stop(self) -> None:
        """Let `run` and `step` come to an end; from any thread."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def waiting(self) -> float:
        """Seconds since PostgreSQL was given a batch, or asked for its position, unanswered; 0: nothing waits."""
        since = self._waits_since
        return 0.0 if since is None else time.monotonic() - since

    def begin(self) -> None:
        """Open the database and go to where it stands. Waits for it as long as it takes, or until `stop`."""
        self._waits_since = time.monotonic()
        writer = self._connect()
        self._waits_since = None
        if writer is not None:
            self._following.begin(writer.position())

    def step(self, timeout: float) -> bool:
        """Read and fold once, and have it written. Whether there was anything.

        Raises OtherLedger and KafkaException; the process should end then.
        """
        # While PostgreSQL has nothing to do it gets little at once; while it is busy more is gathered.
        batch = self._following.read(0.0) if self._pending else self._following.read(timeout, _FIRST)
        # Freeing twenty thousand entries keeps the interpreter's lock for a while: now, with PostgreSQL busy.
        self._spent = None
        spent = self._pending
        if not self.settle():
            return True  # what was read does not follow what the database holds now
        self._beside()
        if not batch.folds:
            self._following.written()
            return False
        self._waits_since = time.monotonic()
        self._pending = (self._pool.submit(self._write, batch), batch)
        self._spent = spent
        return True

    def settle(self) -> bool:
        """Wait for the batch that is being written, and hand it on. False when reading had to begin elsewhere."""
        if self._pending is None:
            return True
        written, batch = self._pending
        while True:
            try:
                done = written.result(_PATIENCE)
                break
            except NotYet:
                self._beside()
                self._give_up_a_hanging_one()
        self._pending = self._waits_since = None
        if done:
            self.entries += batch.filings + batch.decisions
            metrics.PROJECTION_ENTRIES.inc(batch.filings + batch.decisions)
            if batch.unplaced:
                metrics.PROJECTION_UNPLACED.inc(batch.unplaced)
                log.warning("units of no known province", extra={"entries": batch.unplaced})
            for partition, fold in batch.folds.items():
                self._following.hold(partition, int(fold.head.offset))
            self._hand_over(batch)
        elif not self.stopping:
            self.begin()  # the position was exchanged under us: go on from the new one
        return done

    def close(self) -> None:
        """Finish what is being written, and let go of the database."""
        try:
            self.settle()
        finally:
            self._pool.shutdown(wait=True)
            self._drop()

    def _hand_over(self, batch: Batch) -> None:
        if self._hand_on is None:
            return
        history: list[Committed] = []
        live: list[Committed] = []
        for partition, offset, entry in batch.entries:
            fold = batch.folds[partition]
            committed = Committed(partition, offset, entry, int(fold.silent_from), int(fold.silent_to))
            if offset >= self._live_from[partition]:
                live.append(committed)
                self._live_from[partition] = offset + 1
            else:
                history.append(committed)
        if history:
            self._hand_on(history, False)
        if live:
            self._hand_on(live, True)

    def _write(self, batch: Batch) -> bool:
        """Write it, however long that takes. False when its place was taken, or on `stop`. On the writer's thread."""
        pause, noted = 0.1, None
        while True:
            writer = self._connect() if self._writer is None else self._writer
            if writer is None:
                return False
            try:
                if _stands_at(writer, batch.folds):
                    break  # the commit whose answer was lost had been made
                self._tried_at = began = time.monotonic()
                writer.write(batch)
                metrics.PROJECTION_BATCH.observe(time.monotonic() - began)
                break
            except Moved as moved:
                log.warning("going on from another position", extra={"reason": str(moved)})
                self._drop()
                return False
            except psycopg.Error as error:
                self._drop()
                noted = _alarm(error, noted)
                if self._stop.wait(pause):
                    return False
                pause = min(pause * 2, _LONGEST_PAUSE)
            finally:
                self._tried_at = None
        _all_clear(noted)
        return True

    def _give_up_a_hanging_one(self) -> None:
        writer, since = self._writer, self._tried_at
        longest = _LAST_WRITE if self.stopping else _LONGEST_WRITE
        if writer is not None and since is not None and time.monotonic() - since > longest:
            self._tried_at = None
            writer.break_off()

    def _connect(self) -> Writer | None:
        pause, noted = 0.1, None
        while not self.stopping:
            try:
                self._writer = self._open_writer()
            except psycopg.Error as error:
                noted = _alarm(error, noted)
                self._stop.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            # Connected is not written: what a batch met stays an alarm until it is written.
            if noted is not None:
                metrics.PROJECTION_FAILING.labels(noted).set(0)
                log.info("PostgreSQL is there again", extra={"trouble": str(noted)})
            return self._writer
        return None

    def _drop(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def _stands_at(writer: Writer, folds: dict[int, Fold]) -> bool:
    return all(
        writer.folds[p].head.prev == fold.head.prev and writer.folds[p].head.offset == fold.head.offset
        for p, fold in folds.items()
    )


def _alarm(error: psycopg.Error, noted: Trouble | None) -> Trouble:
    """Raise the alarm, and log it unless it is the one noted last. What the error means."""
    trouble = trouble_of(error)
    metrics.PROJECTION_FAILING.labels(trouble).set(1)
    if trouble != noted:
        log.error(
            "PostgreSQL takes nothing: the projection stands still and tries again",
            extra={
                "trouble": str(trouble),
                "sqlstate": error.sqlstate,
                "reason": reason_of(error),
            },
        )
    return trouble


def _all_clear(noted: Trouble | None) -> None:
    for trouble in Trouble:
        metrics.PROJECTION_FAILING.labels(trouble).set(0)
    if noted is not None:
        log.info("PostgreSQL takes rows again")


def run(projector: Projector, *, healthy: Callable[[], bool] = lambda: True) -> None:
    """Until `stop`, or until `healthy` says no more: the process should end then."""
    began = time.monotonic()
    projector.begin()
    while not projector.stopping and healthy():
        projector.step(0.2)
    projector.close()
    log.info("stopped", extra={"entries": projector.entries, "seconds": round(time.monotonic() - began)})
