"""What the writer of a malformed number may have meant, letters of other alphabets included.

A Cyrillic М looks like an M on every screen; a number copied from such a text is malformed and nobody sees why.
Only ever a hint for a person: nothing is corrected by itself.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from natalog.decision.numbers import is_wellformed, normalise, suggest

# Capitals of Cyrillic and Greek that are drawn like a Latin one, and small letters like them (Unicode confusables).
_LETTERS: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУХЗаеѕіјорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧοѴԌԚԜ",
    "ABESIJKMHOPCTYX3AESIJOPCYXABEZHIKMNOPTYXOVGQW",
)
_DASHES: Final = str.maketrans("", "", "-‐‑‒–—−_.·\u200b\u200c\u200d\ufeff")


def meant(raw: str) -> str | None:
    """A well-formed number that `raw` may stand for, or None."""
    if (plain := suggest(raw)) is not None:
        return plain
    if len(raw) > 64:
        return None
    folded = "".join(_digit(char) for char in raw.translate(_DASHES).translate(_LETTERS))
    return None if folded == raw else (suggest(folded) or _itself(folded))


def _digit(char: str) -> str:
    value = unicodedata.digit(char, None)
    return char if value is None else str(value)


def _itself(text: str) -> str | None:
    number = normalise(text)
    return number if is_wellformed(number) else None
