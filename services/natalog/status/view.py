"""The status view: sets in memory, index and details on disk, folded from the ledger stretch by stretch.

One thread folds (`apply`, `snapshot`, `flush`), others ask (`find`, `places`). A stretch becomes visible in one step,
so that an answer is that of one moment.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyroaring import BitMap64

from natalog.decision.numbers import is_wellformed
from natalog.ledger.fold import ShelfDisagrees
from natalog.ledger.follow import Stretch
from natalog.ledger.head import Head
from natalog.ledger.step import command_of
from natalog.ledger.store import Position
from natalog.status.detail import Detail, fold, pack, unpack
from natalog.status.glance import Scanned, code_of, scan
from natalog.status.sets import DETAILED, USED, Changes, Sets, bits_of
from natalog.status.store import Doubtful, ViewStore
from natalog.wire.hot import EntryView, read_entry

Beside = Callable[[EntryView, bytes, int], dict[bytes, bytes]]
"""From a valid entry that may change a number, its value and ledger offset to rows kept in the same step."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one partition."""

    store: ViewStore
    partition: int

    def items_from(self, first: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and rows in order, from `first` on. Raises Doubtful."""
        return self.store.rows_from(self.partition, first)

    def keys_from(self, first: bytes) -> Iterator[bytes]:
        """Keys alone. Raises Doubtful."""
        return (key for key, _ in self.store.rows_from(self.partition, first))


@dataclass(frozen=True, slots=True)
class Advance:
    """What a stretch brought: values and ledger offsets of the valid entries that name an event, and void offsets."""

    events: Sequence[bytes]
    """Event ids."""
    offsets: Sequence[int]
    values: Sequence[bytes]
    void: Sequence[int]


class Tail:
    """Where one partition's fold stands."""

    def __init__(self, position: Position | None) -> None:
        self.head = position.head if position else Head.genesis()
        self.last = position.last if position else -1
        """Ledger offset of the last valid entry, -1 before the first."""
        self.proven = self.last < 0

    @property
    def resume(self) -> int:
        """Ledger offset to read from: the last entry again while it is unproven, else the next."""
        return self.head.offset if self.proven else self.last

    def prove(self, stretch: Stretch) -> None:
        """The last entry must be where it was, with the same hash. Raises ShelfDisagrees."""
        if not stretch.offsets:
            raise ShelfDisagrees(
                f"the ledger ends at {stretch.position}, before entry {self.last} of the view"
            )
        if stretch.offsets[0] != self.last:
            raise ShelfDisagrees(f"no entry at {self.last}, where the view's last one stood")
        if hashlib.sha256(stretch.values[0]).digest() != self.head.prev:
            raise ShelfDisagrees(f"another entry at {self.last} than the view was folded from")
        self.proven = True


class StatusView:
    """Opens the store; `load` brings it up. Raises StoreInUse."""

    def __init__(
        self, directory: Path, partitions: int, *, beside: Beside | None = None, beside_format: str = ""
    ) -> None:
        self._partitions = partitions
        self._store = ViewStore(directory, partitions)
        self._beside = beside
        self._beside_format = beside_format
        self.rows = [Rows(self._store, p) for p in range(partitions)]
        self._lock = threading.Lock()
        self._identity = ""
        self._begin()

    def _begin(self) -> None:
        self.sets = Sets()
        self.tails = [Tail(None) for _ in range(self._partitions)]
        self._positions = [0] * self._partitions
        self._snapshot_at = self._counter = 0

    def load(self, identity: str) -> str:
        """Take up what the store holds of the ledger `identity`. Why that was not possible, or "".

        What cannot be trusted is emptied; the fold then begins at the ledger's first entry.
        """
        self._identity = identity = f"{identity} {self._beside_format}"
        try:
            why = "" if self._store.belongs_to(identity) else "it was folded from another ledger"
            positions, sets, at, last = self._store.load()
        except Doubtful as doubt:
            self.restart()
            return str(doubt)
        self.sets = sets
        self.tails = [Tail(position) for position in positions]
        self._positions = [int(tail.head.offset) for tail in self.tails]
        self._snapshot_at, self._counter = at, last
        return "the store was damaged" if self._store.was_damaged else why

    def gather(self) -> None:
        """The ledger is far ahead: `places` shows new entries only after `settle`, and folding is cheaper."""
        self._store.gather()

    def settle(self) -> None:
        """The ledger's end is reached: `places` shows everything, always."""
        self._store.settle()

    def restart(self) -> None:
        """Forget everything and begin at the ledger's first entry."""
        with self._lock:
            self._store.empty()
            self._store.name(self._identity)
            self._begin()

    def apply(self, stretch: Stretch) -> Advance:
        """Fold a stretch in. Raises ShelfDisagrees or Doubtful: `restart`, and read all partitions anew.

        Raises what `glance.scan` does for an entry this build cannot fold: nothing has changed then.
        """
        if stretch.outside:
            raise ShelfDisagrees(stretch.outside)
        tail = self.tails[stretch.partition]
        if not tail.proven:
            tail.prove(stretch)
        known = bisect_left(stretch.offsets, tail.head.offset)
        offsets, keys, values = stretch.offsets[known:], stretch.keys[known:], stretch.values[known:]
        if not offsets:
            tail.head.offset = max(tail.head.offset, stretch.position)
            self._stands_at(stretch.partition, tail.head)
            return Advance((), (), (), ())
        scanned = scan(tail.head, offsets, keys, values)
        head = scanned.head
        head.offset = max(int(head.offset), stretch.position)
        void = set(scanned.void)
        last = next((offset for offset in reversed(offsets) if offset not in void), tail.last)
        details, changes = self._changes(scanned, keys, values)
        counter = self._counter + bool(changes)
        places = [offsets[at] for at in scanned.at]
        events = list(zip(scanned.events, places, strict=True))
        for n in reversed(scanned.repeats):
            del events[n]
        rows: dict[bytes, bytes] = {}
        if self._beside is not None:
            for at, entry in zip(scanned.rest_at, scanned.rest, strict=True):
                rows |= self._beside(entry, values[at], offsets[at])
        with self._lock:
            self._store.write(
                stretch.partition,
                Position(head, last),
                events,
                {key: None if d is None else pack(d) for key, d in details.items()},
                (counter, changes.pack()) if changes else None,
                rows,
            )
            changes.apply(self.sets)
            self._counter = counter
            tail.head, tail.last = head, last
            self._stands_at(stretch.partition, head)
        return Advance(scanned.events, places, [values[at] for at in scanned.at], scanned.void)

    def _changes(
        self, scanned: Scanned, keys: list[bytes], values: list[bytes]
    ) -> tuple[dict[bytes, Detail | None], Changes]:
        """New details by number, and how the sets change."""
        sets, changes = self.sets, Changes()
        steps: list[tuple[int, bytes, EntryView]] = []
        for at, entry in zip(scanned.rest_at, scanned.rest, strict=True):
            if is_wellformed(keys[at].decode("utf-8", "replace")):
                steps.append((at, keys[at], entry))
        plain, fresh = scanned.plain, BitMap64(scanned.plain)
        # A filing is only "used now" for a number about which nothing is known and nothing else comes here.
        others = BitMap64({code_of(key.decode()) for _, key, _ in steps})
        clash = (fresh & sets.maps[USED]) | (fresh & sets.maps[DETAILED]) | (fresh & others)
        if len(fresh) != len(plain):
            seen: set[int] = set()
            clash |= BitMap64({code for code in plain if code in seen or seen.add(code)})  # type: ignore[func-returns-value]
        if clash:
            for at, code in zip(scanned.plain_at, plain, strict=True):
                if code in clash:
                    steps.append((at, keys[at], read_entry(values[at])))
            steps.sort(key=lambda step: step[0])
            fresh -= clash
        if fresh:
            changes.used(fresh)
        return self._fold(steps, changes), changes

    def _fold(
        self, steps: list[tuple[int, bytes, EntryView]], changes: Changes
    ) -> dict[bytes, Detail | None]:
        touched = list(dict.fromkeys(key for _, key, _ in steps))
        before = {key: self.sets.mask(code_of(key.decode())) for key in touched}
        states = dict(zip(touched, self._details(touched, before), strict=True))
        for _, key, entry in steps:
            command = command_of(entry)
            if command is not None:
                fold(states[key], command, entry)
        found: dict[bytes, Detail | None] = {}
        for key, state in states.items():
            after = bits_of(state)
            changes.moved(code_of(key.decode()), before[key], after)
            if after >> DETAILED & 1:
                found[key] = state
            elif before[key] >> DETAILED & 1:
                found[key] = None
        return found

    def _details(self, keys: list[bytes], masks: dict[bytes, int]) -> list[Detail]:
        kept = [key for key in keys if masks[key] >> DETAILED & 1]
        packed = dict(zip(kept, self._store.details(kept), strict=True)) if kept else {}
        found = []
        for key in keys:
            if key not in packed:
                state = Detail()
                state.used = bool(masks[key] >> USED & 1)
            else:
                state = _unpacked(packed[key])
                if bits_of(state) != masks[key]:
                    raise Doubtful("the sets and the detail of a number differ")
            found.append(state)
        return found

    def find(self, numbers: Sequence[str]) -> tuple[list[Detail | None], list[int]]:
        """What is known of each well-formed number (None: nothing), and each partition's position, at one moment.

        Raises Doubtful.
        """
        found: list[Detail | None] = []
        deep: list[int] = []
        with self._lock:
            used, detailed = self.sets.maps[USED], self.sets.maps[DETAILED]
            for place, number in enumerate(numbers):
                code = code_of(number)
                if code in detailed:
                    deep.append(place)
                    found.append(None)
                else:
                    found.append(PLAINLY_USED if code in used else None)
            if deep:
                packed = self._store.details([numbers[place].encode() for place in deep])
                for place, detail in zip(deep, packed, strict=True):
                    found[place] = _unpacked(detail)
            positions = self._positions
        return found, positions

    def _stands_at(self, partition: int, head: Head) -> None:
        # A list of its own: who asked before keeps the positions of that moment.
        positions = self._positions.copy()
        positions[partition] = int(head.offset)
        self._positions = positions

    def places(self, event_id: bytes, partition: int | None = None) -> list[tuple[int, int]]:
        """Partition and ledger offset of every entry about an event id that is no repeat. Raises Doubtful."""
        return self._store.places(event_id, partition)

    def snapshot(self) -> None:
        """Put the sets to disk, so that a restart need not make the changes since again; in the background."""
        if self._counter > self._snapshot_at:
            positions = [Position(t.head, t.last) if t.head.seq else None for t in self.tails]
            self._store.write_snapshot(self._snapshot_at, self._counter, positions, self.sets)
            self._snapshot_at = self._counter
        self._store.flush(wait=False)

    def close(self) -> None:
        """Write everything to disk and let go of the directory."""
        self.snapshot()
        self._store.close()


def _used() -> Detail:
    state = Detail()
    state.used = True
    return state


PLAINLY_USED = _used()


def _unpacked(packed: bytes | None) -> Detail:
    if packed is None:
        raise Doubtful("a number's detail is missing")
    try:
        return unpack(packed)
    except (ValueError, IndexError) as error:
        raise Doubtful(f"a number's detail cannot be read: {type(error).__name__}") from error
