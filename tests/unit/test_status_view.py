"""The status view on disk: what is damaged, torn or of another ledger is found, and folded anew."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from natalog.decision import codes
from natalog.ledger.fold import ShelfDisagrees
from natalog.ledger.follow import Stretch
from natalog.ledger.head import Head
from natalog.ledger.store import Position
from natalog.status import store
from natalog.status.sets import NAMES, Changes, Sets
from natalog.status.store import Doubtful, _read_snapshot, _snapshot
from natalog.status.view import StatusView
from natalog.wire.errors import UnknownFingerprint
from natalog.wire.hot import read_entry
from tests.property.decision_histories import NUMBERS, PARTITION, history
from tests.property.test_decision_fold import decided
from tests.property.test_status_view import expected, statuses

SENT = history(7, 400)
LEDGER = decided(SENT)
AT = max(s.at for s in SENT)
LENGTH = len(LEDGER.entries)


def stretch(start: int = 0, stop: int = LENGTH) -> Stretch:
    entries = LEDGER.entries[start:stop]
    return Stretch(
        PARTITION, list(range(start, stop)), [k for k, _ in entries], [v for _, v in entries], stop
    )


def filled(directory: Path, *, snapshot_at: int = 200) -> StatusView:
    view = StatusView(directory, 12)
    assert view.load("ledger") == ""
    view.apply(stretch(0, snapshot_at))
    view.snapshot()
    view.apply(stretch(snapshot_at))
    return view


def caught_up(view: StatusView) -> None:
    """Fold what is missing, as the replica does: anything doubtful begins anew."""
    try:
        view.apply(stretch(view.tails[PARTITION].resume))
    except (Doubtful, ShelfDisagrees):
        view.restart()
        view.apply(stretch())


def test_a_view_closed_and_opened_says_the_same(tmp_path):
    filled(tmp_path).close()
    view = StatusView(tmp_path, 12)
    assert view.load("ledger") == ""
    assert view.tails[PARTITION].resume == LENGTH - 1  # the last entry again, to prove it
    assert statuses(view, AT) == expected(LEDGER.states, AT)
    view.close()


def places(view: StatusView) -> list[list[tuple[int, int]]]:
    """Of every event of the history, in order."""
    return [view.places(s.record.event_id.bytes) for s in SENT]


def test_events_gathered_are_shown_when_settled_and_whatever_comes_after(tmp_path):
    at_once, later = StatusView(tmp_path / "a", 12), StatusView(tmp_path / "b", 12)
    later.gather()
    for view in (at_once, later):
        view.load("ledger")
        view.apply(stretch(0, LENGTH // 2))
    assert not any(places(later))
    later.settle()
    assert places(later) == places(at_once)
    for view in (at_once, later):
        view.apply(stretch(LENGTH // 2))
    assert places(later) == places(at_once)
    at_once.close()
    later.close()


def test_events_gathered_are_written_when_it_is_closed(tmp_path):
    view = StatusView(tmp_path, 12)
    view.gather()
    view.load("ledger")
    view.apply(stretch())
    view.close()
    again = StatusView(tmp_path, 12)
    again.load("ledger")
    assert all(places(again))
    assert again.tails[PARTITION].resume == LENGTH - 1
    again.close()


@pytest.mark.parametrize("bound", ["_GATHERED", "_BESIDE"])
def test_events_gathered_are_on_disk_before_the_position_that_covers_them(tmp_path, monkeypatch, bound):
    """Whenever the process dies: RocksDB may write by itself what it has in memory."""
    monkeypatch.setattr(store, bound, 20)
    view = StatusView(tmp_path / "live", 12)
    view.gather()
    view.load("ledger")
    view._store._database.set_options(
        {"disable_auto_compactions": "true"}
    )  # files stay while they are copied
    for at in range(0, LENGTH, 50):
        view.apply(stretch(at, min(LENGTH, at + 50)))
        view._store._database.flush(True)  # as RocksDB might at any moment
        shutil.copytree(tmp_path / "live", tmp_path / "dead", ignore=shutil.ignore_patterns("LOCK"))
        died = StatusView(tmp_path / "dead", 12)
        died.load("ledger")
        shown = places(died)
        reached = died.tails[PARTITION].head.offset
        assert reached >= at
        assert {offset for found in shown for _, offset in found} >= _named(reached)
        died.close()
        shutil.rmtree(tmp_path / "dead")
    view.close()


def _named(stop: int) -> set[int]:
    """Ledger offsets before `stop` at which an event stands that was not sent before."""
    entries = [read_entry(value) for _, value in LEDGER.entries[:stop]]
    return {at for at, entry in enumerate(entries) if entry.verdict not in (codes.REPEATED, codes.UNREADABLE)}


def test_a_snapshot_takes_the_changes_before_it_away(tmp_path):
    view = filled(tmp_path)
    assert next(iter(view._store._from(b"c")))[0][:1] == b"c"
    view.snapshot()
    assert next(iter(view._store._from(b"c")))[0][:1] != b"c"
    view.close()


def test_keys_come_in_order_whether_in_memory_on_disk_or_both(tmp_path):
    """In memory they lie in buckets by their first bytes, and files can be asked for one such prefix alone."""
    view = StatusView(tmp_path, 12)
    view.load("ledger")
    chance = Random(1)
    events = [chance.randbytes(4) * 4 for _ in range(300)]
    rows = {b"%03d" % n: b"row %d" % n for n in range(300)}
    for first in (0, 100, 200):
        part = range(first, first + 100)
        view._store.write(
            3,
            view_position(first),
            [(events[n], n) for n in part] + [(events[0], 1_000 + first)],
            {},
            (first // 100 + 1, Changes().pack()),
            {key: rows[key] for key in [*rows][first : first + 100]},
        )
        if first < 200:
            view._store.flush(wait=True)
    assert dict(view.rows[3].items_from(b"")) == rows
    assert list(view.rows[3].keys_from(b"150")) == sorted(rows)[150:]
    assert list(view.rows[2].keys_from(b"")) == []
    assert view._store.load()[3] == 3  # the changes, in order
    assert all((3, n) in view.places(event) for n, event in enumerate(events))
    assert view.places(events[0], 3) == [(3, 0), (3, 1_000), (3, 1_100), (3, 1_200)]
    assert view.places(bytes(16)) == []
    view.close()


def view_position(at: int) -> Position:
    return Position(Head(at, bytes(32), at, [-1] * 5), at)


def test_another_ledger_empties_it(tmp_path):
    filled(tmp_path).close()
    view = StatusView(tmp_path, 12)
    assert "another ledger" in view.load("another")
    assert view.tails[PARTITION].resume == 0
    assert view.find(NUMBERS)[0] == [None] * 3
    view.close()


def test_a_ledger_with_another_last_entry_is_found(tmp_path):
    filled(tmp_path).close()
    view = StatusView(tmp_path, 12)
    view.load("ledger")
    wrong = stretch(LENGTH - 1)
    wrong.values[0] = wrong.values[0][:-1] + b"?"
    with pytest.raises(ShelfDisagrees):
        view.apply(wrong)
    with pytest.raises(ShelfDisagrees):
        view.apply(Stretch(PARTITION, [], [], [], LENGTH - 2))
    view.close()


def test_every_bit_of_a_snapshot_counts():
    positions = [None] * 12
    sets = Sets()
    sets.maps[0].update(range(2_330_000_000, 2_330_000_400))
    packed = _snapshot(7, positions, sets)
    assert _read_snapshot(packed, 12)[0] == 7
    for at in range(len(packed)):
        damaged = bytearray(packed)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(Doubtful):
            _read_snapshot(bytes(damaged), 12)


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_on_disk_never_makes_a_wrong_answer(tmp_path, seed):
    filled(tmp_path).close()
    chance = Random(seed)
    files = sorted(p for p in tmp_path.iterdir() if p.suffix == ".sst" or p.name.startswith("MANIFEST"))
    place = files[int(chance.random() * len(files))]
    content = bytearray(place.read_bytes())
    content[int(chance.random() * len(content))] ^= 1 << int(chance.random() * 8)
    place.write_bytes(bytes(content))

    view = StatusView(tmp_path, 12)
    view.load("ledger")
    caught_up(view)
    try:
        answers = statuses(view, AT)
    except Doubtful:  # found by the first who asks
        view.restart()
        view.apply(stretch())
        answers = statuses(view, AT)
    assert answers == expected(LEDGER.states, AT)
    view.close()


@pytest.mark.parametrize("what", ["changes", "places", "rows"])
def test_a_damaged_block_never_ends_a_list_early(tmp_path, what):
    """Whoever reads on to the next key would take what stands behind it for missing."""
    view = StatusView(tmp_path, 12)
    view.load("ledger")
    event, chance = bytes(16), Random(1)
    for n in range(300):
        rows = {b"%03d" % n: chance.randbytes(100)}
        changes = Changes()
        changes.used(sorted(chance.sample(range(10**9), 30)))
        events = [(event, 300 * n + at) for at in range(300)]
        view._store.write(3, view_position(n), events, {}, (n + 1, changes.pack()), rows)
    lists = {
        "changes": lambda store: store.load()[3],
        "places": lambda store: len(store.places(event, 3)),
        "rows": lambda store: sum(1 for _ in store.rows_from(3, b"")),
    }
    counts = {"changes": 300, "places": 90_000, "rows": 300}
    view.close()
    table = max(tmp_path.glob("*.sst"), key=lambda path: path.stat().st_size)
    whole, found = table.read_bytes(), set()
    for at in range(
        0, len(whole) * 39 // 40, len(whole) // 40
    ):  # behind it lies what is read when it is opened
        damaged = bytearray(whole)
        damaged[at] ^= 1
        table.write_bytes(damaged)
        view = StatusView(tmp_path, 12)
        try:
            assert lists[what](view._store) == counts[what]
        except Doubtful:
            found.add(at)
        view.close()
    assert found


def test_sets_that_differ_from_a_detail_are_doubtful(tmp_path):
    view = StatusView(tmp_path, 12)
    view.load("ledger")
    view.apply(stretch(0, 200))
    contested = view.sets.maps[NAMES.index("contested")]
    contested ^= view.sets.maps[NAMES.index("detailed")]
    with pytest.raises(Doubtful):
        view.apply(stretch(200))
    view.close()


def test_a_lost_change_of_the_sets_is_found(tmp_path):
    view = filled(tmp_path)
    counter = view._counter
    view._store._database.delete(b"c" + counter.to_bytes(8, "big"))
    view._store._database.put(b"c" + (counter + 1).to_bytes(8, "big"), b"")
    view._store.close()
    view = StatusView(tmp_path, 12)
    assert "missing" in view.load("ledger")
    caught_up(view)
    assert statuses(view, AT) == expected(LEDGER.states, AT)
    view.close()


def test_an_entry_this_build_cannot_fold_changes_nothing(tmp_path):
    view = filled(tmp_path)
    before = statuses(view, AT)
    offset = LENGTH
    newer = b"\xc3\x01" + b"\x01" * 8 + view.tails[PARTITION].head.prev
    with pytest.raises(UnknownFingerprint):
        view.apply(Stretch(PARTITION, [offset], [b"Z330000019"], [newer], offset + 1))
    assert statuses(view, AT) == before
    assert view.tails[PARTITION].head.offset == offset
    view.close()


def test_changes_survive_packing():
    changes, sets = Changes(), Sets()
    changes.used([5, 7, 9])
    changes.moved(7, 0b000001, 0b101010)
    Changes.unpack(changes.pack()).apply(sets)
    assert [sorted(numbers) for numbers in sets.maps] == [[5, 9], [7], [], [7], [], [7]]
    with pytest.raises(ValueError):
        Changes.unpack(changes.pack()[:-1])


def test_a_killed_process_leaves_one_moment(tmp_path):
    """kill -9 while it folds and takes snapshots: what is on disk equals the fold at the position it states."""
    import os
    import signal
    import subprocess
    import sys
    import time

    code = (
        "import sys; from pathlib import Path; from natalog.status.view import StatusView;"
        "from tests.unit.test_status_view import stretch, LENGTH\n"
        "view = StatusView(Path(sys.argv[1]), 12); view.load('ledger'); print('begun', flush=True)\n"
        "while True:\n"
        "    for at in range(view.tails[5].head.offset, LENGTH):\n"
        "        view.apply(stretch(at, at + 1))\n"
        "        if at % 7 == 0: view.snapshot()\n"
        "    view.restart()\n"
    )
    root = Path(__file__).parents[2]
    for wait in (0.05, 0.15, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=root,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{root}/services:{root}"},
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        view = StatusView(tmp_path, 12)
        view.load("ledger")
        at = view.tails[PARTITION].head.offset
        then = decided(SENT[:at]).states if at else {}
        moment = max((s.at for s in SENT[:at]), default=AT)
        assert statuses(view, moment) == expected(then, moment)
        view.close()
