"""The number of a medical birth certificate (出生医学证明编号, local field CSZMBH).

One upper-case letter for the print year (A = 2000 … Z = 2025) and nine digits, the first two the province
of GB/T 2260; certificates of 1996-1999 carry nine digits alone. There is no check digit. What follows Z is
not published, so no letter is ever refused.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

PROVINCES: Final[frozenset[str]] = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 66".split()
)
"""GB/T 2260 codes of the 31 provinces that register births there, and 66, used by the Bingtuan (兵团)."""

_SLIPS: Final[dict[int, str]] = {ord("O"): "0", ord("I"): "1", ord("L"): "1", ord("Q"): "0"}
_LETTERS: Final[dict[str, str]] = {"0": "O", "1": "I"}


def normalise(raw: str) -> str:
    """`raw` in half-width, trimmed and upper-case: what has to happen before anything else looks at it.

    Only the forms of one character are folded (full-width U+FF01-FF5E and the ideographic space), so the
    result never depends on a Unicode table's edition.
    """
    out: list[str] = []
    for char in raw:
        code = ord(char)
        if 0xFF01 <= code <= 0xFF5E:
            out.append(chr(code - 0xFEE0))
        elif code == 0x3000:
            out.append(" ")
        else:
            out.append(char)
    text = "".join(out).strip(" \t\r\n\u00a0")
    return "".join([chr(ord(c) - 32) if "a" <= c <= "z" else c for c in text])


def is_wellformed(number: str) -> bool:
    """Whether a normalised number has the syntax of one: this alone decides the Kafka key."""
    size = len(number)
    if size != 10 and size != 9:
        return False
    at: i64 = 0
    if size == 10:
        letter: i64 = ord(number[0])
        if letter < 65 or letter > 90:
            return False
        at = 1
    while at < size:
        digit: i64 = ord(number[at])
        if digit < 48 or digit > 57:
            return False
        at += 1
    return True


def has_letter(number: str) -> bool:
    """Whether a well-formed number belongs to an edition since 2000."""
    return len(number) == 10


def print_year(number: str) -> int:
    """Year the letter of a well-formed number stands for; 0 without one. A letter's year is never before 2000."""
    return 2000 + ord(number[0]) - ord("A") if len(number) == 10 else 0


def province(number: str) -> str:
    """The two digits of a well-formed number that name its province."""
    return number[1:3] if len(number) == 10 else number[0:2]


def with_letter(number: str, birth_year: int | None) -> str:
    """Nine bare digits with the letter a birth of that year's certificate most likely carries.

    A certificate is printed before its child is born, mostly in the same year. "?" stands for a letter that
    cannot be told: no birth date, or a year whose letter is not published.
    """
    known = birth_year is not None and 2000 <= birth_year <= 2025
    return (chr(ord("A") + birth_year - 2000) if known and birth_year is not None else "?") + number


def suggest(raw: str) -> str | None:
    """What the writer of a malformed number may have meant, or None. Only ever a hint for a person.

    Tries the usual slips: O for 0 and I or l for 1 among the digits, 0 and 1 for the letter, and stray
    spaces or dashes.
    """
    number = normalise(raw)
    if is_wellformed(number):
        return None if number == raw else number
    number = number.replace(" ", "").replace("-", "").replace(".", "")
    if len(number) == 10:
        first = _LETTERS.get(number[0], number[0])
        guess = first + number[1:].translate(_SLIPS)
    else:
        guess = number.translate(_SLIPS)
    return guess if is_wellformed(guess) else None
