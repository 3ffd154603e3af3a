"""Sentences of problems: each in both languages, the one that is asked for, none forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from natalog.gateway.chinese import CHINESE
from natalog.gateway.language import Language, accepted, in_language, translated
from natalog.gateway.problems import TITLES, Problem
from tests.unit.gateway.sentences import SOURCES, sentences


def test_every_sentence_has_its_chinese() -> None:
    assert len(sentences()) > 100
    assert sentences() - CHINESE.keys() == set()


def test_no_chinese_without_its_sentence() -> None:
    # Sentences that come in by a name (`ready`, MISSING) stand in the sources all the same.
    text = " ".join(Path(s).read_text(encoding="utf-8") for s in SOURCES if s.name != "chinese.py")
    assert {s for s in CHINESE.keys() - sentences() if s not in text} == set()


@pytest.mark.parametrize("english", list(CHINESE))
def test_what_is_filled_in_is_kept_and_the_chinese_is_chinese(english: str) -> None:
    assert CHINESE[english].count("{}") == english.count("{}")
    assert any("\u4e00" <= char <= "\u9fff" for char in CHINESE[english])
    filled = english.replace("{}", "42")
    assert translated(filled).count("42") == filled.count("42")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, Language.BOTH),
        ("", Language.BOTH),
        ("*", Language.BOTH),
        ("fr, de;q=0.5", Language.BOTH),
        ("en", Language.ENGLISH),
        ("en-GB,en;q=0.9", Language.ENGLISH),
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("en;q=0.2, zh;q=0.7", Language.CHINESE),
        ("zh;q=0, en;q=0.1", Language.ENGLISH),
        ("ZH-Hans-CN", Language.CHINESE),
        ("zh;q=x, en", Language.ENGLISH),
        ("," * 5_000, Language.BOTH),
    ],
)
def test_the_language_asked_for(header: str | None, language: Language) -> None:
    assert accepted(header) is language


def test_a_problem_in_each_language() -> None:
    problem = Problem(
        400, "bad-field", "This is not a date.", suggestion="Send year-month-day, as in 2026-11-01."
    )
    english, chinese, both = (json.loads(problem.body(language)) for language in (
        Language.ENGLISH, Language.CHINESE, Language.BOTH,
    ))  # fmt: skip
    assert english["detail"] == "This is not a date."
    assert chinese["detail"] == "这不是日期。"
    assert both["detail"] == "This is not a date. 这不是日期。"
    assert chinese["title"] == TITLES["bad-field"][1]
    assert (english["type"], english["status"]) == (chinese["type"], chinese["status"])


def test_a_value_to_send_instead_is_the_same_in_every_language() -> None:
    assert {in_language("M330123456", language) for language in Language} == {"M330123456"}
