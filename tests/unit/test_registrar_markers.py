"""What lies at the end of certificate.invalidations is passed only when it was read and held no record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from natalog.ledger.follow import Stretch
from natalog.ledger.probe import Probe
from natalog.registrar.markers import QUIET, Markers
from natalog.registrar.partition import Partition, Phase
from natalog.registrar.takeover import Findings, missing_intake, passed
from natalog.wire.topics import INTAKE_TOPICS, MARKED, MARKED_TOPIC
from tests.unit.fake_reader import FakeReader


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def markers(reader: FakeReader) -> Markers:
    return Markers(Probe(reader))  # type: ignore[arg-type]


def partition(number: int, decided: int) -> Partition:
    """One being decided. `decided`: last decided offset of the topic with markers."""
    causes = [-1] * len(INTAKE_TOPICS)
    causes[MARKED] = decided
    fold: Any = SimpleNamespace(partition=number, head=SimpleNamespace(offset=0, causes=causes))
    made = Partition(fold)
    made.phase = Phase.DECIDING
    return made


ENDS = {(MARKED_TOPIC, 0): 8}


def being_read(markers: Markers, reader: FakeReader) -> Partition:
    """Partition 0, decided up to 6 and ending at 8, read since second QUIET."""
    one = partition(0, 5)
    markers.look([one], ENDS, 0.0)
    markers.look([one], ENDS, QUIET)
    assert reader.reading == {0: 6}
    return one


def test_offsets_without_a_record_are_passed(markers: Markers, reader: FakeReader) -> None:
    one = being_read(markers, reader)
    reader.stretches = [Stretch(0, position=8)]
    markers.read([one])
    assert (one.passed, one.resume[MARKED], reader.reading) == (8, 8, {})


def test_what_waits_only_shortly_is_not_read(markers: Markers, reader: FakeReader) -> None:
    one = partition(0, 5)
    markers.look([one], ENDS, 0.0)
    one.fold.head.causes[MARKED] = 6
    markers.look([one], ENDS, QUIET)
    markers.look([one], {(MARKED_TOPIC, 0): 9}, 2 * QUIET - 1)
    markers.look([one], {(MARKED_TOPIC, 0): 9}, 2 * QUIET)
    assert reader.reading == {}, "it moves, or it grows"
    markers.look([one], {(MARKED_TOPIC, 0): 7}, 4 * QUIET)
    markers.look([one], {(MARKED_TOPIC, 0): 7}, 5 * QUIET)
    assert reader.reading == {}, "nothing waits"


def test_a_record_that_waits_is_never_passed(markers: Markers, reader: FakeReader) -> None:
    one = being_read(markers, reader)
    reader.stretches = [Stretch(0, [7], [b"k"], [b"v"], 8)]
    markers.read([one])
    assert (one.passed, reader.reading) == (0, {})
    markers.look([one], ENDS, QUIET + 1)
    assert reader.reading == {}
    markers.look([one], ENDS, 2 * QUIET)
    assert reader.reading == {0: 6}, "looked at again after a while"


def test_what_expired_while_it_was_read_is_not_passed(markers: Markers, reader: FakeReader) -> None:
    one = being_read(markers, reader)
    reader.stretches = [Stretch(0, position=8, outside="out of range")]
    markers.read([one])
    assert one.passed == 0


@pytest.mark.parametrize("change", ["revoked", "set back"])
def test_a_partition_that_is_another_by_now_passes_nothing(
    markers: Markers, reader: FakeReader, change: str
) -> None:
    one = being_read(markers, reader)
    if change == "revoked":
        one.phase = Phase.FOLLOWING
    else:
        one.fold.head.causes[MARKED] = 4
    reader.stretches = [Stretch(0, position=8)]
    markers.read([one])
    assert one.passed == 0


def findings(start: int, end: int, committed: int) -> Findings:
    return Findings(
        committed={(MARKED_TOPIC, 0): committed},
        starts={(topic, 0): start if topic == MARKED_TOPIC else 0 for topic in INTAKE_TOPICS},
        ends={(topic, 0): end if topic == MARKED_TOPIC else 0 for topic in INTAKE_TOPICS},
        ledger_ends={},
        folded={},
    )


@pytest.mark.parametrize(
    ("start", "end", "committed", "lost"),
    [
        (8, 8, 8, False),
        (7, 9, 8, False),  # expired in part
        (8, 9, 8, False),  # a record has come since
        (6, 8, 6, False),  # nothing expired
        (8, 8, 6, True),  # nobody looked
        (9, 9, 8, True),  # a record came, and expired too
        (8, 8, -1001, True),  # forgotten
        (8, 8, 9, True),  # of another log
    ],
)
def test_what_expired_is_lost_unless_it_was_passed(start: int, end: int, committed: int, lost: bool) -> None:
    one, found = partition(0, 5), findings(start, end, committed)
    one.passed = passed(one.resume[MARKED], 0, found)
    assert one.passed <= start
    assert (missing_intake(one, found) is not None) == lost
