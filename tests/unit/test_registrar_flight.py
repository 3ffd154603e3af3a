"""A flight tells how it ended by `wait` alone, wherever it failed."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from natalog.ledger.head import Head
from natalog.ledger.step import Outcome
from natalog.registrar.faults import BatchRefused, OutcomeUnknown
from natalog.registrar.flight import Committer, Displaced, Flight
from natalog.registrar.work import Decided
from natalog.registrar.writer import Landing


class _Refusing:
    """A writer whose transaction cannot begin."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def begin(self) -> None:
        raise self._failure


@pytest.mark.parametrize("failure", [BatchRefused("aborted"), OutcomeUnknown("nobody can tell")])
def test_a_flight_that_cannot_begin_fails_when_it_is_waited_for(failure: Exception) -> None:
    writer: Any = _Refusing(failure)
    flight = Flight([], None, 0.0)
    Committer(writer).launch(flight)
    with pytest.raises(type(failure)):
        flight.wait()
    assert flight.has_ended()


class _Writer:
    """A ledger that begins at `at` and may have got something of somebody else's in between."""

    def __init__(self, *, at: int, stray: int = 0, within: int = 0, failing: str = "") -> None:
        self._next = at
        self._stray = stray
        self._within = within
        self._failing = failing
        self.calls: list[str] = []

    def _step(self, name: str) -> None:
        self.calls.append(name)
        if name == self._failing:
            raise BatchRefused(name)

    def begin(self) -> None:
        self._step("begin")

    def send(self, partition: int, entries: list[tuple[bytes, bytes]]) -> Landing:
        self._step("send")
        first = self._next + self._stray
        self._next = first + len(entries) + self._within
        return Landing(first, self._next - 1)

    def send_offsets(self, offsets: dict[tuple[str, int], int], metadata: object) -> None:
        assert offsets == {("birth.registrations", 3): 9}
        self._step("send_offsets")

    def settle(self) -> None:
        self._step("settle")

    def commit(self) -> None:
        self._step("commit")

    def abort(self, why: str) -> None:
        self._step("abort")


def flight_of(entries: int, *, next_own: int) -> Flight:
    """Decided entries of partition 3 that should land from `next_own` on."""
    outcome = Outcome(Head.genesis())
    outcome.entries = [(b"M330123456", b"entry")] * entries
    partition: Any = SimpleNamespace(number=3, next_own=next_own)
    return Flight([(partition, Decided(outcome, {("birth.registrations", 3): 9}, [0] * entries))], None, 0.0)


def flown(writer: Any, flight: Flight) -> Flight:
    Committer(writer).launch(flight)
    with contextlib.suppress(BatchRefused):
        flight.wait()
    return flight


def test_offsets_go_first_then_entries_then_the_commit() -> None:
    """Records first would wait 20 ms for the transaction before (docs/adr/0017)."""
    writer = _Writer(at=40)
    flight = flown(writer, flight_of(5, next_own=40))
    assert flight.failure is None
    assert flight.landings == [Landing(40, 44)]
    assert writer.calls == ["begin", "send_offsets", "send", "settle", "commit"]


@pytest.mark.parametrize("displaced", [{"stray": 1}, {"stray": -2}, {"within": 1}])
def test_entries_that_land_elsewhere_are_taken_back(displaced: dict[str, int]) -> None:
    """Somebody else wrote before them or in between, or the ledger has lost records: the chain would be broken."""
    writer: Any = _Writer(at=40, **displaced)
    flight = flown(writer, flight_of(5, next_own=40))
    assert isinstance(flight.failure, Displaced)
    assert writer.calls[-1] == "abort"
    assert "commit" not in writer.calls


@pytest.mark.parametrize("step", ["send_offsets", "settle", "commit"])
def test_a_step_that_is_refused_ends_the_flight(step: str) -> None:
    writer = _Writer(at=40, failing=step)
    flight = flown(writer, flight_of(2, next_own=40))
    assert isinstance(flight.failure, BatchRefused)
    assert writer.calls[-1] == step


def test_the_next_flight_goes_after_one_that_failed() -> None:
    """The thread outlives a failure."""
    writer: Any = _Writer(at=40, failing="settle")
    committer = Committer(writer)
    first = flight_of(2, next_own=40)
    committer.launch(first)
    with pytest.raises(BatchRefused):
        first.wait()
    writer._failing = ""
    second = flight_of(2, next_own=42)
    committer.launch(second)
    second.wait()
    assert second.failure is None
