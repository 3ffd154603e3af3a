"""Two texts under one number are refused, also across restarts."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from natalog.cli.replay import _rules
from natalog.decision.rules import NEWEST, RuleSetError, RuleSets, from_json
from natalog.exits import Exit
from natalog.ledger.rules import remember, remembered, rules_in_force
from natalog.local import stack
from natalog.settings import Settings


def test_a_set_of_ones_own_takes_the_rest_from_the_newest() -> None:
    own = from_json('{"version": 100, "sla_seconds": 60}')
    assert (own.sla_ms, own.claim_ms, own.skew_ms) == (60_000, NEWEST.claim_ms, NEWEST.skew_ms)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 0}',
        '{"version": true}',
        '{"version": 100, "sla": 1}',
        '{"version": 100, "sla_seconds": -1}',
    ],
)
def test_what_is_no_rule_set_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(RuleSetError, match=r"rule set|whole number"):
        from_json(text)


def test_a_number_stands_for_one_text() -> None:
    with pytest.raises(RuleSetError, match="new version"):
        RuleSets().add(from_json('{"version": 1, "sla_seconds": 60}'))


def test_a_file_that_takes_a_built_in_number_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text('{"version": 1, "claim_seconds": 1}')
    with pytest.raises(RuleSetError, match="new version"):
        rules_in_force(file)
    file.write_text('{"version": 100, "claim_seconds": 1}')
    assert rules_in_force(file).claim_ms == 1_000
    assert rules_in_force(None) is NEWEST


def test_what_decided_here_is_remembered_and_not_replaced(tmp_path: Path) -> None:
    own = from_json('{"version": 100, "sla_seconds": 60}')
    remember(own, tmp_path)
    remember(own, tmp_path)
    assert remembered(tmp_path).get(100).text == own.text
    with pytest.raises(RuleSetError, match="stood for another text"):
        remember(from_json('{"version": 100, "sla_seconds": 61}'), tmp_path)


def test_another_builds_tables_are_noticed(tmp_path: Path) -> None:
    remember(NEWEST, tmp_path)
    kept = tmp_path / f"{NEWEST.version}.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"digest": "00" * 32}))
    with pytest.raises(RuleSetError, match="stood for another text"):
        remember(NEWEST, tmp_path)
    with pytest.raises(RuleSetError, match=r"1\.json: .* the build that kept it"):
        remembered(tmp_path)


def test_what_was_kept_is_a_file_to_decide_under_and_to_audit_with(tmp_path: Path) -> None:
    own = from_json('{"version": 100, "sla_seconds": 60}')
    remember(own, tmp_path)
    assert rules_in_force(tmp_path / "100.json").text == own.text
    assert [path.name for path in tmp_path.iterdir()] == ["100.json"], "nothing half written stays"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 100}'])
def test_a_file_that_is_broken_is_not_taken_for_another_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "100.json").write_text(text)
    with pytest.raises(RuleSetError, match="bring it back"):
        remember(from_json('{"version": 100}'), tmp_path)


def test_services_that_start_at_once_keep_one_file(tmp_path: Path) -> None:
    own = from_json('{"version": 100, "sla_seconds": 60}')
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: remember(own, tmp_path / "rules"), range(64)))
    assert remembered(tmp_path / "rules").get(100).text == own.text
    assert [path.name for path in (tmp_path / "rules").iterdir()] == ["100.json"]


@pytest.mark.parametrize("service", ["registrar", "watch"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_service_refuses_a_second_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, service: str, shared: bool
) -> None:
    """Where it shares the memory, though its own directory was lost; else by what it keeps there."""
    file, own = tmp_path / "own.json", tmp_path / service
    file.write_text('{"version": 100, "sla_seconds": 61}')
    kept = tmp_path / "rules" if shared else None
    remember(from_json('{"version": 100, "sla_seconds": 60}'), kept or own / "rules")
    main: Callable[[Settings], int] = importlib.import_module(f"natalog.{service}.main").main
    assert main(Settings(data=own, rules=file, rules_kept=kept)) == Exit.REFUSED_TO_START
    # There are other reasons to refuse.
    assert "another text" in vars(caplog.records[-1])["detail"]


def test_all_of_a_local_stack_share_one_memory_and_the_audit_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "find_binaries", lambda: None)
    monkeypatch.setattr(stack, "find_libs", lambda _: tmp_path)
    monkeypatch.setattr(stack, "find_java", lambda _: tmp_path / "java")
    services = {s.name: s.environment or {} for s in stack.Stack.prepare(tmp_path, Settings()).services()}
    (place,) = {services[name]["NATALOG_RULES_KEPT"] for name in ("registrar", "watch")}
    remember(from_json('{"version": 100, "sla_seconds": 60}'), Path(place))
    assert _rules(tmp_path, []).get(100).sla_ms == 60_000
