"""One authenticated request, and what the routes stand on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from starlette.requests import Request

from natalog.gateway.auth import Caller, Verifier
from natalog.gateway.body import Bounds, one_json
from natalog.gateway.bulk import Bulk
from natalog.gateway.desk import Desk
from natalog.gateway.inquiry import Inquiry
from natalog.gateway.lane import Lane
from natalog.gateway.language import Language
from natalog.gateway.limits import Limits
from natalog.gateway.listings import Listings
from natalog.gateway.problems import Problem
from natalog.gateway.ranges import Ranges

MAX_WAIT: Final = 60.0  # seconds
_JSON: Final = "application/json"
_PREFER_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?", re.IGNORECASE)


_ONCE: Final = {n.lower(): n for n in ("Authorization", "Natalog-Purpose", "Natalog-Officer")}
"""Headers of which nobody could tell which of two is meant."""


def header(request: Request, name: str) -> str | None:
    """The first header of that name (lower case). Raises Problem 400 for a second one of those that say who asks."""
    wanted, found = name.encode(), None
    for key, value in request.scope["headers"]:
        if key == wanted:
            if found is not None:
                raise Problem(
                    400,
                    "bad-field",
                    "This header is there twice.",
                    field=_ONCE[name],
                    suggestion="Send it once.",
                )
            found = value
            if name not in _ONCE:
                break
    return None if found is None else found.decode("latin-1")


class Report(Protocol):
    """Records a report of an edge agent; returns its event id."""

    async def __call__(self, kind: str, content: Any, caller: Caller) -> str: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes stand on. `ready` says why not, or None."""

    verifier: Verifier
    limits: Limits
    bounds: Bounds
    desk: Desk
    lane: Lane
    bulk: Bulk
    ranges: Ranges
    inquiry: Inquiry
    listings: Listings
    wait: float
    """Seconds a submission waits for its verdict unless it says otherwise."""
    spill: Path
    """Directory for answers that are not fetched."""
    spill_bytes: int
    report: Report
    ready: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request whose caller is known."""

    request: Request
    caller: Caller
    language: Language

    def header(self, name: str) -> str | None:
        """The first header of that name (lower case), without the mapping Starlette would make of all of them."""
        return header(self.request, name)

    async def json(self, parts: Parts) -> Any:
        """The JSON value of the body, within the caller's limits. Raises Problem 400, 408, 413, 415 or 429."""
        media = self.header("content-type")
        if media is not None and media.split(";")[0].strip().lower() != _JSON:
            raise Problem(415, "wrong-media-type", f"Send the body as {_JSON}.")
        with parts.limits.body(self.caller.principal.sub) as hold:
            return await one_json(self.request, parts.bounds, hold)

    def wait(self, default: float) -> float:
        """Seconds from `?wait=` or `Prefer: wait=` (RFC 7240), at most MAX_WAIT. Raises Problem 400."""
        asked = self.request.query_params.get("wait")
        if asked is None:
            found = _PREFER_WAIT.search(self.request.headers.get("prefer", ""))
            return default if found is None else min(float(found[1]), MAX_WAIT)
        try:
            wait = float(asked)
            if not 0 <= wait < float("inf"):
                raise ValueError("out of range")
        except ValueError:
            raise Problem(
                400,
                "bad-field",
                "This is not a time to wait.",
                field="wait",
                suggestion=f"Send a number of seconds from 0 to {MAX_WAIT:g}.",
            ) from None
        return min(wait, MAX_WAIT)
