"""What the status view keeps on disk: RocksDB, everything in one column family, without its log.

    i                              the ledger it was folded from, and the format
    p + partition                  how far the partition is folded: last valid entry, head
    e + event id, partition, offset    an entry that decided that event
    d + number                     detail of a number
    x + partition, key             a row kept beside (`Beside`): what else is asked of the ledger
    c + counter                    what one step changed in the sets
    s                              a snapshot of the sets, the counter it stands at, the positions, a SHA-256

A step writes all it changes in one batch, and RocksDB writes a column family out batch by batch in order. So after a
crash at any moment the store shows one moment of the past: positions, index, details and sets (snapshot and changes
since) of that moment; what is missing is folded again from the ledger. A snapshot is such a batch too.

While a ledger is caught up with, events do not go through RocksDB's memory: it would sort them one by one to flush
them, which took more than all the rest of a rebuild. They are gathered, sorted at once and put beside its files as one
more (`gather`, `settle`), before anything is flushed that tells how far they reach: the disk may hold more events than
its positions say, never fewer, and an event that is folded again is the same key.

A store is a cache: whatever is doubtful about it (Doubtful) is answered by emptying it and reading the ledger again.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    IngestExternalFileOptions,
    MemtableFactory,
    Options,
    Rdict,
    ReadOptions,
    SliceTransform,
    SstFileWriter,
    WriteBatch,
    WriteOptions,
)

from natalog.ledger.head import Head
from natalog.ledger.rocks import StoreFailed, is_damaged, named_failures, open_or_empty, rows_from
from natalog.ledger.store import Position
from natalog.status.sets import Changes, Sets

FORMAT = b"status view 1"
_IDENTITY = b"i"
_POSITION = b"p"
_EVENT = b"e"
_DETAIL = b"d"
_CHANGES = b"c"
_SNAPSHOT = b"s"
_ROW = b"x"
_PREFIX = 4  # bytes; keys that agree in them share a bucket
_BUCKETS = 200_000  # 8 bytes each; a full memtable holds twice as many events
_GATHERED = 400_000  # events sorted into one file, some 30 MB
_BESIDE = 8 << 20  # bytes written beside them, after which they go to disk too: well below the write buffer
_LAST = struct.Struct("<q")
_PLACE = struct.Struct(">Bq")
_COUNTER = struct.Struct(">Q")
_HEADER = struct.Struct("<QI")


class Doubtful(Exception):
    """The store cannot be trusted: empty it and read the ledger from its beginning."""


class ViewStore:
    """One directory. Raises StoreInUse when another process has it open, StoreFailed when it cannot be opened, read or
    written. What is damaged is emptied when it is opened, and Doubtful when it is read."""

    def __init__(self, directory: Path, partitions: int, *, cache_mib: int = 64) -> None:
        self._directory = directory
        self._partitions = partitions
        self._options = _options(cache_mib)
        self._write = WriteOptions()
        self._write.disable_wal = True  # type: ignore[method-assign,assignment]
        self.was_damaged = False
        self._gathered: list[bytes] | None = None
        """Keys of events that are not written yet; None where they go through memory."""
        self._beside = 0
        """Bytes written since the gathered events were put to disk, or RocksDB might flush by itself."""
        self._open()

    def _open(self) -> None:
        # On reopening, RocksDB takes stored options and drops the filter unless they are given by family.
        self._database, why = open_or_empty(
            self._directory,
            lambda: Rdict(str(self._directory), self._options, {"default": self._options}),
        )
        self.was_damaged = self.was_damaged or bool(why)

    def _named_failures(self) -> contextlib.AbstractContextManager[None]:
        return named_failures(self._directory)

    def gather(self) -> None:
        """From here on `places` shows new events only after `settle`: they are written in large sorted runs."""
        self._gathered = self._gathered or []

    def settle(self) -> None:
        """Show all events, and write new ones at once."""
        self._put_gathered()
        self._gathered = None

    def belongs_to(self, identity: str) -> bool:
        """Whether it was folded from the ledger `identity` names, in this format; else it is emptied, and named so."""
        wanted = FORMAT + b" " + identity.encode()
        known = self._get(_IDENTITY)
        if known == wanted:
            return True
        if known is not None:
            self.empty()
        self.name(identity)
        return known is None

    def name(self, identity: str) -> None:
        """Say which ledger this is folded from."""
        with self._named_failures():
            self._database.put(_IDENTITY, FORMAT + b" " + identity.encode())
            self._database.flush(True)

    def empty(self) -> None:
        """Forget everything."""
        with contextlib.suppress(Exception):
            self._database.close()
        shutil.rmtree(self._directory)
        self._gathered, self._beside = None if self._gathered is None else [], 0
        self._open()

    def load(self) -> tuple[list[Position | None], Sets, int, int]:
        """Positions by partition, the sets, and the counters of the snapshot and of the last change.

        Raises Doubtful.
        """
        positions = [self._position(self._get(_position_key(p))) for p in range(self._partitions)]
        packed = self._get(_SNAPSHOT)
        sets, at = Sets(), 0
        try:
            if packed is not None:
                at, stated, sets = _read_snapshot(packed, self._partitions)
                for now, then in zip(positions, stated, strict=True):
                    if then is not None and (now is None or now.head.seq < then.head.seq):
                        raise Doubtful("the snapshot is ahead of the store it lies in")
            last = at
            for key, value in self._from(_CHANGES + _COUNTER.pack(at + 1)):
                if not key.startswith(_CHANGES):
                    break
                last += 1
                if _COUNTER.unpack_from(key, 1)[0] != last:
                    raise Doubtful("a change of the sets is missing")
                Changes.unpack(value).apply(sets)
        except (ValueError, struct.error) as error:
            raise Doubtful(str(error)) from error
        return positions, sets, at, last

    def write(
        self,
        partition: int,
        position: Position,
        events: Iterable[tuple[bytes, int]],
        details: Mapping[bytes, bytes | None],
        changes: tuple[int, bytes] | None,
        rows: Mapping[bytes, bytes],
    ) -> None:
        """One step: new position, events with their entries' offsets, details (None: none any more), changes, rows."""
        batch = WriteBatch(raw_mode=True)
        put = batch.put
        place = _PLACE.pack
        keys = [_EVENT + event + place(partition, offset) for event, offset in events]
        if self._gathered is not None:
            self._gathered += keys
        else:
            for key in keys:
                put(key, b"")
        for number, detail in details.items():
            if detail is None:
                batch.delete(_DETAIL + number)
            else:
                put(_DETAIL + number, detail)
        for key, row in rows.items():
            put(_ROW + bytes([partition]) + key, row)
        if changes is not None:
            put(_CHANGES + _COUNTER.pack(changes[0]), changes[1])
        put(_position_key(partition), _LAST.pack(position.last) + position.head.pack())
        size = batch.size_in_bytes()
        with self._named_failures():
            self._database.write(batch, self._write)
        if self._gathered is not None:
            self._beside += size
            if len(self._gathered) >= _GATHERED or self._beside >= _BESIDE:
                self.flush(wait=False)

    def write_snapshot(
        self, since: int, counter: int, positions: Sequence[Position | None], sets: Sets
    ) -> None:
        """Put the sets as they are after change `counter`; the changes after `since`, the last snapshot, go."""
        batch = WriteBatch(raw_mode=True)
        batch.put(_SNAPSHOT, _snapshot(counter, positions, sets))
        for old in range(since + 1, counter + 1):
            batch.delete(_CHANGES + _COUNTER.pack(old))
        with self._named_failures():
            self._database.write(batch, self._write)

    def details(self, numbers: Sequence[bytes]) -> list[bytes | None]:
        """Details in the order of `numbers`. Raises Doubtful when they cannot be read."""
        try:
            found: list[bytes | None] = self._database.get([_DETAIL + n for n in numbers])  # type: ignore[assignment]
        except Exception as error:
            raise _unreadable(error) from error
        return found

    def places(self, event_id: bytes, partition: int | None) -> list[tuple[int, int]]:
        """Partition and ledger offset of the entries that decided an event. Raises Doubtful."""
        prefix = _EVENT + event_id + (b"" if partition is None else bytes([partition]))
        found = []
        for key, _ in self._from(prefix, within=True):
            if not key.startswith(prefix):
                break
            found.append(_PLACE.unpack_from(key, 17))
        return found

    def rows_from(self, partition: int, first: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows of a partition in the order of their keys, from `first` on. Raises Doubtful."""
        prefix = _ROW + bytes([partition])
        for key, row in self._from(prefix + first):
            if not key.startswith(prefix):
                return
            yield key[len(prefix) :], row

    def flush(self, *, wait: bool) -> None:
        """Write to disk what is in memory; without `wait` in the background."""
        self._put_gathered()
        with self._named_failures():
            self._database.flush(wait)
        self._beside = 0

    def _put_gathered(self) -> None:
        if not self._gathered:
            return
        keys, self._gathered = self._gathered, []
        keys.sort()
        path = self._directory / "gathered.sst"
        move = IngestExternalFileOptions()
        move.set_move_files(True)
        with self._named_failures():
            file = SstFileWriter(options=self._options)
            file.open(str(path))
            for key in keys:
                file[key] = b""
            file.finish()
            self._database.ingest_external_file([str(path)], move)

    def close(self) -> None:
        """Let go of the directory, everything written."""
        self.flush(wait=True)
        self._database.close()

    def _get(self, key: bytes) -> bytes | None:
        try:
            return self._database.get(key)
        except Exception as error:
            raise _unreadable(error) from error

    def _from(self, first: bytes, *, within: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order. `within`: whoever asks stops before the first _PREFIX bytes change."""
        options = ReadOptions()
        options.set_total_order_seek(not within)
        try:
            yield from rows_from(self._database, first, options)
        except Exception as error:
            raise _unreadable(error) from error

    @staticmethod
    def _position(packed: bytes | None) -> Position | None:
        return None if packed is None else _unpack_position(packed)


def _unreadable(error: Exception) -> Doubtful | StoreFailed:
    """What an error of RocksDB's says of the store it was read from."""
    text = f"the store cannot be read: {error}"
    return Doubtful(text) if is_damaged(error) else StoreFailed(text)


def _position_key(partition: int) -> bytes:
    return _POSITION + bytes([partition])


def _unpack_position(packed: bytes) -> Position:
    return Position(Head.unpack(packed[_LAST.size :]), _LAST.unpack_from(packed)[0])


def _snapshot(counter: int, positions: Sequence[Position | None], sets: Sets) -> bytes:
    parts = [_HEADER.pack(counter, len(positions))]
    for position in positions:
        packed = b"" if position is None else _LAST.pack(position.last) + position.head.pack()
        parts += [_LAST.pack(len(packed)), packed]
    body = b"".join([*parts, sets.pack()])
    return hashlib.sha256(body).digest() + body


def _read_snapshot(packed: bytes, partitions: int) -> tuple[int, list[Position | None], Sets]:
    digest, body = packed[:32], packed[32:]
    if hashlib.sha256(body).digest() != digest:
        raise Doubtful("the snapshot's checksum is not that of its content")
    counter, count = _HEADER.unpack_from(body)
    if count != partitions:
        raise Doubtful("the snapshot is of another number of partitions")
    at = _HEADER.size
    positions: list[Position | None] = []
    for _ in range(count):
        (size,) = _LAST.unpack_from(body, at)
        at += _LAST.size
        positions.append(_unpack_position(body[at : at + size]) if size else None)
        at += size
    return counter, positions, Sets.unpack(body[at:])


def _options(cache_mib: int) -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_compression_type(DBCompressionType.none())
    options.set_max_background_jobs(2)
    options.set_write_buffer_size(32 << 20)
    options.set_max_write_buffer_number(4)
    options.set_target_file_size_base(64 << 20)
    options.set_max_bytes_for_level_base(256 << 20)
    # Event ids are random: in the usual sorted memtable an insert takes four times as long as in one of buckets, and
    # was most of a rebuild. Whoever wants more than one bucket must ask for it (`_from`).
    options.set_allow_concurrent_memtable_write(False)
    options.set_prefix_extractor(SliceTransform.create_max_len_prefix(_PREFIX))
    options.set_memtable_factory(MemtableFactory.hash_link_list(_BUCKETS))  # type: ignore[call-arg]
    options.set_max_open_files(-1)
    options.set_keep_log_file_num(2)
    table = BlockBasedOptions()
    table.set_bloom_filter(10, False)
    table.set_block_cache(Cache(cache_mib << 20))
    table.set_format_version(5)
    options.set_block_based_table_factory(table)
    return options
