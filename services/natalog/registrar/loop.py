"""The one thread that decides: take a batch, decide it, send it off, and in between fold what others wrote."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import AdminClient

from natalog import metrics
from natalog.kafka.offsets import LogBounds, Place
from natalog.ledger.store import Store
from natalog.registrar import gauges
from natalog.registrar.desk import Desk
from natalog.registrar.faults import BatchRefused, Ending, Fenced, OutcomeUnknown, is_same_instance
from natalog.registrar.flight import Committer, Displaced, Flight
from natalog.registrar.hidden import HiddenEnds
from natalog.registrar.intake import LEAD, Batch, Intake
from natalog.registrar.pace import Pace
from natalog.registrar.partition import Partition, Phase
from natalog.registrar.work import Columns, Decided, Decider, columns_of, stamped
from natalog.registrar.writer import LedgerWriter
from natalog.wire.topics import INTAKE_TOPICS, MARKED

log = logging.getLogger(__name__)


class Registrar:
    """Built from its parts by `main`; `run` returns when `stop` was called and raises an Ending otherwise."""

    def __init__(
        self,
        *,
        desk: Desk,
        intake: Intake,
        writer: LedgerWriter,
        decider: Decider,
        admin: AdminClient,
        store: Store,
        pace: Pace | None = None,
        accept_sender_times: bool = False,
    ) -> None:
        """`accept_sender_times`: decide records that the broker has not stamped, by the time their sender gave them."""
        self._desk = desk
        self._intake = intake
        self._writer = writer
        self._committer = Committer(writer)
        self._decider = decider
        self._admin = admin
        self._store = store
        self._pace = pace or Pace()
        self._accept_sender_times = accept_sender_times
        self._stopping = False
        self.turned_at = time.monotonic()
        """When the last round began; see main's watchdog."""
        self._flushed = self._watched = self._vouched = time.monotonic()
        self._unflushed = 0
        self._ends: LogBounds | None = None
        self._hidden = HiddenEnds()
        self._flight: Flight | None = None
        self._backlog = False
        self._lost: OutcomeUnknown | None = None
        """How a flight ended that was waited for within a poll."""
        desk.before_leaving = self._before_leaving

    def stop(self) -> None:
        """Ask the loop to end after the batch in hand. May be called from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Work until stopped. Raises Ending with the exit code when this process must end."""
        try:
            while not self._stopping:
                self.turn()
            self._enter(self._landed_flight())
        finally:
            self._store.close()
        self._intake.leave()

    def turn(self) -> None:
        """One round of the loop."""
        self.turned_at = time.monotonic()
        if self._lost is not None:
            raise self._ending(self._lost)
        folding = self._desk.is_folding
        if self._flight is not None and not (self._backlog or folding):
            # Taken now, a batch would close early and what comes after it wait for two flights.
            self._enter(self._landed_flight())
        batch = self._intake.take(0.0 if folding else self._pace.idle_wait)
        if batch is not None:
            self._handle(batch)
        elif self._flight is not None and self._flight.has_ended():
            self._enter(self._landed_flight())
        if self._desk.reads_ledger:
            limit = self._pace.fold_otherwise if batch is None else self._pace.fold_while_deciding
            self._desk.advance(limit, 0.01 if batch is None else 0.0)
        self._chores(time.monotonic())

    def _handle(self, batch: Batch) -> None:
        """Decide a batch on top of the one in flight, then send it after that one.

        What had been decided on top of a flight that failed is forgotten and read again.
        """
        if batch.faults:
            self._enter(self._landed_flight())
        for fault in batch.faults:
            self._face(fault)
        decided = self._decide(batch)
        self._backlog = sum(map(len, batch.groups.values())) >= self._pace.backlog
        had_flight = self._flight is not None
        landed = self._landed_flight()
        if had_flight and landed is None:
            self._intake.open([p.number for p, _ in decided if p.phase is Phase.DECIDING])
            return
        if decided:
            self._launch(Flight(decided, batch.metadata, batch.taken_at))
        self._enter(landed)

    def _decide(self, batch: Batch) -> list[tuple[Partition, Decided]]:
        started = time.perf_counter()
        decided: list[tuple[Partition, Decided]] = []
        for number, messages in batch.groups.items():
            partition = self._desk.partitions[number]
            if partition.phase is not Phase.DECIDING:
                continue
            good = messages if self._accept_sender_times else stamped(messages)
            columns = self._in_order(partition, good) if good else None
            if columns is not None:
                result = self._decider.decide(partition.fold, partition.ahead, columns)
                if result.sick is not None:
                    self._desk.halt(partition, _cause_of(result.sick), result.sick)
                if result.outcome is not None:
                    decided.append((partition, result))
            may_tell = columns is not None or not good  # else those before it come again
            if len(good) < len(messages) and may_tell and partition.phase is Phase.DECIDING:
                first = messages[len(good)]
                detail = f"{first.topic()} offset {first.offset()}: run natalog topics apply"
                self._desk.halt(partition, "intake not stamped", None, detail)
        metrics.REGISTRAR_STAGE.labels("decide").inc(time.perf_counter() - started)
        return decided

    def _launch(self, flight: Flight) -> None:
        self._committer.launch(flight)
        self._flight = flight
        for partition, result in flight.decided:
            partition.ahead = result.outcome

    def _landed_flight(self) -> Flight | None:
        """Wait for the flight: it when it is committed, None when there is none or it failed."""
        flight = self._end_flight()
        if flight is None:
            return None
        try:
            flight.wait()
        except BatchRefused as refused:
            self._refused(flight, refused)
            return None
        except OutcomeUnknown as unknown:
            raise self._ending(unknown) from unknown
        return flight

    def _end_flight(self) -> Flight | None:
        """Wait until it has ended, well or not; nothing is decided on top of it any more."""
        flight, self._flight = self._flight, None
        if flight is not None:
            with contextlib.suppress(BatchRefused, OutcomeUnknown):
                flight.wait()
            for partition in flight.partitions:
                partition.ahead = None
            if flight.failure is None:
                for partition, landing in zip(flight.partitions, flight.landings, strict=True):
                    partition.next_own = landing.last + 2  # the transaction's marker takes one
        return flight

    def _refused(self, flight: Flight, refused: BatchRefused) -> None:
        why = "displaced" if isinstance(refused, Displaced) else "refused"
        metrics.REGISTRAR_THROWN_AWAY.labels(why).inc()
        log.warning("batch thrown away", extra={"cause": str(refused)})
        self._desk.recheck(flight.partitions)

    def _before_leaving(self) -> None:
        """Partitions are about to go, from within a poll: whoever has them next must find the flight ended, and the
        fold must not read again what the flight brings. Nothing may be polled here, so a failure is faced later."""
        flight = self._end_flight()
        if flight is None:
            return
        if flight.failure is None:
            self._enter(flight)
        elif isinstance(flight.failure, BatchRefused):
            log.warning("batch thrown away", extra={"cause": str(flight.failure)})
        elif isinstance(flight.failure, OutcomeUnknown):
            self._lost = flight.failure

    def _in_order(self, partition: Partition, messages: Sequence[Message]) -> Columns | None:
        columns = partition.gaps.sift(columns_of(messages), partition.decided_to.causes)
        if columns is None:
            self._intake.open([partition.number])
            return None
        return columns if columns.offsets else None

    def _enter(self, flight: Flight | None) -> None:
        """Make a committed flight, if there is one, this process's own knowledge."""
        if flight is None:
            return
        started = time.perf_counter()
        metrics.DECIDE_BATCH.observe(started - flight.taken_at)
        records = 0
        for (partition, result), landing in zip(flight.decided, flight.landings, strict=True):
            assert result.outcome is not None
            outcome = result.outcome
            partition.fold.accept(outcome.states, outcome.head, landing.last + 1, landing.last)
            records += len(outcome.entries)
            if outcome.clock_step:
                partition.clock_step.note(outcome.clock_step / 1000, time.monotonic())
                log.error(
                    "the broker's clock stepped back",
                    extra={"partition": partition.number, "seconds": outcome.clock_step / 1000},
                )
            for topic in set(result.topics):
                metrics.REGISTRAR_RECORDS.labels(INTAKE_TOPICS[topic]).inc(result.topics.count(topic))
        self._unflushed += records
        metrics.REGISTRAR_BATCH.observe(records)
        metrics.REGISTRAR_STAGE.labels("store").inc(time.perf_counter() - started)

    def _face(self, message: Message) -> None:
        """Deal with an event that came instead of a record."""
        error = message.error()
        assert error is not None
        if is_same_instance(error):
            raise self._judged(error)
        if error.fatal() or error.code() == KafkaError._FATAL:
            raise self._ending(OutcomeUnknown(error.str()))
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            partition = self._desk.partitions[message.partition() or 0]
            self._desk.halt(partition, "intake lost", None, f"{message.topic()}: {error.str()}")
            return
        log.warning("intake", extra={"topic": message.topic(), "code": error.name(), "detail": error.str()})

    def _ending(self, unknown: Ending) -> Ending:
        """Whether a failed client means that another process took our place: the group coordinator tells."""
        try:
            error = self._intake.instance_fault(5.0)
        except KafkaException as exception:
            error = exception.args[0]
        return self._judged(error) if error is not None and is_same_instance(error) else unknown

    def _judged(self, error: KafkaError) -> Ending:
        """Whether it is another process the group means. librdkafka forgets its member id when its session has run out,
        goes on sending heartbeats without one until the loop polls again, and the group takes those for a stranger's:
        after a broker was away, nobody else need be there, and a restart mends it."""
        if self._writer.is_superseded(self._intake.metadata()):
            return Fenced(error.str())
        return OutcomeUnknown(f"fenced by the group, though nobody else is there: {error.str()}")

    def _chores(self, now: float) -> None:
        if now - self._flushed > self._pace.flush or self._unflushed >= self._pace.most_unflushed:
            self._flushed, self._unflushed = now, 0
            self._store.flush(wait=False)
        if self._ends is not None and self._ends.ready():
            ends, self._ends = self._ends, None
            self._enter(self._landed_flight())  # its entries stand beyond the last known end
            self._desk.compare_ends(ends, now)
        self._desk.pass_empty()
        if now - self._watched > self._pace.watch:
            self._watched = now
            if self._ends is None and (places := self._desk.watched()):
                self._ends = LogBounds(self._admin, (), places)
            if hidden := self._hidden.look(self._desk.taking_over(), now):
                self._sweep(hidden)
            self._vouch(now)
            gauges.measure(self._desk.partitions)

    def _sweep(self, partitions: list[Partition]) -> None:
        self._enter(self._landed_flight())
        lead = INTAKE_TOPICS.index(LEAD)
        self._aside(self._writer.sweep, {(LEAD, p.number): p.resume[lead] for p in partitions})

    def _vouch(self, now: float) -> None:
        """Commit for the group what it has not been told yet, or so long ago that Kafka may soon forget it."""
        is_old = now - self._vouched >= self._pace.vouch
        if not self._desk.to_vouch(all_of_them=is_old):
            return
        self._enter(
            self._landed_flight()
        )  # or its offsets would be taken back; it may also end deciding somewhere
        partitions = self._desk.to_vouch(all_of_them=is_old)
        offsets = {
            (topic, p.number): offset
            for p in partitions
            for topic, offset in zip(INTAKE_TOPICS, p.resume, strict=True)
        }
        if offsets and self._aside(self._writer.vouch, offsets):
            for partition in partitions:
                partition.vouched = partition.resume[MARKED]
            if is_old:
                self._vouched = now

    def _aside(self, step: Callable[[dict[Place, int], object], None], offsets: dict[Place, int]) -> bool:
        """A transaction between two flights. False when it was refused."""
        try:
            step(offsets, self._intake.metadata())
        except BatchRefused as refused:
            log.warning("refused", extra={"step": step.__name__, "cause": str(refused)})
            return False
        except OutcomeUnknown as unknown:
            raise self._ending(unknown) from unknown
        return True


def _cause_of(sick: Exception) -> str:
    return "unknown fingerprint" if type(sick).__name__ == "UnknownFingerprint" else "decision failed"
