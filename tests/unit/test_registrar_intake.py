"""The batch discipline: what may become a batch and what is thrown away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from natalog import metrics
from natalog.ledger.fold import Fold
from natalog.ledger.follow import Stretch
from natalog.ledger.store import Store
from natalog.registrar.desk import Desk
from natalog.registrar.faults import ForeignWriter, OutcomeUnknown
from natalog.registrar.gaps import Gaps
from natalog.registrar.intake import BULK, LEAD, Intake
from natalog.registrar.partition import STALL, Partition, Patience
from natalog.registrar.work import Columns, Decider, IntakeGap, in_order
from natalog.wire.topics import INTAKE_TOPICS


class FakeMessage:
    def __init__(self, topic: str, partition: int, offset: int) -> None:
        self._place = (topic, partition, offset)

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._place[2]

    def error(self) -> KafkaError | None:
        return None


class FakeFault(FakeMessage):
    """An event that comes instead of a record."""

    def __init__(self, error: KafkaError) -> None:
        super().__init__(LEAD, 3, -1)
        self._error = error

    def error(self) -> KafkaError:
        return self._error


class FakeConsumer:
    """Hands out queued messages; `during` runs inside the next call, as a rebalance callback does."""

    def __init__(self) -> None:
        self.queue: list[FakeMessage] = []
        self.during: Callable[[], None] | None = None
        self.generation = 1
        self.assigned: list[TopicPartition] = []
        self.asked: list[int] = []

    def subscribe(self, _topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self.on_assign, self.on_revoke = on_assign, on_revoke

    def consumer_group_metadata(self) -> int:
        return self.generation

    def poll(self, _timeout: float) -> FakeMessage | None:
        taken = self.consume(1, 0)
        return taken[0] if taken else None

    def consume(self, count: int, _timeout: float) -> list[FakeMessage]:
        self.asked.append(count)
        taken, self.queue = self.queue[:count], self.queue[count:]
        if self.during is not None and not self.queue:
            during, self.during = self.during, None
            during()
        return taken

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = places

    def unassign(self) -> None:
        self.assigned = []

    def places(self) -> dict[tuple[str, int], int]:
        """What is assigned, and from which offset."""
        return {(tp.topic, tp.partition): tp.offset for tp in self.assigned}


class FakeEnds:
    """Ends of the lead topic, known from the second look on."""

    def __init__(self, ends: dict[tuple[str, int], int]) -> None:
        self._ends = ends

    def ready(self) -> bool:
        return bool(self._ends)

    def ends(self) -> dict[tuple[str, int], int]:
        return self._ends


RESUME = {3: [30, 31, 32, 33, 34], 7: [70, 71, 72, 73, 74]}
Parts = tuple[Intake, FakeConsumer, FakeConsumer]


@pytest.fixture
def given() -> Parts:
    """Partitions 3 and 7 are ours, and nothing is open."""
    live, bulk = FakeConsumer(), FakeConsumer()
    intake = Intake(
        live,  # type: ignore[arg-type]
        bulk,  # type: ignore[arg-type]
        assigned=lambda _: None,
        revoked=lambda _: None,
        resume=lambda number: RESUME[number],
        unread=lambda number: RESUME[number],
        ends=lambda numbers: FakeEnds({}),
        cap=100,
        bulk_cap=70,
        shared_cap=40,
    )
    live.on_assign(live, [TopicPartition(LEAD, 3), TopicPartition(LEAD, 7)])
    return intake, live, bulk


@pytest.fixture
def parts(given: Parts) -> Parts:
    """Partitions 3 and 7 are ours and open."""
    given[0].open([3, 7])
    return given


def offsets_of(*numbers: int) -> dict[tuple[str, int], int]:
    return {(topic, n): at for n in numbers for topic, at in zip(INTAKE_TOPICS, RESUME[n], strict=True)}


def test_nothing_is_fetched_before_it_is_opened(given: Parts) -> None:
    """A fetch at an offset that has expired since would put the partition into an error nothing leads out of."""
    intake, live, bulk = given
    assert intake.held == [3, 7]
    assert live.assigned == bulk.assigned == []


def test_lead_topic_numbers_are_taken_of_all_topics(given: Parts) -> None:
    intake, live, bulk = given
    intake.open([7])
    assert live.places() | bulk.places() == offsets_of(7)
    assert set(bulk.places()) == {(BULK, 7)}
    intake.open([3])
    assert live.places() | bulk.places() == offsets_of(3, 7), (
        "the first one stays, from where the ledger says"
    )


def test_closed_partitions_are_fetched_no_more(parts: Parts) -> None:
    intake, live, bulk = parts
    intake.close([7, 9])
    assert live.places() | bulk.places() == offsets_of(3)
    live.on_assign(live, [TopicPartition(LEAD, 3)])
    assert live.assigned == bulk.assigned == [], "the group's new word opens nothing"


def test_client_that_takes_no_assignment_ends_the_process(parts: Parts, monkeypatch: Any) -> None:
    intake, live, _ = parts

    def refuse(_places: list[TopicPartition]) -> None:
        raise KafkaException(KafkaError(KafkaError._FATAL))

    monkeypatch.setattr(live, "assign", refuse)
    with pytest.raises(OutcomeUnknown):
        intake.close([3])


def test_batch_carries_the_metadata_of_its_start(parts: Parts) -> None:
    intake, live, _ = parts
    live.queue = [FakeMessage(LEAD, 3, n) for n in range(5)]
    batch = intake.take(0)
    assert batch is not None
    assert (batch.metadata, len(batch.groups[3])) == (1, 5)


@pytest.mark.parametrize("event", ["revoke", "assign"])
def test_batch_is_thrown_away_when_partitions_came_or_went(parts: Parts, event: str) -> None:
    """librdkafka may run the callback with records already in hand; the metadata then vouches for them wrongly."""
    intake, live, bulk = parts
    live.queue = [FakeMessage(LEAD, 3, n) for n in range(5)]
    bulk.queue = [FakeMessage(BULK, 3, n) for n in range(5)]

    def rebalance() -> None:
        live.generation += 1
        if event == "revoke":
            live.on_revoke(live, [])
        else:
            live.on_assign(live, [TopicPartition(LEAD, 3)])

    live.during = rebalance
    assert intake.take(0) is None


def test_fatal_error_survives_the_batch_that_is_thrown_away(parts: Parts) -> None:
    """The client tells it once, in the call that takes the partitions away; unheard, the process would idle on."""
    intake, live, _ = parts
    fatal: Any = FakeFault(KafkaError(KafkaError._FATAL))
    live.queue = [FakeMessage(LEAD, 3, 0), FakeFault(KafkaError(KafkaError._AUTO_OFFSET_RESET)), fatal]
    live.during = lambda: live.on_revoke(live, [])
    batch = intake.take(0)
    assert batch is not None
    assert batch.faults == [fatal]
    assert not batch.groups


def test_bulk_fills_what_live_leaves(parts: Parts) -> None:
    intake, live, bulk = parts
    bulk.queue = [FakeMessage(BULK, 3, n) for n in range(1_000)]
    batch = intake.take(0)
    assert batch is not None
    assert len(batch.groups[3]) == 70, "idle live: whoever comes now waits behind two of these"
    live.queue = [FakeMessage(LEAD, 3, n) for n in range(10)]
    batch = intake.take(0)
    assert batch is not None
    assert len(batch.groups[3]) == 40, "live records wait behind no more than the shared cap"
    live.queue = [FakeMessage(LEAD, 3, n) for n in range(1_000)]
    batch = intake.take(0)
    assert batch is not None
    topics = [message.topic() for message in batch.groups[3]]
    assert (topics.count(LEAD), topics.count(BULK)) == (95, 5), "full live load: bulk keeps a twentieth"


def columns(*records: tuple[int, int]) -> Columns:
    """(topic, offset) each."""
    count = len(records)
    return Columns(
        [t for t, _ in records], [o for _, o in records], [0] * count, [b"k"] * count, [b"v"] * count
    )


def test_records_already_decided_are_left_out() -> None:
    fresh = in_order(columns((0, 3), (0, 4), (0, 5), (2, 0), (0, 6)), [4, -1, -1, -1, -1], set())
    assert (fresh.topics, fresh.offsets) == ([0, 2, 0], [5, 0, 6])


def test_missing_records_are_read_again_and_then_believed() -> None:
    with pytest.raises(IntakeGap) as gap:
        in_order(columns((0, 5), (0, 7)), [4, -1, -1, -1, -1], set())
    assert gap.value.place == (0, 7)
    assert in_order(columns((0, 5), (0, 7)), [4, -1, -1, -1, -1], {gap.value.place}).offsets == [5, 7]


def test_a_gap_is_believed_when_it_is_read_twice_and_told_once() -> None:
    gaps, causes = Gaps(11), [4, -1, -1, -1, -1]
    told = metrics.INTAKE_MISSING.labels(LEAD, 11)
    before = told._value.get()
    assert gaps.sift(columns((0, 5), (0, 8)), causes) is None
    assert told._value.get() == before
    for _ in range(2):  # a batch that was refused comes again
        again = gaps.sift(columns((0, 5), (0, 8)), causes)
        assert again is not None
        assert again.offsets == [5, 8]
    assert told._value.get() == before + 2
    gaps.forget()
    assert gaps.sift(columns((0, 5), (0, 8)), causes) is None


def test_a_gap_that_the_second_reading_fills_is_none() -> None:
    gaps, causes = Gaps(11), [4, -1, -1, -1, -1]
    assert gaps.sift(columns((0, 5), (0, 7)), causes) is None
    assert gaps.sift(columns((0, 5), (0, 6), (0, 7)), causes) is not None
    assert not gaps.known


def test_markers_of_our_own_transactions_are_no_gap() -> None:
    assert in_order(columns((3, 0), (3, 2), (3, 5)), [-1] * 5, set()).offsets == [0, 2, 5]


class _Fold:
    partition = 3


def test_what_stands_before_a_sick_record_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    decider = Decider(None, bytes)  # type: ignore[arg-type]

    def decide(_fold: object, _ahead: object, cut: Columns) -> Any:
        if 6 in cut.offsets:
            raise ValueError("sick")
        return len(cut.offsets)

    monkeypatch.setattr(decider, "_decide", decide)
    decided = decider.decide(_Fold, None, columns(*((0, n) for n in range(10))))  # type: ignore[arg-type]
    assert decided.outcome == 6  # type: ignore[comparison-overlap]
    assert decided.offsets == {(LEAD, 3): 6}
    assert isinstance(decided.sick, ValueError)
    alone = decider.decide(_Fold, None, columns((0, 6), (0, 7)))  # type: ignore[arg-type]
    assert alone.outcome is None
    assert alone.offsets == {}


def test_patience_ends_when_records_wait_and_nothing_moves() -> None:
    patience = Patience()
    assert not patience.is_over([5, 0], [5, 0], 0.0), "nothing waits"
    assert not patience.is_over([5, 0], [9, 0], 1.0)
    assert not patience.is_over([6, 0], [9, 0], 14.0), "it moves"
    assert not patience.is_over([6, 0], [9, 0], 14.0 + STALL - 0.1)
    assert patience.is_over([6, 0], [9, 0], 14.0 + STALL)
    assert not patience.is_over([6, 0], [9, 0], 99.0), "once for the same ends"
    assert patience.is_over([6, 0], [12, 0], 120.0)


@pytest.mark.parametrize("is_member", [True, False])
def test_only_a_member_calls_entries_foreign(tmp_path: Path, is_member: bool) -> None:
    """One that was stopped for a while may meet what the next holder wrote before the group tells it."""

    class Group:
        def is_member(self, _partition: int, _resume: list[int]) -> bool:
            return is_member

    store = Store(tmp_path / "s", 1)
    partition = Partition(Fold(0, store.shelves[0]))
    partition.suspicious = True
    desk = object.__new__(Desk)
    desk.attach(Group())  # type: ignore[arg-type]
    stretch = Stretch(0, [0], [b"k"], [b"written by another"], 1)
    if is_member:
        with pytest.raises(ForeignWriter):
            desk._fold(partition, stretch)
    else:
        desk._fold(partition, stretch)
        assert partition.fold.head.offset == 1
        assert not partition.suspicious
    del partition, desk
    store.close()
