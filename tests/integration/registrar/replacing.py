"""Other values and functions in the place of a module's or a class's own, and back again."""

from __future__ import annotations

import inspect
from typing import Any

CANNOT_REPLACE = "no stand-in for"

_REPLACED: list[tuple[Any, str, Any]] = []


def replace(owner: Any, name: str, stand_in: Any) -> None:
    """Put `stand_in` in the place of a value, or of a function that takes the same arguments: else a guard's test would
    fail of a TypeError, and prove nothing."""
    original = getattr(owner, name)
    if callable(original):
        shape, stands_for = inspect.signature(stand_in), inspect.signature(original)
        parameters = stands_for.parameters.values()
        try:
            shape.bind(
                *(p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD),
                **{p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY},
            )
        except TypeError as error:
            raise TypeError(f"{CANNOT_REPLACE} {name}: {error}") from error
    _REPLACED.append((owner, name, original))
    setattr(owner, name, stand_in)


def restore() -> None:
    """Put everything back."""
    while _REPLACED:
        owner, name, original = _REPLACED.pop()
        setattr(owner, name, original)
