"""Questions to a cluster that does not answer."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from natalog.kafka import offsets
from natalog.kafka.identity import identity_of
from natalog.kafka.offsets import LogBounds


class _Silent:
    """An admin client whose requests' own time-out never comes."""

    def list_topics(self, timeout: float) -> SimpleNamespace:
        return SimpleNamespace(cluster_id="c")

    def list_offsets(self, question: Any, **_options: Any) -> dict[Any, Future[Any]]:
        return {place: Future() for place in question}

    def describe_topics(self, topics: Any, **_options: Any) -> dict[str, Future[Any]]:
        return {"ledger": Future()}


def test_silence_is_told_as_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As librdkafka itself tells it: whoever asks knows one kind of failure (a thread that met another one died)."""
    monkeypatch.setattr(offsets, "REQUEST_TIMEOUT", -offsets.GRACE)
    admin: Any = _Silent()
    bounds = LogBounds(admin, [("ledger", 0)], [("ledger", 0)])
    assert bounds.ready()
    for ask in (
        bounds.starts,
        bounds.ends,
        lambda: identity_of(admin, "ledger", timeout=-offsets.GRACE),
    ):
        with pytest.raises(KafkaException) as told:
            ask()
        assert told.value.args[0].code() == KafkaError._TIMED_OUT


def test_one_question_at_a_time() -> None:
    """librdkafka dies of metadata that comes for one while the other is being asked."""
    asked: list[list[Any]] = []
    answers: list[Future[Any]] = []

    def list_offsets(question: dict[Any, Any], **_options: Any) -> dict[Any, Future[Any]]:
        asked.append([place.topic for place in question])
        answers.append(Future())
        return dict.fromkeys(question, answers[-1])

    admin: Any = SimpleNamespace(list_offsets=list_offsets)
    bounds = LogBounds(admin, [("intake", 0)], [("ledger", 0)])
    assert not bounds.ready()
    assert asked == [["intake"]]
    answers[0].set_result(SimpleNamespace(offset=3))
    assert not bounds.ready()
    assert asked == [["intake"], ["ledger"]]
    answers[1].set_result(SimpleNamespace(offset=5))
    assert bounds.ready()
    assert (bounds.starts(), bounds.ends()) == ({("intake", 0): 3}, {("ledger", 0): 5})


def test_an_end_that_is_not_known_yet_is_none() -> None:
    """A broker that has just become the leader says -1, which would be before everything."""
    told: Future[Any] = Future()
    told.set_result(SimpleNamespace(offset=-1))
    admin: Any = SimpleNamespace(list_offsets=lambda question, **_options: dict.fromkeys(question, told))
    with pytest.raises(KafkaException) as raised:
        LogBounds(admin, [], [("ledger", 0)]).ends()
    assert raised.value.args[0].code() == KafkaError.OFFSET_NOT_AVAILABLE
