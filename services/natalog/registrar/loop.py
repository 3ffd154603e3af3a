"""The one thread that decides: take a batch, decide it, commit it, and in between fold what others wrote."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import AdminClient

from natalog import metrics
from natalog.kafka.offsets import LogBounds
from natalog.ledger.store import Store
from natalog.registrar.desk import Desk
from natalog.registrar.faults import BatchRefused, Ending, Fenced, OutcomeUnknown, is_same_instance
from natalog.registrar.intake import Batch, Intake
from natalog.registrar.partition import Partition, Phase
from natalog.registrar.work import Columns, Decided, Decider, IntakeGap, columns_of, in_order
from natalog.registrar.writer import Landing, LedgerWriter
from natalog.wire.topics import INTAKE_TOPICS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between chores, and records folded per turn."""

    flush: float = 30.0
    watch: float = 2.0
    idle_wait: float = 0.05
    fold_while_deciding: int = 300
    fold_otherwise: int = 5_000


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
    ) -> None:
        self._desk = desk
        self._intake = intake
        self._writer = writer
        self._decider = decider
        self._admin = admin
        self._store = store
        self._pace = pace or Pace()
        self._stopping = False
        self.turned_at = time.monotonic()
        """When the last round began; see main's watchdog."""
        self._flushed = self._watched = time.monotonic()
        self._ends: LogBounds | None = None

    def stop(self) -> None:
        """Ask the loop to end after the batch in hand. May be called from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Work until stopped. Raises Ending with the exit code when this process must end."""
        try:
            while not self._stopping:
                self.turn()
        finally:
            self._store.close()
        self._intake.leave()

    def turn(self) -> None:
        """One round of the loop."""
        self.turned_at = time.monotonic()
        folding = self._desk.is_folding
        batch = self._intake.take(0.0 if folding else self._pace.idle_wait)
        if batch is not None:
            self._handle(batch)
        if self._desk.reads_ledger:
            limit = self._pace.fold_otherwise if batch is None else self._pace.fold_while_deciding
            self._desk.advance(limit, 0.01 if batch is None else 0.0)
        self._chores(time.monotonic())

    def _handle(self, batch: Batch) -> None:
        for fault in batch.faults:
            self._face(fault)
        decided: list[tuple[Partition, Decided]] = []
        started = time.perf_counter()
        for number, messages in batch.groups.items():
            partition = self._desk.partitions[number]
            if (
                partition.phase is Phase.DECIDING
                and (columns := self._in_order(partition, messages)) is not None
            ):
                result = self._decider.decide(partition.fold, columns)
                if result.sick is not None:
                    self._desk.halt(partition, _cause_of(result.sick), result.sick)
                if result.outcome is not None:
                    decided.append((partition, result))
        metrics.REGISTRAR_STAGE.labels("decide").inc(time.perf_counter() - started)
        if not decided:
            return
        try:
            landings = self._write(decided, batch.metadata)
        except BatchRefused as refused:
            metrics.REGISTRAR_THROWN_AWAY.labels("refused").inc()
            log.warning("batch thrown away", extra={"cause": str(refused)})
            self._desk.recheck([partition for partition, _ in decided])
            return
        except OutcomeUnknown as unknown:
            raise self._ending(unknown) from unknown
        started = time.perf_counter()
        if landings is not None:
            self._enter(decided, landings, batch)
        metrics.REGISTRAR_STAGE.labels("store").inc(time.perf_counter() - started)

    def _in_order(self, partition: Partition, messages: list[Message]) -> Columns | None:
        columns = columns_of(messages)
        try:
            columns = in_order(columns, partition.fold.head.causes, partition.known_gaps)
        except IntakeGap as gap:
            log.warning(
                "intake gap: reading again", extra={"partition": partition.number, "detail": str(gap)}
            )
            metrics.REGISTRAR_THROWN_AWAY.labels("gap").inc()
            partition.known_gaps.add(gap.place)
            self._intake.open([partition.number])
            return None
        return columns if columns.offsets else None

    def _write(self, decided: list[tuple[Partition, Decided]], metadata: object) -> list[Landing] | None:
        """One transaction. None when it was aborted because something else stands where our entries should."""
        writer = self._writer
        started = time.perf_counter()
        writer.begin()
        landings: list[Landing] = []
        offsets: dict[tuple[str, int], int] = {}
        for partition, result in decided:
            assert result.outcome is not None
            landings.append(writer.send(partition.number, result.outcome.entries))
            if result.outcome.successions:
                writer.send_successions(result.outcome.successions)
            offsets.update(result.offsets)
        sent = time.perf_counter()
        writer.send_offsets(offsets, metadata)
        writer.settle()
        settled = time.perf_counter()
        displaced = [
            partition
            for (partition, result), landing in zip(decided, landings, strict=True)
            if not _landed(partition, result, landing)
        ]
        if displaced:
            writer.abort("the ledger does not end where this registrar's last entry stands")
            metrics.REGISTRAR_THROWN_AWAY.labels("displaced").inc()
            self._desk.recheck([partition for partition, _ in decided])
            return None
        writer.commit()
        stage = metrics.REGISTRAR_STAGE.labels
        stage("send").inc(sent - started)
        stage("settle").inc(settled - sent)
        stage("commit").inc(time.perf_counter() - settled)
        return landings

    def _enter(self, decided: list[tuple[Partition, Decided]], landings: list[Landing], batch: Batch) -> None:
        """Make a committed batch this process's own knowledge."""
        metrics.REGISTRAR_COMMIT.observe(time.perf_counter() - batch.taken_at)
        records = 0
        for (partition, result), landing in zip(decided, landings, strict=True):
            assert result.outcome is not None
            outcome = result.outcome
            partition.fold.accept(outcome.states, outcome.head, landing.last + 1, landing.last)
            partition.next_own = landing.last + 2  # the transaction's marker takes one
            records += len(outcome.entries)
            if outcome.clock_steps:
                metrics.CLOCK_STEPS.inc(outcome.clock_steps)
                log.error("the broker's clock stepped back", extra={"partition": partition.number})
            for topic in set(result.topics):
                metrics.REGISTRAR_RECORDS.labels(INTAKE_TOPICS[topic]).inc(result.topics.count(topic))
        metrics.REGISTRAR_BATCH.observe(records)

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
        if now - self._flushed > self._pace.flush:
            self._flushed = now
            self._store.flush(wait=False)
        if self._ends is not None and self._ends.ready():
            ends, self._ends = self._ends, None
            self._desk.compare_ends(ends, now)
        if self._ends is None and now - self._watched > self._pace.watch:
            self._watched = now
            if places := self._desk.watched():
                self._ends = LogBounds(self._admin, (), places)
            self._desk.measure()


def _landed(partition: Partition, result: Decided, landing: Landing) -> bool:
    assert result.outcome is not None
    return (
        landing.first == partition.next_own
        and landing.last - landing.first == len(result.outcome.entries) - 1
    )


def _cause_of(sick: Exception) -> str:
    return "unknown fingerprint" if type(sick).__name__ == "UnknownFingerprint" else "decision failed"
