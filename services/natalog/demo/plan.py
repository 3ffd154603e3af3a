"""The register of planted cases: which, and how many of each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from natalog.demo.scene import Scene

Play = Callable[[Scene], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of story, planted `copies` times. `subject` is the row of the table it belongs to."""

    name: str
    subject: str
    copies: int
    play: Play


CASES: list[Case] = []


def planted(subject: str, copies: int) -> Callable[[Play], Play]:
    """Register a case under its function's name."""

    def register(play: Play) -> Play:
        CASES.append(Case(getattr(play, "__name__", "").replace("_", " "), subject, copies, play))
        return play

    return register


def cases() -> list[Case]:
    """All cases, in the order of their files."""
    # Imported for their registrations.
    from natalog.demo.planted import (  # noqa: F401
        backfill,
        claims,
        corrections,
        doubts,
        exchange,
        exemptions,
        lookalikes,
        malformed,
        repeats,
        timing,
        unlisting,
        used,
        void,
    )

    return CASES
