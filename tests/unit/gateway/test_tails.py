"""What lies behind the last decided record of a live intake log makes answers stale as long as it may be a record."""

from __future__ import annotations

from typing import Any

import pytest

from natalog.gateway import expired as expired_module
from natalog.gateway.expired import Expired
from natalog.gateway.freshness import Freshness, Sample
from natalog.gateway.tails import AGAIN, QUIET, Tails
from natalog.kafka.offsets import Place
from natalog.ledger.follow import LEDGER, Stretch
from natalog.ledger.probe import Probe
from natalog.wire.topics import MARKED_TOPIC
from tests.unit.fake_reader import FakeReader

TOPICS = ("a", MARKED_TOPIC)


class Kafka:
    """What it would say of partition 0 of MARKED_TOPIC, decided up to offset 4, whose log ends at 8."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.readers = {topic: FakeReader() for topic in TOPICS}
        self.committed = self.start = 0
        self.ledger = 10
        self.fresh = Freshness(1)
        self.fresh.folded(0, 10, [-1, 4])
        monkeypatch.setattr(expired_module, "LogBounds", self.bounds)
        expired = Expired(lambda: self, self.committed_of, 1, self.fresh)  # type: ignore[arg-type, return-value]
        self.tails = Tails(self.probe_of, expired, TOPICS, self.fresh)
        self.now = 0.0

    def probe_of(self, topic: str) -> Probe:
        return Probe(self.readers[topic])  # type: ignore[arg-type]

    def committed_of(self, places: list[Place]) -> Any:
        kafka = self

        class Answered:
            def ready(self) -> bool:
                return True

            def offsets(self) -> dict[Place, int]:
                return dict.fromkeys(places, kafka.committed)

        return Answered()

    def bounds(self, admin: Any, starts: list[Place], ends: list[Place]) -> Any:
        kafka = self

        class Answered:
            def ready(self) -> bool:
                return True

            def starts(self) -> dict[Place, int]:
                return dict.fromkeys(starts, kafka.start)

            def ends(self) -> dict[Place, int]:
                return {place: kafka.ledger if place[0] == LEDGER else 8 for place in ends}

        return Answered()

    def sample(self, after: float) -> None:
        self.now += after
        self.fresh.sampled(0, Sample(int(self.now * 1000), 10, (0, 8), 0))
        self.tails.look(0, (0, 8), self.now)
        self.tails.read()

    def told(self, *offsets: int, end: int) -> None:
        """The reader has met these records, or the end of what may be read."""
        self.readers[MARKED_TOPIC].stretches = [Stretch(0, offsets=list(offsets), position=end)]

    @property
    def known_at(self) -> float:
        passed = self.fresh.passed(0)
        return -1.0 if passed is None else passed.sent_at / 1000


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    return Kafka(monkeypatch)


def test_what_waits_shortly_is_not_read(kafka: Kafka) -> None:
    kafka.sample(0)
    kafka.sample(QUIET / 2)
    kafka.fresh.folded(0, 11, [-1, 5])
    kafka.sample(QUIET)
    assert kafka.readers[MARKED_TOPIC].reading == {}
    kafka.sample(QUIET)
    assert kafka.readers[MARKED_TOPIC].reading == {0: 6}
    assert kafka.readers["a"].reading == {}


def test_where_no_record_stands_to_the_end_nothing_is_to_be_decided(kafka: Kafka) -> None:
    kafka.sample(0)
    kafka.sample(QUIET)
    kafka.told(end=8)
    kafka.sample(0.1)
    assert kafka.known_at == kafka.now


def test_an_open_transaction_is_waited_for_and_looked_at_again(kafka: Kafka) -> None:
    """Nothing behind the last stable offset was shown, and it may be a record yet."""
    kafka.sample(0)
    kafka.sample(QUIET)
    kafka.told(end=6)  # of 5, 6, 7
    kafka.sample(0.1)
    assert kafka.known_at == -1.0
    kafka.sample(AGAIN)
    kafka.sample(AGAIN)
    assert kafka.readers[MARKED_TOPIC].reading == {0: 6}, "5 is known to hold none"
    kafka.told(6, end=8)
    kafka.sample(AGAIN)
    assert kafka.known_at == -1.0, "it was committed"
    kafka.fresh.folded(0, 12, [-1, 6])
    kafka.sample(0.1)
    assert kafka.known_at == -1.0, "7 may hold another"
    kafka.sample(QUIET)
    kafka.told(end=8)  # it was the marker
    kafka.sample(0.1)
    assert kafka.known_at == kafka.now


def test_a_record_that_waits_is_not_read_again_and_again(kafka: Kafka) -> None:
    kafka.sample(0)
    kafka.sample(QUIET)
    kafka.told(5, end=6)
    for _ in range(5):
        kafka.sample(2 * AGAIN)
        assert kafka.readers[MARKED_TOPIC].reading == {}
    assert kafka.known_at == -1.0


@pytest.mark.parametrize(
    ("begins", "committed", "known"),
    [
        (8, 8, True),  # a succession's marker, found by a registrar to be all there was
        (8, 7, False),  # a record may have expired undecided
        (8, -1, False),
        (8, 9, False),  # beyond its end: of another log
        (5, 8, False),  # it can still be read: no reason to believe what is committed
    ],
)
def test_what_expired_is_passed_only_where_the_group_vouches_for_it(
    kafka: Kafka, begins: int, committed: int, known: bool
) -> None:
    kafka.start, kafka.committed = begins, committed
    for _ in range(20):
        kafka.readers[MARKED_TOPIC].stretches = [Stretch(0, outside="it begins later")]
        kafka.sample(AGAIN)
    assert (kafka.known_at >= 0) is known


def test_what_expired_may_have_been_decided_by_entries_that_are_not_folded_yet(kafka: Kafka) -> None:
    """The offset covers them, so only a fold that has come past them knows what they say."""
    kafka.start, kafka.committed, kafka.ledger = 8, 8, 12
    for _ in range(20):
        kafka.readers[MARKED_TOPIC].stretches = [Stretch(0, outside="it begins later")]
        kafka.sample(AGAIN)
    assert kafka.known_at == -1.0
    kafka.fresh.folded(0, 12, [-1, 4])
    kafka.sample(AGAIN)
    assert kafka.known_at == kafka.now


def test_of_other_topics_nothing_is_believed(kafka: Kafka) -> None:
    """They have no markers by nature: what expired there undecided halts a registrar, whatever the group says."""
    kafka.start = kafka.committed = 8
    asked = []
    kafka.tails._expired.ask = lambda *what: asked.append(what)  # type: ignore[method-assign]
    for _ in range(20):
        kafka.now += AGAIN
        kafka.readers["a"].stretches = [Stretch(0, outside="it begins later")]
        kafka.tails.look(0, (8, 5), kafka.now)
        kafka.tails.read()
    assert kafka.readers["a"].reading or kafka.tails._waits[0, 0].asked > 3
    assert asked == []
