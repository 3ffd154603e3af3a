"""Bytes by key while one partition is audited: in memory, and in RocksDB once they are many."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from natalog.ledger.head import Head
from natalog.ledger.store import Position, Shelf, Store

MANY = 400_000
"""Keys of a partition from which its states move to disk: some 150 MB by then."""

_NOWHERE = Position(Head.genesis(), -1)


class Table:
    """One table of a `Tables`."""

    def __init__(self, tables: Tables, place: int) -> None:
        self._tables = tables
        self._place = place
        self._held: dict[bytes, bytes] = {}
        self._shelf: Shelf | None = None

    def among(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is known of these keys, at least; not to be changed."""
        if self._shelf is None:
            return self._held
        return self._shelf.states(keys) if keys else {}

    def put(self, states: Mapping[bytes, bytes]) -> None:
        if self._shelf is not None:
            self._shelf.write(states, _NOWHERE)
            return
        self._held.update(states)
        if len(self._held) > self._tables.many:
            self._shelf = self._tables.shelf(self._place)
            self._shelf.write(self._held, _NOWHERE)
            self._held = {}

    def drop(self) -> None:
        self._held = {}
        self._shelf = None


class Tables:
    """The states that re-deciding needs and those of the separate model, of one partition at a time."""

    def __init__(self, many: int = MANY) -> None:
        self.many = many
        self._directory: Path | None = None
        self._store: Store | None = None
        self.states = Table(self, 0)
        self.model = Table(self, 1)

    def shelf(self, place: int) -> Shelf:
        if self._store is None:
            self._directory = Path(tempfile.mkdtemp(prefix="natalog-replay-"))
            self._store = Store(self._directory, 2)
        return self._store.shelves[place]

    def close(self) -> None:
        """Forget all, on disk too."""
        self.states.drop()
        self.model.drop()
        if self._store is not None and self._directory is not None:
            self._store.close()
            shutil.rmtree(self._directory, ignore_errors=True)
