"""An intake that stands still: the client delivers nothing, or nothing is there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from natalog import metrics
from natalog.ledger.follow import Stretch
from natalog.ledger.probe import Probe
from natalog.registrar.faults import OutcomeUnknown
from natalog.registrar.partition import STALL, Partition, Phase
from natalog.registrar.stalls import Stalls
from natalog.wire.topics import INTAKE_TOPICS, MARKED, MARKED_TOPIC
from tests.unit.fake_reader import FakeReader

LEAD = INTAKE_TOPICS[0]
NUMBER = 9
ENDS = {(LEAD, NUMBER): 8}


class Case:
    """A partition decided up to 6 whose log ends at 8, as its stall is looked into."""

    def __init__(self) -> None:
        self.readers: dict[str, FakeReader] = {}
        self.stalls = Stalls(self.probe_of)
        fold: Any = SimpleNamespace(
            partition=NUMBER, head=SimpleNamespace(offset=0, causes=[5, -1, -1, -1, -1])
        )
        self.partition = Partition(fold)
        self.partition.phase = Phase.DECIDING

    def probe_of(self, topic: str) -> Probe:
        self.readers[topic] = FakeReader()
        return Probe(self.readers[topic])  # type: ignore[arg-type]

    def is_stalled(self, now: float, ends: dict[tuple[str, int], int] | None = None) -> bool:
        return self.stalls.is_stalled(self.partition, ENDS if ends is None else ends, now)

    def answer(self, stretch: Stretch) -> None:
        """The other client has read this."""
        self.readers[LEAD].stretches = [stretch]
        self.stalls.read({NUMBER: self.partition})  # type: ignore[arg-type]


@pytest.fixture
def stalled() -> Case:
    """Being read again by both clients since second STALL."""
    case = Case()
    assert not case.is_stalled(0.0)
    assert not case.is_stalled(STALL - 1)
    assert case.is_stalled(STALL)
    assert {topic: reader.reading for topic, reader in case.readers.items()} == {LEAD: {NUMBER: 6}}
    return case


def test_records_that_another_client_finds_end_the_process(stalled: Case) -> None:
    stalled.answer(Stretch(NUMBER, [6], [b"k"], [b"v"], 7))
    with pytest.raises(OutcomeUnknown, match="partition 9 delivers nothing"):
        stalled.is_stalled(2 * STALL)


def test_so_does_silence_of_both(stalled: Case) -> None:
    with pytest.raises(OutcomeUnknown):
        stalled.is_stalled(2 * STALL)


def test_a_hole_is_told_of_and_waited_for_no_more(stalled: Case) -> None:
    told = metrics.INTAKE_MISSING.labels(LEAD, NUMBER)
    before = told._value.get()
    stalled.answer(Stretch(NUMBER, position=8))
    assert told._value.get() == before + 2
    assert stalled.partition.resume[0] == 6, "only the ledger says what is decided"
    assert stalled.readers[LEAD].is_closed
    assert not stalled.is_stalled(2 * STALL)
    assert not stalled.is_stalled(4 * STALL)
    longer = {(LEAD, NUMBER): 9}
    assert not stalled.is_stalled(5 * STALL - 1, longer)
    assert stalled.is_stalled(5 * STALL, longer), "what follows it is waited for"
    assert stalled.readers[LEAD].reading == {NUMBER: 8}
    stalled.answer(Stretch(NUMBER, position=9))
    assert told._value.get() == before + 3, "one told of before is not told again"
    assert stalled.partition.unread[0] == 9


def test_a_hole_is_waited_for_again_where_the_ledger_lost_what_stood_before_it(stalled: Case) -> None:
    stalled.answer(Stretch(NUMBER, position=8))
    stalled.partition.fold.head.causes[0] = 2
    assert not stalled.is_stalled(2 * STALL)
    assert stalled.is_stalled(3 * STALL)


def test_an_open_transaction_is_waited_for(stalled: Case) -> None:
    """Its records cannot be read before it ends."""
    for turn in (1, 3, 5):
        stalled.answer(Stretch(NUMBER, position=6))
        assert not stalled.is_stalled((turn + 1) * STALL)
        assert stalled.is_stalled((turn + 2) * STALL)


def test_what_another_may_have_decided_meanwhile_is_not_told_of(stalled: Case) -> None:
    told = metrics.INTAKE_MISSING.labels(LEAD, NUMBER)
    before = told._value.get()
    stalled.partition.phase = Phase.FOLLOWING
    stalled.answer(Stretch(NUMBER, position=8))
    assert told._value.get() == before


def test_what_expired_meanwhile_is_no_answer(stalled: Case) -> None:
    stalled.answer(Stretch(NUMBER, outside="out of range"))
    assert stalled.partition.unread[0] == 6
    with pytest.raises(OutcomeUnknown):
        stalled.is_stalled(2 * STALL)


def test_markers_are_read_again_once_and_end_nothing() -> None:
    case = Case()
    ends = {(MARKED_TOPIC, NUMBER): 3}
    case.partition.fold.head.causes[MARKED] = 0
    assert not case.is_stalled(0.0, ends)
    assert case.is_stalled(STALL, ends)
    assert not case.is_stalled(2 * STALL, ends)
    assert not case.readers
