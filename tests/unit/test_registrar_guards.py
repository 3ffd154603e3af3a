"""The guards that tests of the registrar take out, and those tests, are still there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.integration.registrar import guards, runner
from tests.integration.registrar.replacing import replace, restore

TESTS = Path(guards.__file__).parent


@pytest.mark.parametrize("guard", guards.GUARDS)
def test_a_guard_is_replaced_by_what_takes_the_same_arguments(guard: str) -> None:
    try:
        guards.without(guard)
    finally:
        restore()


@pytest.mark.parametrize("names", guards.TESTS)
def test_a_guard_has_a_test_that_fails_without_it(names: str) -> None:
    """That it fails indeed, `out_in_turn` tries."""
    file, _, function = guards.TESTS[names].partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(names.split(",")) <= guards.GUARDS.keys()


def test_no_guard_is_without_a_test() -> None:
    assert {guard for names in guards.TESTS for guard in names.split(",")} == guards.GUARDS.keys()


def test_other_replacements_take_the_same_arguments() -> None:
    try:
        runner.old_build()
        runner.make_poll_a_method()
        runner.go_at(flush=1.0)
    finally:
        restore()


def test_a_replacement_that_takes_other_arguments_is_refused() -> None:
    class Owner:
        def method(self, one: int) -> None: ...

    with pytest.raises(TypeError):
        replace(Owner, "method", lambda self: None)
    with pytest.raises(AttributeError):
        replace(Owner, "gone", lambda self: None)
