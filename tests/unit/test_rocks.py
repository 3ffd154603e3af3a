"""RocksDB's errors: what is damaged is emptied, what the machine could not serve is left alone and told of."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from natalog.exits import Exit
from natalog.ledger.fold import Fold
from natalog.ledger.follow import Stretch
from natalog.ledger.head import Head
from natalog.ledger.rocks import StoreFailed, is_damaged, is_in_use, named_failures
from natalog.ledger.store import Position, Store
from natalog.registrar.desk import Desk
from natalog.registrar.work import Columns, Decider
from natalog.status.store import Doubtful, ViewStore

KEYS = [b"%d" % n for n in range(2_000)]


def filled(directory: Path) -> None:
    """A store with states of one partition in several files, closed."""
    store = Store(directory, 2)
    store.belongs_to("a")
    for _ in range(3):
        store.shelves[0].write(dict.fromkeys(KEYS, bytes(100)), Position(Head.genesis(), 3))
        store.flush(wait=True)
    store.close()


def is_full(directory: Path) -> bool:
    store = Store(directory, 2)
    found = len(store.shelves[0].states(KEYS)) == len(KEYS)
    assert found or store.shelves[0].position() is None
    store.close()
    return found


@contextmanager
def files_left(count: int) -> Iterator[None]:
    """So many files may be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("left", range(8))
def test_a_store_that_cannot_be_opened_is_left_as_it_is(tmp_path: Path, left: int) -> None:
    """RocksDB says so in more than one way, as "Invalid argument" too."""
    filled(tmp_path)
    with files_left(left), pytest.raises(StoreFailed, match="Too many open files"):
        Store(tmp_path, 2)
    assert is_full(tmp_path)


def test_a_view_that_cannot_be_opened_is_left_as_it_is(tmp_path: Path) -> None:
    store = ViewStore(tmp_path, 2)
    assert store.belongs_to("a")
    store.close()
    with files_left(2), pytest.raises(StoreFailed, match="Too many open files"):
        ViewStore(tmp_path, 2)
    store = ViewStore(tmp_path, 2)
    assert not store.was_damaged
    assert store._get(b"i") is not None
    store.close()


def test_what_is_no_directory_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file")
    for open_ in (lambda: Store(tmp_path / "s", 2), lambda: ViewStore(tmp_path / "s", 2)):
        with pytest.raises(StoreFailed, match="File exists"):
            open_()
    assert (tmp_path / "s").read_text() == "a file"


def last(directory: Path, pattern: str) -> Path:
    return sorted(directory.glob(pattern))[-1]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for at in range(10, min(len(content), 4_000)):
        content[at] ^= 0x55
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "CURRENT garbled": lambda d: (d / "CURRENT").write_text("x"),
    "CURRENT gone": lambda d: (d / "CURRENT").unlink(),
    "MANIFEST garbled": lambda d: flip(last(d, "MANIFEST-*")),
    "MANIFEST empty": lambda d: last(d, "MANIFEST-*").write_bytes(b""),
    "MANIFEST gone": lambda d: last(d, "MANIFEST-*").unlink(),
    "table gone": lambda d: last(d, "*.sst").unlink(),
    "table cut": lambda d: last(d, "*.sst").write_bytes(b"x"),
    "other families": lambda d: Store(d, 3).close(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_store_is_emptied(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    filled(tmp_path)
    damage(tmp_path)
    assert not is_full(tmp_path)
    filled(tmp_path)
    assert is_full(tmp_path)


def test_damage_met_in_reading_empties_the_store_at_the_next_start(tmp_path: Path) -> None:
    """Blocks are read when they are wanted: it opens without complaint."""
    filled(tmp_path)
    for table in tmp_path.glob("*.sst"):
        if table.stat().st_size > 100_000:
            flip(table)
    store = Store(tmp_path, 2)
    with pytest.raises(StoreFailed, match="Corruption"):
        store.shelves[0].states(KEYS)
    store.close()
    assert not is_full(tmp_path)
    filled(tmp_path)
    assert is_full(tmp_path)


@pytest.mark.parametrize(
    ("error", "kind"), [("Corruption: block checksum", Doubtful), ("IO error: ?", StoreFailed)]
)
def test_a_view_is_doubtful_only_when_it_is_damaged(
    tmp_path: Path, error: str, kind: type[Exception]
) -> None:
    store = ViewStore(tmp_path, 2)
    database, store._database = store._database, FailingDatabase(error)  # type: ignore[assignment]
    for read in (
        store.load,
        lambda: store.details([b"k"]),
        lambda: store.places(bytes(16), None),
        lambda: list(store.rows_from(0, b"")),
    ):
        with pytest.raises(kind, match=error.split(":")[0]):
            read()
    database.close()


class FailingDatabase:
    def __init__(self, error: str) -> None:
        self._error = error

    def get(self, _key: object) -> None:
        raise Exception(self._error)

    def iter(self, _options: object) -> None:
        raise Exception(self._error)


WRITER = """
import resource, sys
from pathlib import Path
from natalog.ledger.head import Head
from natalog.ledger.rocks import StoreFailed
from natalog.ledger.store import Position, Store
from natalog.status.sets import Changes
from natalog.status.store import ViewStore
store, view = Store(Path(sys.argv[1]) / "s", 1), ViewStore(Path(sys.argv[1]) / "v", 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
states, position = {b"%d" % n: bytes(100) for n in range(5_000)}, Position(Head.genesis(), 0)
def write_view():
    view.write(0, position, [(b"%016d" % n, n) for n in range(5_000)], {}, None, {})
def gathered():
    view.gather()
    write_view()
    view.settle()
for act in (
    lambda: store.shelves[0].write(states, position),
    lambda: store.flush(wait=True),
    lambda: store.shelves[0].write(states, position),
    write_view,
    lambda: view.flush(wait=True),
    write_view,
    gathered,
):
    try:
        act()
        print("done")
    except StoreFailed as failure:
        print(failure)
"""


def test_a_file_that_cannot_grow_is_told_of(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    failed = [
        line.startswith("IO error: While appending to file:") and ": File too large" in line for line in told
    ]
    # What is written first goes into memory alone.
    assert failed == [False, True, True, False, True, True, True], told


@pytest.mark.parametrize(
    ("text", "in_use", "damaged"),
    [
        ("IO error: lock hold by current process, acquire time 1 acquiring thread 2: /d/LOCK", True, False),
        ("IO error: While lock file: /d/LOCK: Resource temporarily unavailable", True, False),
        ("Corruption: block checksum mismatch: stored = 1, computed = 2", False, True),
        ("Corruption: Can't access /000012.sst: blocked", False, True),
        ("Corruption: IO error: No such file or directory: While open a file: /d/12.sst", False, True),
        ("Invalid argument: Column families not opened: p12", False, True),
        (
            "Invalid argument: Found options incompatible: IO error: /d/CURRENT: Too many open files",
            False,
            False,
        ),
        ("Corruption: IO error: While pread: /d/12.sst: Input/output error", False, False),
        ("IO error: No space left on device: While appending to file: /d/12.sst", False, False),
        ("IO error: While open a file for appending: /d/LOG: Permission denied", False, False),
        ("Permission denied (os error 13)", False, False),
        ("Operation aborted: a background error", False, False),
    ],
)
def test_what_errors_mean(text: str, in_use: bool, damaged: bool) -> None:
    assert (is_in_use(Exception(text)), is_damaged(Exception(text))) == (in_use, damaged)


def test_an_error_that_is_not_of_rocksdb_stays_what_it_is(tmp_path: Path) -> None:
    """Its text might repeat a record."""
    with pytest.raises(KeyError), named_failures(tmp_path):
        raise KeyError("欧阳小宝")


def test_no_record_and_no_entry_is_to_blame_for_a_failed_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise StoreFailed("IO error")

    decider = Decider(None, bytes)  # type: ignore[arg-type]
    monkeypatch.setattr(decider, "_decide", fail)
    with pytest.raises(StoreFailed):
        decider.decide(None, None, Columns([0], [0], [0], [b""], [b""]))  # type: ignore[arg-type]
    halted: list[object] = []
    desk: Any = SimpleNamespace(halt=lambda *of: halted.append(of))
    partition: Any = SimpleNamespace(suspicious=False, fold=SimpleNamespace(apply=fail))
    with pytest.raises(StoreFailed):
        Desk._fold(desk, partition, Stretch(0))
    assert not halted


def test_fold_lets_it_through(tmp_path: Path) -> None:
    store = Store(tmp_path, 1)
    fold = Fold(0, store.shelves[0])
    family, store.shelves[0]._family = store.shelves[0]._family, FailingDatabase("IO error: ?")  # type: ignore[assignment]
    with pytest.raises(StoreFailed):
        fold.shelf.states([b"k"])
    store.shelves[0]._family = family
    del fold, family
    store.close()


@pytest.mark.parametrize(("is_file", "code"), [(True, Exit.STORE_FAILED), (False, Exit.ALREADY_RUNNING)])
def test_a_gateway_without_its_store_says_why(tmp_path: Path, is_file: bool, code: Exit) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text('{"keys": []}')
    if is_file:
        (tmp_path / "replica").write_text("")
    store = None if is_file else ViewStore(tmp_path / "replica", 12)
    variables = {
        "NATALOG_KAFKA": "127.0.0.1:1",
        "NATALOG_DATA": str(tmp_path),
        "NATALOG_JWKS": str(jwks),
        "NATALOG_GATEWAY_PORT": "0",
        "NATALOG_LOG_FORMAT": "json",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "natalog", "run", "gateway"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == code, ended.stderr
    assert ("File exists" if is_file else "already running on this directory") in ended.stderr
    if store is not None:
        store.close()
