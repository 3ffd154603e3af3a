"""A flight tells how it ended by `wait` alone, wherever it failed."""

from __future__ import annotations

from typing import Any

import pytest

from natalog.registrar.faults import BatchRefused, OutcomeUnknown
from natalog.registrar.flight import Committer, Flight


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
    assert flight.has_ended()
    with pytest.raises(type(failure)):
        flight.wait()
