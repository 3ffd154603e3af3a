"""Which partitions are decided, which are taken over and which are only followed; the way from one to another."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from natalog import metrics
from natalog.kafka.offsets import LogBounds, Place
from natalog.ledger.fold import Fold, ShelfDisagrees
from natalog.ledger.follow import LEDGER, LedgerReader, Stretch
from natalog.ledger.rocks import StoreFailed
from natalog.ledger.store import Store
from natalog.registrar import gauges
from natalog.registrar.faults import ForeignWriter
from natalog.registrar.intake import Intake
from natalog.registrar.markers import Markers
from natalog.registrar.partition import Partition, Patience, Phase
from natalog.registrar.stalls import Stalls
from natalog.registrar.takeover import Findings, Round, compare_committed, missing_intake, passed
from natalog.wire.topics import INTAKE_TOPICS, MARKED, MARKED_TOPIC

log = logging.getLogger(__name__)

_LONG_TAIL = 5_000  # entries


class Desk:
    """All partitions of the ledger as one registrar sees them."""

    def __init__(
        self,
        *,
        store: Store,
        reader: LedgerReader,
        markers: Markers,
        stalls: Stalls,
        admin: AdminClient,
        offsets: Consumer,
        history: Mapping[int, int],
    ) -> None:
        """`offsets` knows what the group has committed. `history` says where the ledger ended at the start, of
        partitions whose shelf is empty: void entries before that were met by others."""
        self.partitions = [Partition(Fold(number, shelf)) for number, shelf in enumerate(store.shelves)]
        for number, end in history.items():
            self.partitions[number].alarmed_to = end
        self._store = store
        self._reader = reader
        self._markers = markers
        self._stalls = stalls
        self._admin = admin
        self._offsets = offsets
        self._rounds: list[Round] = []
        self._findings: dict[int, Findings] = {}
        self._intake: Intake | None = None
        self._busy = False
        self.assigned_once = False
        self.before_leaving: Callable[[], None] = lambda: None
        """Called before partitions are given back, from within a poll."""
        gauges.declare(self.partitions)
        reader.start({p.number: p.fold.resume for p in self.partitions})

    def attach(self, intake: Intake) -> None:
        """Say which intake to open and close."""
        self._intake = intake

    @property
    def is_folding(self) -> bool:
        """Whether the ledger has more to fold, as far as known, or a takeover is under way."""
        return self._busy or bool(self._rounds) or any(p.phase is Phase.TAKING_OVER for p in self.partitions)

    @property
    def reads_ledger(self) -> bool:
        """Whether any partition is being read from the ledger."""
        return bool(self._reader.partitions)

    @property
    def is_ready(self) -> bool:
        """Whether the group has given us our share and all of it that is not halted is being decided."""
        return self.assigned_once and all(p.phase is not Phase.TAKING_OVER for p in self.partitions)

    def resume(self, number: int) -> list[int]:
        """Next offset of each intake topic of a partition, as far as the ledger is folded."""
        return self.partitions[number].resume

    def unread(self, number: int) -> list[int]:
        """Next offset of each intake topic of a partition where a record may stand."""
        return self.partitions[number].unread

    def deciding(self) -> list[Partition]:
        """Partitions where this registrar writes."""
        return [p for p in self.partitions if p.phase is Phase.DECIDING]

    def halted(self) -> list[Partition]:
        """Partitions that need people."""
        return [p for p in self.partitions if p.phase is Phase.HALTED]

    # Called by the intake, from within a poll ------------------------------------------------------------------------

    def assigned(self, numbers: list[int]) -> None:
        """The group gave us these."""
        log.info("assigned", extra={"partitions": numbers})
        self.assigned_once = True
        for number in numbers:
            self._take_over(self.partitions[number], suspicious=False)
        if numbers:
            self._rounds.append(self._round(numbers))

    def revoked(self, numbers: list[int]) -> None:
        """The group took these back."""
        self.before_leaving()
        log.info("revoked", extra={"partitions": numbers})
        self._rounds.clear()
        self._findings.clear()
        for number in numbers:
            partition = self.partitions[number]
            self._lift(partition)
            partition.phase = Phase.FOLLOWING
            partition.suspicious = False
            partition.gaps.forget()
            partition.fold.doubt()  # our own entries were never read
            self._read(partition)
        self._store.flush(wait=True)

    # Called by the loop ----------------------------------------------------------------------------------------------

    def recheck(self, partitions: Iterable[Partition]) -> None:
        """Stop deciding there, look what stands on the ledger, go on when nobody else wrote."""
        again = [p for p in partitions if p.phase is Phase.DECIDING]
        self._open_intake().close(p.number for p in again)
        for partition in again:
            partition.fold.doubt()
            self._take_over(partition, suspicious=True)
        if again:
            self._rounds.append(self._round([p.number for p in again]))

    def watched(self) -> list[Place]:
        """Logs whose ends `compare_ends` wants to know, asked for at once."""
        deciding = self.deciding()
        for partition in deciding:
            partition.settled, partition.own_then = partition.own_then, partition.next_own
        return [(topic, p.number) for p in deciding for topic in (LEDGER, *INTAKE_TOPICS)]

    def compare_ends(self, ends: LogBounds, now: float) -> None:
        """Recheck partitions whose ledger, when `ends` was asked, was already longer than what stands there by us, or
        shorter than what stood there when they were asked before; read again where intake is waiting and none comes.
        `now` is time.monotonic()."""
        try:
            found = ends.ends()
        except KafkaException as exception:
            log.warning("ends of logs not known", extra={"detail": str(exception)})
            with contextlib.suppress(KafkaException):
                # Or the client would go on asking a leader that is none any more.
                self._admin.list_topics(timeout=2.0)
            return
        longer = [p for p in self.deciding() if found.get((LEDGER, p.number), 0) > p.next_own]
        if longer:
            log.error("unexpected records on the ledger", extra={"partitions": [p.number for p in longer]})
            self.recheck(longer)
        # A commit's markers come a little later than its answer, but not by the time between two questions.
        shorter = [p for p in self.deciding() if found.get((LEDGER, p.number), p.settled) < p.settled]
        if shorter:
            log.error("ledger ends before our entries do", extra={"partitions": [p.number for p in shorter]})
            self.recheck(shorter)
        self._markers.look(self.deciding(), found, now)
        for partition in self.deciding():
            if self._stalls.is_stalled(partition, found, now):
                self._open_intake().open([partition.number])

    def halt(
        self, partition: Partition, cause: str, exception: BaseException | None, detail: str = ""
    ) -> None:
        """Take a partition out of work until people have looked; the others go on."""
        self._lift(partition)
        self._reader.stop([partition.number])
        if self._intake is not None:
            self._intake.close([partition.number])
        partition.phase, partition.cause = Phase.HALTED, cause
        metrics.PARTITION_HALTED.labels(partition.number).set(1)
        log.error(
            "partition halted: nothing on it is decided until its cause is removed and the registrar restarted",
            extra={"partition": partition.number, "cause": cause, "detail": detail},
            exc_info=exception,
        )

    def advance(self, limit: int, timeout: float) -> None:
        """Fold up to `limit` entries, waiting `timeout` seconds at most, and open what has been taken over."""
        stretches = self._reader.read(limit, timeout)
        self._busy = any(stretch.offsets for stretch in stretches)
        for stretch in stretches:
            self._fold(self.partitions[stretch.partition], stretch)
        for question in list(self._rounds):
            findings = question.findings()
            if findings is not None:
                self._rounds.remove(question)
                for number in question.partitions:
                    self._findings[number] = findings
                    self.partitions[number].target = findings.ledger_ends[number]
        if passed := [p for p in self.partitions if p.phase is Phase.TAKING_OVER and self._has_passed(p)]:
            self._start_deciding(passed)

    def pass_empty(self) -> None:
        """Take what has been read of offsets that may hold no record. Waits for nothing."""
        self._markers.read(self.partitions)
        self._stalls.read(self.partitions)

    def to_vouch(self, *, all_of_them: bool) -> list[Partition]:
        """Where the group's committed offsets are to be committed: where markers were passed of which it does not know,
        or everywhere, but for where it knows of some that are not passed yet."""
        return [
            p
            for p in self.deciding()
            if p.passed > p.vouched or (all_of_them and p.vouched <= p.resume[MARKED])
        ]

    def taking_over(self) -> list[Partition]:
        """Partitions whose takeover waits for open transactions to end, or for the fold."""
        unstable = frozenset(
            number for question in self._rounds if question.unstable for number in question.partitions
        )
        return [
            p
            for p in self.partitions
            if p.phase is Phase.TAKING_OVER and (p.target is not None or p.number in unstable)
        ]

    def undecided_from(self) -> dict[Place, int]:
        """Where the undecided records of each intake log begin, of the partitions held. From any thread."""
        held = [self.partitions[number] for number in self._open_intake().held]
        return {
            (topic, partition.number): offset
            for partition in held
            if partition.phase in (Phase.DECIDING, Phase.HALTED)  # else the fold has not come to the end
            for topic, offset in zip(INTAKE_TOPICS, partition.resume, strict=True)
        }

    def halted_because(self) -> dict[str, str]:
        """Partition to cause, of those that need people."""
        causes = {str(p.number): p.cause for p in self.halted()}
        return causes | dict.fromkeys(map(str, self._open_intake().unknown), "unknown partition")

    # Steps -----------------------------------------------------------------------------------------------------------

    def _take_over(self, partition: Partition, *, suspicious: bool) -> None:
        self._lift(partition)
        partition.phase = Phase.TAKING_OVER
        partition.target = None
        partition.since = time.monotonic()
        partition.suspicious = suspicious
        partition.passed = 0  # the fold may come to stand before what was decided when it was proven
        if partition.number not in self._reader.partitions:
            self._read(partition)

    def _round(self, numbers: Collection[int]) -> Round:
        return Round(
            self._admin, self._offsets, numbers, lambda number: self.partitions[number].fold.head.offset
        )

    def _read(self, partition: Partition) -> None:
        self._reader.start({partition.number: partition.fold.resume})

    def _lift(self, partition: Partition) -> None:
        if partition.phase is Phase.HALTED:
            metrics.PARTITION_HALTED.labels(partition.number).set(0)
            partition.cause = ""

    def _fold(self, partition: Partition, stretch: Stretch) -> None:
        if partition.suspicious and stretch.offsets and stretch.offsets[-1] >= partition.fold.head.offset:
            if self._open_intake().is_member(partition.number, partition.resume):
                raise ForeignWriter(f"ledger partition {partition.number}, offset {stretch.offsets[-1]}")
            # Written by whoever holds the partition now; the group will tell us soon that it is not us.
            partition.suspicious = False
        try:
            advance = partition.fold.apply(stretch)
        except ShelfDisagrees as disagreement:
            self._refold(partition, str(disagreement))
            return
        except StoreFailed:
            raise
        except Exception as exception:
            self.halt(partition, "ledger unreadable", exception)
            return
        partition.tail += advance.entries
        if advance.void:
            fresh = sum(1 for offset in advance.void if offset >= partition.alarmed_to)
            metrics.VOID_ENTRIES.labels(partition.number).inc(fresh)
            partition.alarmed_to = max(partition.alarmed_to, advance.void[-1] + 1)
            log.error(
                "void entries on the ledger: somebody else wrote there",
                extra={
                    "partition": partition.number,
                    "first_offset": advance.void[0],
                    "count": len(advance.void),
                },
            )

    def _refold(self, partition: Partition, why: str) -> None:
        if partition.fold.head.offset == 0 and partition.fold.last < 0:
            self.halt(partition, "ledger start missing", None, why)
            return
        metrics.STORE_REFOLDED.labels("disagrees").inc()
        log.error(
            "state does not stem from this ledger: folding anew",
            extra={"partition": partition.number, "detail": why},
        )
        partition.fold.restart()
        partition.suspicious = False
        self._read(partition)

    def _has_passed(self, partition: Partition) -> bool:
        """Whether the fold has come past all that may have been written before. Refolds or halts where it cannot."""
        if partition.target is None:
            return False
        offset = partition.fold.head.offset
        findings = self._findings[partition.number]
        if partition.target < findings.folded[partition.number] <= offset:
            self._refold(partition, f"the ledger ends at {partition.target}, before {offset}")
            return False
        if not partition.fold.is_proven or offset < partition.target:
            return False
        partition.passed = passed(partition.resume[MARKED], partition.number, findings)
        if (missing := missing_intake(partition, findings)) is not None:
            self.halt(partition, "intake lost", None, missing)
            return False
        return True

    def _start_deciding(self, partitions: list[Partition]) -> None:
        for partition in partitions:
            findings = self._findings[partition.number]
            if not partition.suspicious:
                compare_committed(partition, findings)
            partition.vouched = max(0, findings.committed.get((MARKED_TOPIC, partition.number), -1))
            if partition.tail > _LONG_TAIL:
                # Or a process killed again and again would fold ever more at each start.
                partition.fold.shelf.flush(wait=False)
            partition.tail = 0
            partition.phase = Phase.DECIDING
            partition.patience = Patience()
            partition.suspicious = False
            partition.next_own = partition.fold.head.offset
            partition.settled = partition.own_then = 0
            took = time.monotonic() - partition.since
            metrics.TAKEOVER_SECONDS.observe(took)
            log.info(
                "deciding",
                extra={
                    "partition": partition.number,
                    "seq": partition.fold.head.seq,
                    "seconds": round(took, 3),
                },
            )
        numbers = [p.number for p in partitions]
        self._reader.stop(numbers)
        self._open_intake().open(numbers)

    def _open_intake(self) -> Intake:
        assert self._intake is not None
        return self._intake
