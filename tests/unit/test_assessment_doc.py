"""docs/assessment.md defines every column, in order, and none that is not there; causes are the projection's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from natalog.assessment.columns import CAUSES, COLUMNS
from natalog.assessment.period import Period
from natalog.assessment.position import Asked, BadPosition, NotThere, within
from natalog.assessment.provinces import PROVINCES
from natalog.decision.divisions import province_of
from natalog.views import lateness

_DOC = (Path(__file__).resolve().parents[2] / "docs" / "assessment.md").read_text(encoding="utf-8")


def test_every_column_is_defined_with_its_source() -> None:
    table = re.findall(r"^\| ([a-z_0-9]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", _DOC, re.M)
    figures = [(column.key, column.zh) for column in COLUMNS]
    assert [(key, zh) for key, zh, _, _ in table] == [
        ("key", "中文"),
        *figures,
        ("rank", "排名"),
        ("rules", "规则集"),
        ("position", "台账位置"),
    ]
    assert all(meaning.strip() and source.strip() for _, _, meaning, source in table)


def test_keys_and_headings_are_not_given_twice() -> None:
    for names in ([c.key for c in COLUMNS], [c.en for c in COLUMNS], [c.zh for c in COLUMNS]):
        assert len(set(names)) == len(names)


def test_the_causes_are_those_of_the_projection() -> None:
    assert set(CAUSES) == set(lateness.CAUSES[1:])


def test_every_province_has_a_name() -> None:
    known = {f"{n}0000" for n in range(100) if province_of(f"{n:02}0000")}
    assert set(PROVINCES) == known


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-02-30", "26-10", "2026-1", "0000", "9999-12", "２０２６", "2026-10\n"]
)
def test_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="no period"):
        Period.parse(text)


@pytest.mark.parametrize("text", ["", "5", "0:1,", "0:-1", "0:1/abc", "0:1,0:2", "0:1 ", "0:١"])
def test_no_position(text: str) -> None:
    with pytest.raises(BadPosition):
        Asked.parse(text)


def test_a_position_must_be_reached_and_name_every_partition() -> None:
    within(Asked.parse("0:5,1:0"), {0: 5, 1: 3})
    with pytest.raises(NotThere, match="partition 1: asked 4, reached 3"):
        within(Asked.parse("0:5,1:4"), {0: 5, 1: 3})
    with pytest.raises(NotThere, match="no partition 2"):
        within(Asked.parse("0:5,1:1,2:0"), {0: 5, 1: 3})
    with pytest.raises(BadPosition, match="does not name partition 1"):
        within(Asked.parse("0:5"), {0: 5, 1: 3})
