"""The store: states and position of one moment, whatever the keys, and never of another ledger."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from natalog.ledger.fold import Fold, ShelfDisagrees
from natalog.ledger.follow import Stretch
from natalog.ledger.head import Head
from natalog.ledger.rocks import StoreInUse
from natalog.ledger.seal import SealKeyError, open_with, seal_with
from natalog.ledger.store import Position, Store, bytes_in


def head(seq: int, offset: int) -> Head:
    return Head(seq, hashlib.sha256(b"last").digest(), offset, [seq, -1, -1, -1, -1])


def test_states_and_position_come_back(tmp_path: Path) -> None:
    keys = [b"", b"M330123456", b"\xff", b"\xff\xff", b"\xff\xffx", b"\xfe", b"\x00", b"k" * 100_000]
    store = Store(tmp_path / "s", 3)
    store.shelves[1].write({key: b"state of " + key for key in keys}, Position(head(7, 12), 10))
    for _ in range(2):
        found = store.shelves[1].states([*keys, b"none"])
        assert found == {key: b"state of " + key for key in keys}
        position = store.shelves[1].position()
        assert position is not None
        assert (position.head.pack(), position.last) == (head(7, 12).pack(), 10)
        assert store.shelves[0].states(keys) == {}
        assert store.shelves[2].position() is None
        store.close()
        store = Store(tmp_path / "s", 3)
    store.shelves[1].clear()
    assert store.shelves[1].states(keys) == {}
    assert store.shelves[1].position() is None
    store.close()


def test_a_reopened_store_has_its_filter(tmp_path: Path) -> None:
    """Unless a family's options are given again, RocksDB takes stored ones, which lack it: every miss reads a block."""
    count, bits = 20_000, 10
    for opening in (1, 2):
        store = Store(tmp_path / "s", 1)
        states = {b"%d %d" % (opening, n): bytes(60) for n in range(count)}
        store.shelves[0].write(states, Position(head(1, 1), 0))
        store.close()
    store = Store(tmp_path / "s", 1)
    in_memory = store.shelves[0]._family.property_int_value("rocksdb.estimate-table-readers-mem")
    assert in_memory is not None
    assert in_memory > 2 * count * bits // 8, (
        "filters of what was written before and after it was opened again"
    )
    store.close()


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    """No write-ahead log: what a kill takes is folded again."""
    store = Store(tmp_path / "s", 1)
    store.shelves[0].write({b"k": bytes(10_000)}, Position(head(1, 1), 0))
    assert [log.stat().st_size for log in (tmp_path / "s").glob("*.log")] == [0]
    store.close()


def test_store_of_another_ledger_is_emptied(tmp_path: Path) -> None:
    store = Store(tmp_path / "s", 2)
    assert store.belongs_to("a")
    store.shelves[0].write({b"k": b"v"}, Position(head(1, 1), 0))
    assert store.belongs_to("a")
    assert store.shelves[0].states([b"k"]) == {b"k": b"v"}
    assert not store.belongs_to("b")
    assert store.shelves[0].states([b"k"]) == {}
    assert store.belongs_to("b")
    store.close()


def test_its_size_on_disk_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"12")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert bytes_in(tmp_path) == 7
    assert bytes_in(tmp_path / "none") == 0
    store = Store(tmp_path / "s", 1)
    empty = bytes_in(tmp_path / "s")
    store.shelves[0].write({b"k": b"v" * 100_000}, Position(head(1, 1), 0))
    store.close()
    assert bytes_in(tmp_path / "s") > empty + 100_000


def test_second_process_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "s", 1)
    with pytest.raises(StoreInUse):
        Store(tmp_path / "s", 1)
    store.close()


def test_a_damaged_store_is_emptied_and_not_taken_for_one_in_use(tmp_path: Path) -> None:
    """RocksDB says "block checksum mismatch"."""
    store = Store(tmp_path / "s", 1)
    assert store.belongs_to("a")
    store.shelves[0].write({b"%d" % n: bytes(100) for n in range(1_000)}, Position(head(7, 12), 10))
    store.close()
    (table,) = sorted((tmp_path / "s").glob("*.sst"), key=lambda path: path.stat().st_size)[-1:]
    damaged = bytearray(table.read_bytes())
    for at in range(len(damaged) - 1_500, len(damaged) - 60):  # the index; the footer says where it lies
        damaged[at] ^= 0x55
    table.write_bytes(damaged)
    store = Store(tmp_path / "s", 1)
    assert store.shelves[0].position() is None
    assert store.belongs_to("a")
    store.close()


WRITER = """
import os, sys
from pathlib import Path
from natalog.ledger.head import Head
from natalog.ledger.store import Position, Store
store = Store(Path(sys.argv[1]), 3)
for n in range(1, 100_000):
    for p in range(3):
        store.shelves[p].write({b"a%d" % (n % 500): b"%d" % n, b"last": b"%d" % n},
                               Position(Head(n, bytes(32), n, [-1] * 5), n))
    if n % 1_000 == 0:
        store.flush(wait=n == 1_000)
    if n == 5_000:
        print("go", flush=True)
"""


def test_kill_leaves_states_and_position_of_one_moment(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": "services"}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "s")], stdout=subprocess.PIPE, env=environment
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"go\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    store = Store(tmp_path / "s", 3)
    for shelf in store.shelves:
        position = shelf.position()
        assert position is not None
        assert position.head.seq >= 1_000
        assert shelf.states([b"last"]) == {b"last": b"%d" % position.head.seq}
    store.close()


def test_fold_demands_the_last_entry_where_it_stood(tmp_path: Path) -> None:
    store = Store(tmp_path / "s", 1)
    store.shelves[0].write({}, Position(head(3, 9), 7))
    cases = {
        "another value": Stretch(0, [7], [b"k"], [b"other"], 8),
        "not there": Stretch(0, [8], [b"k"], [b"last"], 9),
        "log ends": Stretch(0, [], [], [], 6),
        "outside": Stretch(0, outside="Offset out of range"),
    }
    for what, stretch in cases.items():
        fold = Fold(0, store.shelves[0])
        assert (fold.resume, fold.is_proven) == (7, False)
        with pytest.raises(ShelfDisagrees):
            fold.apply(stretch)
        assert not fold.is_proven, what
    fold = Fold(0, store.shelves[0])
    fold.apply(Stretch(0, [7], [b"k"], [b"last"], 9))
    assert (fold.resume, fold.is_proven) == (9, True)
    fold.restart()
    assert (fold.resume, fold.head.seq, store.shelves[0].position()) == (0, 0, None)
    del fold
    store.close()


def test_seal_is_the_same_each_time_and_opens(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    seal, unseal = seal_with(key), open_with(key)
    for record in (b"", b"x", b"no record" * 1_000):
        assert seal(record) == seal(record)
        assert unseal(seal(record)) == record
    assert seal(b"a")[:12] != seal(b"b")[:12]
    with pytest.raises(ValueError, match="altered"):
        unseal(seal(b"abc")[:-1] + b"?")
    key.write_bytes(b"short")
    for bad in (key, tmp_path / "none", None):
        with pytest.raises(SealKeyError):
            seal_with(bad)


def test_states_of_another_format_are_folded_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path, 1)
    assert store.belongs_to("a")
    store.close()
    monkeypatch.setattr("natalog.ledger.store.FORMAT", b"\x00")
    store = Store(tmp_path, 1)
    assert not store.belongs_to("a")
    store.close()
