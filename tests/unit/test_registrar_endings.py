"""When a registrar gives up, how long it takes, and whether it may come back."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from natalog.exits import Exit
from natalog.kafka.offsets import STABLE_WITHIN
from natalog.registrar import main, takeover, writer
from natalog.registrar.faults import Ending, Fenced, OutcomeUnknown
from natalog.registrar.loop import Registrar
from natalog.registrar.writer import PATIENCE, LedgerWriter

FENCED = KafkaError(KafkaError._FENCED, fatal=True)
LATER = KafkaError(KafkaError._TIMED_OUT, retriable=True)
BY_THE_GROUP = KafkaError(KafkaError.FENCED_INSTANCE_ID, fatal=True)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (writer, takeover, main):
        fake = SimpleNamespace(
            monotonic=clock.monotonic, sleep=lambda s: setattr(clock, "now", clock.now + s)
        )
        monkeypatch.setattr(module, "time", fake)
    return clock


class FakeProducer:
    """Each call takes as long as it may and fails as `faults` says; a call not named there takes `spend` and works."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults: dict[str, KafkaError] = {}
        self.spend: dict[str, float] = {}
        self.calls: list[str] = []

    def _call(self, name: str, timeout: float) -> None:
        self.calls.append(name)
        if fault := self.faults.get(name):
            self.clock.now += timeout if fault.retriable() else 0.0
            raise KafkaException(fault)
        self.clock.now += self.spend.get(name, 0.0)

    def begin_transaction(self) -> None:
        self._call("begin", 0.0)

    def send_offsets_to_transaction(self, _places: object, _metadata: object, timeout: float) -> None:
        self._call("offsets", timeout)

    def commit_transaction(self, timeout: float) -> None:
        self._call("commit", timeout)

    def abort_transaction(self, timeout: float) -> None:
        self._call("abort", timeout)

    def flush(self, timeout: float) -> int:
        self._call("flush", timeout)
        return 0


@pytest.fixture
def producer(clock: Clock) -> FakeProducer:
    return FakeProducer(clock)


@pytest.fixture
def ledger(producer: FakeProducer) -> LedgerWriter:
    return LedgerWriter(producer, transaction_timeout=10.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["offsets", "commit", "abort"])
def test_all_steps_of_a_transaction_share_one_bound(
    clock: Clock, producer: FakeProducer, ledger: LedgerWriter, step: str
) -> None:
    began = clock.now
    producer.spend = {"flush": 7.0}
    producer.faults = {step: LATER}
    ledger.begin()
    ledger.settle()
    if step != "offsets":
        ledger.send_offsets({}, None)
    last = {
        "offsets": lambda: ledger.send_offsets({}, None),
        "commit": ledger.commit,
        "abort": lambda: ledger.abort("a test"),
    }[step]
    with pytest.raises(OutcomeUnknown):
        last()
    assert clock.now - began == pytest.approx(PATIENCE)


def test_one_that_still_has_its_transactional_id_is_not_superseded(
    producer: FakeProducer, ledger: LedgerWriter
) -> None:
    assert not ledger.is_superseded(None)
    assert producer.calls == ["begin", "offsets"], "asked by offsets alone, and nothing committed"


def test_one_whose_transactional_id_was_taken_is_superseded(
    producer: FakeProducer, ledger: LedgerWriter
) -> None:
    producer.faults = {"offsets": FENCED}
    assert ledger.is_superseded(None)


def test_fence_met_in_a_young_transaction_tells_it_too(producer: FakeProducer, ledger: LedgerWriter) -> None:
    producer.faults = {"commit": FENCED}
    ledger.begin()
    with pytest.raises(OutcomeUnknown):
        ledger.commit()
    producer.calls.clear()
    assert ledger.is_superseded(None)
    assert not producer.calls, "a transaction is open: there is no other to ask by"


def test_fence_of_a_transaction_past_its_time_tells_nothing(
    clock: Clock, producer: FakeProducer, ledger: LedgerWriter
) -> None:
    """Kafka ends it then, and fences whoever began it."""
    producer.faults = {"commit": FENCED}
    ledger.begin()
    clock.now += 10.0
    with pytest.raises(OutcomeUnknown):
        ledger.commit()
    assert not ledger.is_superseded(None)


@pytest.mark.parametrize(
    "answer",
    [
        LATER,
        KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, fatal=True),
        KafkaError(KafkaError.FENCED_INSTANCE_ID, txn_requires_abort=True),
    ],
)
def test_other_answers_tell_nothing(producer: FakeProducer, ledger: LedgerWriter, answer: KafkaError) -> None:
    producer.faults = {"offsets": answer}
    assert not ledger.is_superseded(None)


@pytest.mark.parametrize(("taken", "ending"), [(True, Fenced), (False, OutcomeUnknown)])
def test_fenced_by_the_group_it_stays_down_only_for_another_process(
    taken: bool, ending: type[Ending]
) -> None:
    registrar = object.__new__(Registrar)
    registrar._intake = SimpleNamespace(metadata=lambda: "now", instance_fault=lambda _: BY_THE_GROUP)  # type: ignore[assignment]
    registrar._writer = SimpleNamespace(is_superseded=lambda metadata: taken and metadata == "now")  # type: ignore[assignment]
    message: Any = SimpleNamespace(error=lambda: BY_THE_GROUP)
    with pytest.raises(ending):
        registrar._face(message)
    assert type(registrar._ending(OutcomeUnknown("a failed commit"))) is ending


class Left(BaseException):
    """What os._exit does, for a test."""


def test_loop_stuck_in_a_call_is_ended(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise Left

    monkeypatch.setattr(os, "_exit", leave)
    began = clock.now
    with pytest.raises(Left):
        main._watch(SimpleNamespace(turned_at=began))  # type: ignore[arg-type]
    assert codes == [Exit.RESTART]
    assert PATIENCE < clock.now - began <= 21


@pytest.mark.parametrize("kafka_is_there", [True, False])
def test_takeover_without_answers_ends_the_process(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, kafka_is_there: bool
) -> None:
    """Where Kafka answers, offsets are not stable yet: it keeps a dead holder's transaction open for some time."""
    began = clock.now
    silence = KafkaException(KafkaError(KafkaError._TIMED_OUT))

    class Question:
        def __init__(self, *_: object) -> None:
            self._asked = clock.now

        def ready(self) -> bool:
            return clock.now - self._asked >= STABLE_WITHIN

        def offsets(self) -> dict[object, int]:
            raise silence

    def list_topics(timeout: float) -> None:
        if not kafka_is_there:
            clock.now += timeout
            raise silence

    monkeypatch.setattr(takeover, "CommittedOffsets", Question)
    admin: Any = SimpleNamespace(list_topics=list_topics)
    consumer: Any = None
    asked = takeover.Round(admin, consumer, [0], lambda _: 0)

    def wait() -> None:
        while clock.now - began < 200:
            clock.now += 0.05
            asked.findings()

    with pytest.raises(OutcomeUnknown):
        wait()
    assert asked.unstable == kafka_is_there
    bound = 60 if kafka_is_there else 0
    assert bound < clock.now - began <= bound + 13
