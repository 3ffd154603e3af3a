"""JSON as it comes in (RFC 8259): parsed fast, with what orjson lets pass or does not name told apart.

A key given twice is refused, since two readers could each believe another of the values. Nothing of the text is
ever repeated; a place in it is told by its byte.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

from natalog.gateway.problems import Problem

MAX_DEPTH: Final = 32
"""Objects and lists inside one another; no record has more than four."""

_SPACED_COLON: Final = re.compile(rb'"[ \t\r\n]+:')
_SHOWN_KEY: Final = re.compile(r"[A-Za-z_]{1,40}")


def parse(text: bytes) -> Any:
    """The value. Raises Problem 400, which names what is wrong: UTF-8, depth, syntax (with its place), a key twice."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _named(text, error) from None
    if isinstance(value, dict | list):
        keys = _keys(value, MAX_DEPTH)
        # Every key is followed by a colon. More colons than keys left: a key was there twice, or a text looks like one.
        if text.count(b'":') != keys or (_spaced(text) and _SPACED_COLON.search(text) is not None):
            _refuse_twice(text)
    return value


def _spaced(text: bytes) -> bool:
    """Whether a key may be apart from its colon: rare, and looking for it exactly takes longer than parsing."""
    return b'" ' in text or b'"\t' in text or b'"\n' in text or b'"\r' in text


def _keys(value: Any, depth: int) -> int:
    if depth == 0:
        raise _too_deep()
    if isinstance(value, dict):
        found = len(value)
        for inner in value.values():
            if isinstance(inner, dict | list):
                found += _keys(inner, depth - 1)
        return found
    return sum(_keys(inner, depth - 1) for inner in value if isinstance(inner, dict | list))


def _refuse_twice(text: bytes) -> None:
    def pairs(items: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in items:
            if key in seen:
                # A key can be anything somebody typed, personal data too: only a plain name is repeated.
                raise Problem(
                    400,
                    "bad-json",
                    "This field is there twice.",
                    field=key if _SHOWN_KEY.fullmatch(key) else "?",
                    suggestion="Send each field once.",
                )
            seen.add(key)

    json.loads(text, object_pairs_hook=pairs)


def _named(text: bytes, error: orjson.JSONDecodeError) -> Problem:
    if text.startswith(b"\xef\xbb\xbf"):
        return Problem(
            400, "bad-json", "The text begins with a byte order mark. Send plain UTF-8 without one."
        )
    try:
        text.decode()
    except UnicodeDecodeError as wrong:
        return Problem(
            400,
            "bad-json",
            f"This is not UTF-8: byte {wrong.start + 1:,} belongs to no character. Send UTF-8.",
        )
    if "depth" in error.msg.lower():
        return _too_deep()
    if not text.strip():
        return Problem(400, "bad-json", "There is no JSON here. Send one JSON object.")
    # orjson counts characters; what a sender can look up is the byte.
    at = len(error.doc[: error.pos].encode(errors="replace")) if isinstance(error.doc, str) else error.pos
    return Problem(400, "bad-json", f"This is not JSON: it breaks at byte {at + 1:,}. Send one JSON object.")


def _too_deep() -> Problem:
    return Problem(400, "bad-json", f"This is nested deeper than {MAX_DEPTH} levels. Send a flat record.")
