"""Keeps the status view current by one thread, and hands over the entries somebody waits for.

The same thread hands entries to `Replies`: an answer never comes from anything but a valid, committed entry, and after
an answer the view already holds it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from confluent_kafka import KafkaException

from natalog import metrics
from natalog.cluster import Cluster
from natalog.gateway import listings
from natalog.gateway.freshness import Freshness
from natalog.gateway.lane import Lane
from natalog.gateway.problems import Problem
from natalog.gateway.replies import Arrived, Replies
from natalog.gateway.vital import vital_thread
from natalog.kafka.clients import admin_client
from natalog.kafka.identity import identity_of
from natalog.kafka.offsets import LogBounds
from natalog.ledger.fold import ShelfDisagrees
from natalog.ledger.follow import LEDGER, LedgerReader, Stretch
from natalog.ledger.rocks import StoreFailed
from natalog.ledger.store import bytes_in
from natalog.status.detail import Detail
from natalog.status.store import Doubtful
from natalog.status.view import Advance, StatusView
from natalog.wire.hot import read_entry
from natalog.wire.topics import INTAKE_TOPICS

log = logging.getLogger(__name__)

LIVE = tuple(i for i, topic in enumerate(INTAKE_TOPICS) if topic != "birth.backfill")
"""Places of the live intake topics in `Head.causes`."""
LIVE_TOPICS = tuple(INTAKE_TOPICS[i] for i in LIVE)

_BATCH = 2_500  # what is read at once stays in the processor's cache until it is folded: 10,000 took 7 % more
_SNAPSHOT_EVERY = 30.0  # seconds; what is not on disk is folded again after a crash


class Replica:
    """The status view of all partitions, and the thread that follows the ledger."""

    def __init__(
        self, cluster: Cluster, directory: Path, partitions: int, freshness: Freshness, name: str
    ) -> None:
        self._cluster = cluster
        self._name = name
        """Label of its metrics."""
        self._freshness = freshness
        self._partitions = partitions
        self._view = StatusView(directory, partitions, beside=listings.rows, beside_format=listings.FORMAT)
        metrics.STATE_BYTES.labels("status").set_function(lambda: bytes_in(directory))
        self._stop = threading.Event()
        self._doubt = ""
        self._halted: set[int] = set()
        self._tails: dict[int, int] | None = None
        self._replies: Replies | None = None
        self._lane: Lane | None = None
        self._changed: Callable[[], None] = lambda: None
        self._thread = vital_thread(self._run, "replica")
        self.ready = False
        """Whether every partition that can be folded was folded to the ledger's end of the start."""

    def start(self, replies: Replies, lane: Lane, changed: Callable[[], None]) -> None:
        """Begin to follow. `changed` is called after every step, on the replica's thread."""
        self._replies = replies
        self._lane = lane
        self._changed = changed
        self._thread.start()

    def close(self) -> None:
        """Stop and write everything to disk."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(15.0)
        self._view.close()

    def find(self, numbers: list[str]) -> tuple[list[Detail | None], list[int]]:
        """What the ledger says of well-formed numbers, and each partition's position at that moment.

        Raises Doubtful when the store is damaged; it is folded anew then.
        """
        try:
            return self._view.find(numbers)
        except Doubtful as doubt:
            self._doubt = str(doubt)
            raise

    @property
    def shelves(self) -> Sequence[listings.Rows]:
        """What is kept beside the view, by partition."""
        return self._view.rows

    def places(self, event_id: bytes, partition: int | None = None) -> list[tuple[int, int]]:
        """Partition and ledger offset of every entry about an event id that is no repeat, oldest first.

        Raises Problem 503 when the store is damaged; it is folded anew then.
        """
        try:
            return self._view.places(event_id, partition)
        except Doubtful as doubt:
            self._doubt = str(doubt)
            raise Problem(503, "not-ready", "The ledger is being read again.", retry_after=5) from None

    def _run(self) -> None:
        reader = None
        while reader is None and not self._stop.is_set():
            try:
                reader = self._begin()
            except KafkaException as error:
                log.warning("waiting for Kafka", extra={"error": error.args[0].name()})
                self._stop.wait(1.0)
        if reader is None:
            return
        written = time.monotonic()
        try:
            while not self._stop.is_set():
                for stretch in reader.read(_BATCH, 0.2):
                    if not self._doubt:
                        self._take(reader, stretch)
                if self._doubt:
                    self._restart(reader)
                if not self.ready:
                    self._look_for_tails()
                if time.monotonic() - written > _SNAPSHOT_EVERY:
                    self._view.snapshot()
                    written = time.monotonic()
        finally:
            reader.close()

    def _begin(self) -> LedgerReader:
        # Kept: an admin client that is collected takes its open questions with it.
        self._admin = admin = admin_client(self._cluster, "natalog-gateway-replica")
        identity = identity_of(admin, LEDGER)
        self._view.gather()
        if why := self._view.load(f"{identity.cluster}/{identity.topic}"):
            log.warning("the status view is folded anew", extra={"reason": why})
            metrics.STORE_REFOLDED.labels("view").inc()
        self._bounds = LogBounds(admin, [], [(LEDGER, p) for p in range(self._partitions)])
        reader = LedgerReader(self._cluster, "natalog-gateway")
        reader.start({p: tail.resume for p, tail in enumerate(self._view.tails)})
        return reader

    def _look_for_tails(self) -> None:
        if self._tails is None:
            if not self._bounds.ready():
                return
            try:
                self._tails = {p: end for (_, p), end in self._bounds.ends().items()}
            except KafkaException as error:
                # A topic made just now has no leader yet; a broker that restarts has none for a while.
                log.warning("ledger ends not known yet", extra={"error": error.args[0].name()})
                with contextlib.suppress(KafkaException):
                    self._admin.list_topics(timeout=2.0)  # or it would ask the old leader for ever
                self._bounds = LogBounds(self._admin, [], [(LEDGER, p) for p in range(self._partitions)])
                return
        tails = self._view.tails
        self.ready = all(
            p in self._halted or (tails[p].proven and tails[p].head.offset >= end)
            for p, end in self._tails.items()
        )
        if self.ready:
            self._view.settle()
            log.info("replica has reached the end of the ledger")

    def _restart(self, reader: LedgerReader) -> None:
        """Whatever is doubtful about the view is answered by folding the ledger again, from its beginning."""
        log.error("the status view is folded anew", extra={"reason": self._doubt})
        metrics.STORE_REFOLDED.labels("view").inc()
        self.ready = False
        for partition in range(self._partitions):
            self._freshness.reset(partition)
        self._view.gather()
        self._view.restart()
        self._halted.clear()
        self._doubt = ""
        reader.start(dict.fromkeys(range(self._partitions), 0))

    def _take(self, reader: LedgerReader, stretch: Stretch) -> None:
        partition = stretch.partition
        try:
            advance = self._view.apply(stretch)
        except (ShelfDisagrees, Doubtful) as reason:
            self._doubt = str(reason) or "doubtful"
            return
        except StoreFailed:
            raise
        except Exception:
            # Never a guess: its numbers answer 503 from here on, the other partitions go on.
            log.critical(
                "partition halted: this build cannot fold it", extra={"partition": partition}, exc_info=True
            )
            metrics.VIEW_HALTED.labels(self._name, partition).set(1)
            self._halted.add(partition)
            reader.stop([partition])
            return
        if advance.void:
            log.error("void entries skipped", extra={"partition": partition, "offsets": advance.void[:10]})
        head = self._view.tails[partition].head
        self._freshness.folded(partition, int(head.offset), [head.causes[i] for i in LIVE])
        self._hand_over(partition, advance)
        self._changed()

    def _hand_over(self, partition: int, advance: Advance) -> None:
        if self._lane is not None:
            self._lane.arrived(partition, advance.events, advance.offsets, advance.values)
        replies = self._replies
        if replies is None or replies.idle():
            return
        arrived = []
        for event, offset, value in zip(advance.events, advance.offsets, advance.values, strict=True):
            if replies.wants(event):
                entry = read_entry(value)
                topic = INTAKE_TOPICS[entry.topic]
                arrived.append(Arrived(partition, offset, event, topic, int(entry.offset), value))
        if arrived:
            replies.arrived(arrived)
