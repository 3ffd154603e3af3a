"""What the gateway knows of the ledger: states by key, entries by event id, kept current by one thread.

The same thread hands entries somebody waits for to `Replies`: an answer never comes from anything but a valid,
committed entry, and after an answer the replica already holds it.
"""

from __future__ import annotations

import contextlib
import logging
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from confluent_kafka import KafkaException

from natalog import metrics
from natalog.decision.codes import REPEATED
from natalog.gateway.freshness import Freshness
from natalog.gateway.replies import Arrived, Replies
from natalog.gateway.vital import vital_thread
from natalog.kafka.clients import admin_client
from natalog.kafka.offsets import LogBounds, identity_of
from natalog.ledger.fold import Fold, ShelfDisagrees
from natalog.ledger.follow import LEDGER, LedgerReader, Stretch
from natalog.ledger.store import Store
from natalog.wire.hot import RECORD_INPUT, EntryView, read_entry
from natalog.wire.schemas import HEADER_SIZE
from natalog.wire.topics import INTAKE_TOPICS

log = logging.getLogger(__name__)

LIVE = tuple(i for i, topic in enumerate(INTAKE_TOPICS) if topic != "birth.backfill")
"""Places of the live intake topics in `Head.causes`."""
LIVE_TOPICS = tuple(INTAKE_TOPICS[i] for i in LIVE)

_BATCH = 1_000
_FLUSH_EVERY = 30.0  # seconds; what is not on disk is folded again after a crash
_INDEX = b"\x00"
"""Begins the keys of the index; keys of records begin with a letter or digit."""
_BODY = HEADER_SIZE + 16
_OFFSET = struct.Struct(">q")


class Replica:
    """States and index of all partitions in one store, and the thread that follows the ledger."""

    def __init__(self, bootstrap: str, directory: Path, partitions: int, freshness: Freshness) -> None:
        self._bootstrap = bootstrap
        self._freshness = freshness
        self._partitions = partitions
        self._store = Store(directory, partitions)
        self._stop = threading.Event()
        self._halted: set[int] = set()
        self._tails: dict[int, int] | None = None
        self._replies: Replies | None = None
        self._changed: Callable[[], None] = lambda: None
        self._folds: list[Fold] = []
        self._thread = vital_thread(self._run, "replica")
        self.ready = False
        """Whether every partition that can be folded was folded to the ledger's end of the start."""

    def start(self, replies: Replies, changed: Callable[[], None]) -> None:
        """Begin to follow. `changed` is called after every step, on the replica's thread."""
        self._replies = replies
        self._changed = changed
        self._thread.start()

    def close(self) -> None:
        """Stop and write everything to disk."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(15.0)
        self._folds = []
        self._store.close()

    def state(self, partition: int, key: bytes) -> bytes | None:
        """The packed state of a key, None when the ledger says nothing about it."""
        return self._store.shelves[partition].states([key]).get(key)

    def places(self, event_id: bytes, partition: int | None = None) -> list[tuple[int, int]]:
        """Partition and ledger offset of every entry about an event id that is no repeat, oldest first."""
        shelves: Iterable[int] = range(self._partitions) if partition is None else (partition,)
        found = []
        for p in shelves:
            prefix = _INDEX + event_id
            for key in self._store.shelves[p].keys_from(prefix):
                if not key.startswith(prefix):
                    break
                found.append((p, _OFFSET.unpack_from(key, len(prefix))[0]))
        return found

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
        flushed = time.monotonic()
        try:
            while not self._stop.is_set():
                for stretch in reader.read(_BATCH, 0.2):
                    self._take(reader, stretch)
                if not self.ready:
                    self._look_for_tails()
                if time.monotonic() - flushed > _FLUSH_EVERY:
                    self._store.flush(wait=False)
                    flushed = time.monotonic()
        finally:
            reader.close()

    def _begin(self) -> LedgerReader:
        # Kept: an admin client that is collected takes its open questions with it.
        self._admin = admin = admin_client(self._bootstrap, "natalog-gateway-replica")
        identity = identity_of(admin, LEDGER)
        if not self._store.belongs_to(f"{identity.cluster}/{identity.topic}"):
            log.warning("the replica was of another ledger and is folded anew")
        self._folds = [Fold(p, self._store.shelves[p]) for p in range(self._partitions)]
        self._bounds = LogBounds(admin, [], [(LEDGER, p) for p in range(self._partitions)])
        reader = LedgerReader(self._bootstrap, "natalog-gateway")
        reader.start({fold.partition: fold.resume for fold in self._folds})
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
        self.ready = all(
            p in self._halted or self._folds[p].head.offset >= end for p, end in self._tails.items()
        )
        if self.ready:
            log.info("replica has reached the end of the ledger")

    def _take(self, reader: LedgerReader, stretch: Stretch) -> None:
        partition = stretch.partition
        fold = self._folds[partition]
        arrived: list[Arrived] = []

        def index(offsets: list[int], values: list[bytes], void: set[int]) -> dict[bytes, bytes]:
            return self._index(partition, offsets, values, void, arrived)

        try:
            advance = fold.apply(stretch, index)
        except ShelfDisagrees as reason:
            log.error("replica emptied", extra={"partition": partition, "reason": str(reason)})
            metrics.STORE_REFOLDED.labels("shelf").inc()
            fold.restart()
            self._freshness.reset(partition)
            reader.start({partition: fold.resume})
            return
        except Exception:
            # Never a guess: its numbers answer 503 from here on, the other partitions go on.
            log.critical(
                "partition halted: this build cannot fold it", extra={"partition": partition}, exc_info=True
            )
            metrics.PARTITION_HALTED.labels(partition, "gateway").set(1)
            self._halted.add(partition)
            reader.stop([partition])
            return
        if advance.void:
            metrics.LEDGER_VOID.labels(partition).inc(len(advance.void))
            log.error("void entries skipped", extra={"partition": partition, "offsets": advance.void[:10]})
        head = fold.head
        self._freshness.folded(partition, head.offset, [head.causes[i] for i in LIVE])
        if arrived and self._replies is not None:
            self._replies.arrived(arrived)
        self._changed()

    def _index(
        self, partition: int, offsets: list[int], values: list[bytes], void: set[int], arrived: list[Arrived]
    ) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        wants = self._replies.wants if self._replies is not None else _nobody
        for offset, value in zip(offsets, values, strict=True):
            if offset in void:
                continue
            entry = read_entry(value)
            event_id = _event_id(entry)
            if event_id is None:
                continue
            if entry.verdict != REPEATED:
                found[_INDEX + event_id + _OFFSET.pack(offset)] = b""
            if wants(event_id):
                topic = INTAKE_TOPICS[entry.topic]
                arrived.append(Arrived(partition, offset, event_id, topic, entry.offset, value))
        return found


def _event_id(entry: EntryView) -> bytes | None:
    """Every intake record starts with its event id, right behind the header."""
    if entry.kind == RECORD_INPUT and len(entry.input) >= _BODY:
        return entry.input[HEADER_SIZE:_BODY]
    return entry.event_id or None


def _nobody(event_id: bytes) -> bool:
    return False
