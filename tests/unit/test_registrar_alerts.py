"""An alert is decided after the live input that came before it, however far that lags."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from natalog.registrar.alerts import ALERTS, LEAD, Alerts, Waiting, merged


class FakeMessage:
    def __init__(self, topic: str, offset: int, at: int, partition: int = 3) -> None:
        self.place = (topic, offset)
        self._at = at
        self._partition = partition

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self.place[1]

    def timestamp(self) -> tuple[int, int]:
        return 2, self._at

    def error(self) -> KafkaError | None:
        return None


class Question:
    """Answers when told to."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.answer: dict[tuple[str, int], int] | Exception | None = None

    def __call__(self, numbers: list[int]) -> Question:
        self.asked.append(numbers)
        self.answer = None
        return self

    def ready(self) -> bool:
        return self.answer is not None

    def ends(self) -> dict[tuple[str, int], int]:
        if isinstance(self.answer, dict):
            return self.answer
        assert self.answer is not None
        raise self.answer


def lead(offset: int, at: int) -> Any:
    return FakeMessage(LEAD, offset, at)


def alert(offset: int, at: int) -> Any:
    return FakeMessage(ALERTS, offset, at)


def told(messages: list[Any]) -> list[tuple[str, int]]:
    return [message.place for message in messages]


@pytest.fixture
def question() -> Question:
    return Question()


@pytest.fixture
def alerts(question: Question) -> Alerts:
    return Alerts(question)


def release(alerts: Alerts, group: list[Any], decided_to: int) -> list[tuple[str, int]]:
    groups = {3: group} if group else {}
    alerts.release(groups, lambda _: decided_to)
    return told(groups.get(3, []))


def test_nothing_but_alerts_is_kept_back(alerts: Alerts) -> None:
    assert told(alerts.sift([lead(0, 1), alert(0, 2), lead(1, 3)])) == [(LEAD, 0), (LEAD, 1)]


def test_alert_waits_for_the_end_that_was_asked_for_with_it_in_hand(
    alerts: Alerts, question: Question
) -> None:
    alerts.sift([alert(0, 50)])
    assert release(alerts, [], 5) == [], "nobody knows what else lies there"
    assert question.asked == [[3]]
    question.answer = {(LEAD, 3): 7}
    assert release(alerts, [lead(5, 40)], 5) == [(LEAD, 5)], "6 came before it, too"
    assert release(alerts, [lead(6, 45)], 6) == [(LEAD, 6), (ALERTS, 0)]
    assert question.asked == [[3]]


def test_alert_goes_before_what_came_later(alerts: Alerts) -> None:
    alerts.sift([alert(0, 50), alert(1, 70)])
    assert release(alerts, [lead(5, 50), lead(6, 51)], 5) == [(LEAD, 5), (ALERTS, 0), (LEAD, 6)]
    assert release(alerts, [lead(7, 90)], 7) == [(ALERTS, 1), (LEAD, 7)]


def test_end_known_for_one_alert_says_nothing_of_a_later_one(alerts: Alerts, question: Question) -> None:
    alerts.sift([alert(0, 50)])
    release(alerts, [], 5)
    alerts.sift([alert(1, 60)])
    question.answer = {(LEAD, 3): 5}
    assert release(alerts, [], 5) == [(ALERTS, 0)]
    assert len(question.asked) == 2
    assert release(alerts, [], 5) == []
    question.answer = {(LEAD, 3): 5}
    assert release(alerts, [], 5) == [(ALERTS, 1)]


def test_answer_for_an_alert_that_left_early_does_not_pass_to_the_next(
    alerts: Alerts, question: Question
) -> None:
    alerts.sift([alert(0, 50)])
    release(alerts, [], 5)
    alerts.sift([alert(1, 60)])
    assert release(alerts, [lead(5, 55)], 5) == [(ALERTS, 0), (LEAD, 5)]
    question.answer = {(LEAD, 3): 5}
    assert release(alerts, [], 6) == [], "5 was the end before the second alert was in hand"


def test_question_that_failed_is_asked_again(alerts: Alerts, question: Question) -> None:
    alerts.sift([alert(0, 50)])
    release(alerts, [], 5)
    question.answer = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    assert release(alerts, [], 5) == []
    assert len(question.asked) == 2


def test_forgotten_when_partitions_are_read_again(alerts: Alerts, question: Question) -> None:
    alerts.sift([alert(0, 50)])
    release(alerts, [], 5)
    alerts.clear()
    question.answer = {(LEAD, 3): 5}
    assert release(alerts, [lead(5, 99)], 5) == [(LEAD, 5)]


@pytest.mark.parametrize("steps_back", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_no_record_is_lost_or_passed_whatever_the_batches(seed: int, steps_back: bool) -> None:
    """Both logs in any cut; where the broker's clock only goes forward, every alert stands in the order of time."""
    rng = Random(seed)
    log: list[Any] = []
    at, next_offset = 0, {LEAD: 0, ALERTS: 0}
    for _ in range(200):
        at += rng.randrange(-3 if steps_back else 0, 12)
        topic = ALERTS if rng.random() < 0.3 else LEAD
        log.append(FakeMessage(topic, next_offset[topic], at))
        next_offset[topic] += 1
    leads = [m for m in log if m.topic() == LEAD]
    waiting = [Waiting(m) for m in log if m.topic() == ALERTS]
    decided: list[Any] = []
    while leads or waiting:
        cut = rng.randrange(0, 20)
        group, leads = leads[:cut], leads[cut:]
        decided_to = sum(1 for m in decided if m.topic() == LEAD)
        if not leads and not group:
            for w in waiting:
                w.end = next_offset[LEAD]
        decided += merged(group, waiting, decided_to)
    assert sorted(m.place for m in decided) == sorted(m.place for m in log)
    for topic in (LEAD, ALERTS):
        offsets = [m.offset() for m in decided if m.topic() == topic]
        assert offsets == sorted(offsets)
    if not steps_back:
        stamps = [m.timestamp()[1] for m in decided]
        assert stamps == sorted(stamps)
