"""The guards that tests of the registrar take out are still there to be taken out."""

from __future__ import annotations

import inspect
import re

import pytest

from natalog.registrar import intake
from tests.integration.registrar import runner

GUARDS = re.findall(r'guard == "([^"]+)"', inspect.getsource(runner.without))


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_is_replaced_by_what_takes_the_same_arguments(
    guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LIVE_TOPICS", intake.LIVE_TOPICS)
    monkeypatch.setattr(intake, "BULK", intake.BULK)
    try:
        runner.without(guard)
    finally:
        runner.restore()


def test_an_old_build_is_replaced_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LIVE_TOPICS", intake.LIVE_TOPICS)
    try:
        runner.old_build()
    finally:
        runner.restore()


def test_a_replacement_that_takes_other_arguments_is_refused() -> None:
    class Owner:
        def method(self, one: int) -> None: ...

    with pytest.raises(TypeError):
        runner.replace(Owner, "method", lambda self: None)
    with pytest.raises(AttributeError):
        runner.replace(Owner, "gone", lambda self: None)
