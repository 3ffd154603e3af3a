"""docs/decision.md says what the tables say, and every rule and test it leads to is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from natalog.decision import codes
from natalog.decision.divisions import CHANGES
from natalog.decision.rules import BUILT_IN, NEWEST
from natalog.decision.vocabulary import EXEMPTIONS, PLACEMENT_BASES

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "decision.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["reasons", "flags", "doubts"])
def test_the_tables_of_codes_are_those_of_the_code(name):
    block = TEXT.split(f"<!-- {name} -->\n")[1].split("\n<!-- end -->")[0]
    table = getattr(codes, name.upper())
    rows = [f"| {c.code} | {c.zh} | {c.text} | {c.source} |" for c in table if c.code]
    assert block.split("\n")[2:] == rows


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assigned = (node.target for node in tree.body if isinstance(node, ast.AnnAssign))
    return named | {target.id for target in assigned if isinstance(target, ast.Name)}


def test_every_rule_it_names_is_there():
    found = re.findall(r"`(\w+\.py):(\w+)`", TEXT)
    assert len(found) > 40
    for file, function in found:
        folder = "ledger" if file == "step.py" else "decision"
        assert function in functions(ROOT / "services" / "natalog" / folder / file), f"{file}:{function}"


def test_every_test_it_names_is_there():
    found = re.findall(r"`(test_\w+\.py)(?:::(\w+))?`", TEXT)
    assert len(found) > 20
    for file, function in found:
        path = Path(__file__).with_name(file)
        assert path.is_file(), file
        assert not function or function in functions(path), f"{file}::{function}"


def test_every_code_has_its_constant_at_its_place():
    for bit, flag in enumerate(codes.FLAGS):
        assert getattr(codes, flag.code) == 1 << bit
    for bit, doubt in enumerate(codes.DOUBTS):
        assert getattr(codes, doubt.code) == 1 << bit
    for place, reason in enumerate(codes.REASONS[1:], 1):
        assert getattr(codes, reason.code) == place


def test_every_row_is_of_the_newest_rule_set():
    assert NEWEST.tables == (
        len(codes.REASONS),
        len(codes.FLAGS),
        len(codes.DOUBTS),
        len(EXEMPTIONS),
        len(PLACEMENT_BASES),
        len(CHANGES),
    )


def test_a_released_rule_set_keeps_its_text():
    """Entries name their set for ever: a change of what it says is a set with a new number."""
    assert {version: rules.digest.hex() for version, rules in BUILT_IN.items()} == DIGESTS


DIGESTS = {1: "b8dbb22b8ec78867dbb14dbc85c77803e166b240876ec7d8cad40c7488f9cb22"}
