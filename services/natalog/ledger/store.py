"""Packed states by key, and how far the ledger is folded into them: RocksDB, one column family per partition.

The position stands in the same column family and the same write batch as the states. RocksDB writes a column family
out batch by batch in order, so even without its log, and after kill -9, a family shows states and position of one
moment. Whatever was not written out is folded again from the ledger. (Two families without an atomic flush tore in
nine trials of nine; one family in none of nine.)

A store is a cache: anything doubtful about it is answered by emptying it. An error of the machine's is not (rocks.py).
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteOptions,
)

from natalog.decision.packing import FORMAT
from natalog.ledger.head import Head
from natalog.ledger.rocks import named_failures, open_or_empty

log = logging.getLogger(__name__)

_POSITION = b"\xff"
_IDENTITY = b"identity"
_LAST = struct.Struct("<q")
_ESCAPE = 0xFF


def bytes_in(directory: Path) -> int:
    """Bytes of the files in a directory. What goes away meanwhile, the directory even, counts nothing."""
    found = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as files:
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                found += file.stat().st_size
    return found


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition is folded. `last` is the ledger offset of the last valid entry, -1 before the first."""

    head: Head
    last: int


class Shelf:
    """States of one partition. Reading and writing raise StoreFailed."""

    def __init__(self, store: Store, partition: int) -> None:
        self._store = store
        self._name = f"p{partition}"
        self._open()

    def _open(self) -> None:
        self._family = self._store.database.get_column_family(self._name)
        self._handle = self._store.database.get_column_family_handle(self._name)

    def position(self) -> Position | None:
        """Position of the last write, None when empty."""
        with self._store.named_failures():
            packed = self._family.get(_POSITION)
        if packed is None:
            return None
        return Position(Head.unpack(packed[_LAST.size :]), _LAST.unpack_from(packed)[0])

    def states(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Packed states of the given keys; a key without one is absent."""
        distinct = list(dict.fromkeys(keys))
        wanted = distinct if max(distinct) < _POSITION else [_escaped(key) for key in distinct]
        with self._store.named_failures():
            # rocksdict types keys and values as anything it can hold; without pickling they are bytes.
            found: list[bytes | None] = self._family.get(wanted)  # type: ignore[arg-type,assignment]
        return {key: state for key, state in zip(distinct, found, strict=True) if state is not None}

    def write(self, states: Mapping[bytes, bytes], position: Position) -> None:
        """Put new states and the position they belong to, in one step."""
        batch = WriteBatch(raw_mode=True)
        batch.set_default_column_family(self._handle)
        put = batch.put
        for key, state in states.items():
            put(key if key < _POSITION else _escaped(key), state)
        put(_POSITION, _LAST.pack(position.last) + position.head.pack())
        with self._store.named_failures():
            self._store.database.write(batch, self._store.write_options)

    def clear(self) -> None:
        """Forget everything."""
        del self._family, self._handle
        with self._store.named_failures():
            self._store.database.drop_column_family(self._name)
            self._store.database.create_column_family(self._name, self._store.options)
        self._open()

    def flush(self, *, wait: bool) -> None:
        """Write to disk what is in memory; without `wait` in the background."""
        with self._store.named_failures():
            self._family.flush(wait)

    def close(self) -> None:
        """Let go of the database, which closes when nobody holds it."""
        del self._family, self._handle


def _escaped(key: bytes) -> bytes:
    """Keys that begin with 0xFF get one more, so that none is `_POSITION` (well-formed keys are ASCII)."""
    return b"\xff" + key if key and key[0] == _ESCAPE else key


class Store:
    """The shelves of all partitions in one directory.

    `cache_mib` bounds the block cache, `buffers_mib` the memory tables of all partitions together.
    Raises StoreInUse when another process has it open, StoreFailed when it cannot be opened, read or written. What is
    damaged is emptied.
    """

    def __init__(
        self, directory: Path, partitions: int, *, cache_mib: int = 64, buffers_mib: int = 64
    ) -> None:
        self._directory = directory
        self._partitions = partitions
        self.options = _options(cache_mib, buffers_mib)
        self.write_options = WriteOptions()
        self.write_options.disable_wal = True  # type: ignore[method-assign,assignment]
        self._open()

    def named_failures(self) -> contextlib.AbstractContextManager[None]:
        """What RocksDB raises within comes out as StoreFailed."""
        return named_failures(self._directory)

    def _open(self) -> None:
        # Options must be given for every family: on reopening, RocksDB else takes stored ones and drops the filter.
        families = {"default": self.options, **{f"p{p}": self.options for p in range(self._partitions)}}
        self.database, why = open_or_empty(
            self._directory, lambda: Rdict(str(self._directory), self.options, families)
        )
        if why:
            log.error("the store was damaged: emptied", extra={"reason": why})
        self.shelves = [Shelf(self, p) for p in range(self._partitions)]

    def belongs_to(self, identity: str) -> bool:
        """Whether the store was folded from the ledger `identity` names; a new store takes that name.

        When it belongs to another, or holds states in another format, it is emptied and takes the name.
        """
        with self.named_failures():
            known = self.database.get(_IDENTITY)
        wanted = identity.encode() + b" state format " + FORMAT.hex().encode()
        if known == wanted:
            return True
        if known is not None:
            self._empty()
        with self.named_failures():
            self.database.put(_IDENTITY, wanted)
            self.database.flush(True)
        return known is None

    def flush(self, *, wait: bool) -> None:
        """Write every shelf to disk."""
        for shelf in self.shelves:
            shelf.flush(wait=wait)

    def close(self) -> None:
        """Flush and let go of the directory."""
        self.flush(wait=True)
        self._release()

    def _release(self) -> None:
        for shelf in self.shelves:
            shelf.close()
        self.shelves = []
        self.database.close()

    def _empty(self) -> None:
        self._release()
        shutil.rmtree(self._directory)
        self._open()


def _options(cache_mib: int, buffers_mib: int) -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_compression_type(DBCompressionType.none())
    options.set_max_background_jobs(2)
    options.set_write_buffer_size(16 << 20)
    options.set_db_write_buffer_size(buffers_mib << 20)
    options.set_memtable_prefix_bloom_ratio(0.02)
    options.set_memtable_whole_key_filtering(True)
    options.set_max_open_files(-1)
    options.set_keep_log_file_num(2)
    table = BlockBasedOptions()
    # Most lookups are for numbers never seen; the filter answers them without touching a block.
    table.set_bloom_filter(10, False)
    table.set_block_cache(Cache(cache_mib << 20))
    table.set_cache_index_and_filter_blocks(False)
    table.set_format_version(5)
    options.set_block_based_table_factory(table)
    return options
