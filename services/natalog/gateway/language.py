"""Which language a caller reads (RFC 9110, section 12.5.4), and texts in it."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final

from natalog.gateway.chinese import CHINESE


class Language(Enum):
    """Of sentences for people. Codes and field names are the same in every language."""

    BOTH = "en, zh"
    """Nobody said: English, then Chinese."""
    ENGLISH = "en"
    CHINESE = "zh"


_RANGE: Final = re.compile(
    r"\s*(\*|[A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*"
)
_KNOWN: Final = {"en": Language.ENGLISH, "zh": Language.CHINESE}


@lru_cache(256)
def accepted(header: str | None) -> Language:
    """The language of `Accept-Language` with the greatest weight; both when it names neither English nor Chinese."""
    best, weight = Language.BOTH, 0.0
    for part in (header or "")[:200].split(","):
        found = _RANGE.fullmatch(part)
        if found is None or (language := _KNOWN.get(found[1].lower())) is None:
            continue
        q = 1.0 if found[2] is None else float(found[2])
        if q > weight:
            best, weight = language, q
    return best


def one_of(english: str, chinese: str, language: Language) -> str:
    """Of two wordings of the same thing the one asked for, or both."""
    if language is Language.ENGLISH or not chinese:
        return english
    return chinese if language is Language.CHINESE else f"{english} {chinese}"


def in_language(english: str, language: Language) -> str:
    """A sentence of a problem in the language asked for; English where the catalogue lacks it."""
    if language is Language.ENGLISH:
        return english
    return one_of(english, translated(english), language)


def translated(english: str) -> str:
    """The Chinese wording of an English one, "" where there is none."""
    exact = CHINESE.get(english)
    if exact is not None:
        return exact
    for pattern, chinese in _PATTERNS:
        if (found := pattern.fullmatch(english)) is not None:
            # What fills a gap may be a sentence of the catalogue itself.
            gaps = [CHINESE.get(gap, gap) for gap in found.groups()]
            texts = chinese.split("{}")
            return "".join(text + gap for text, gap in zip(texts, [*gaps, ""], strict=True))
    return ""


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(re.escape(part) for part in template.split("{}")), re.DOTALL)


_PATTERNS: Final = [(_pattern(english), chinese) for english, chinese in CHINESE.items() if "{}" in english]
