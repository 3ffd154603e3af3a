"""The routes that answer questions: submissions, ranges, the blacklist, certificates."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from natalog import metrics
from natalog.decision.numbers import is_wellformed, normalise
from natalog.gateway.inquiry import asking
from natalog.gateway.listings import Question
from natalog.gateway.problems import Problem
from natalog.gateway.roles import Call
from natalog.gateway.submission import malformed, today
from natalog.gateway.submitting import JSON, answered
from natalog.gateway.visit import Parts, Visit

MAX_NUMBERS: Final = 1_000
"""Numbers of one bulk check."""
MAX_PAGE: Final = 1_000
"""Blacklist entries of one page."""
_JSON_HEADER: Final = (b"content-type", JSON.encode())
_RETRY_HEADER: Final = (b"retry-after", b"2")
_DIVISION: Final = re.compile(r"[0-9]{6}")
_CURSOR: Final = re.compile(r"[0-9]{6}[A-Z]?[0-9]{9}")


async def submission(parts: Parts, visit: Visit) -> Response:
    """The original verdict of an event id."""
    visit.caller.require(Call.SUBMISSIONS)
    event_id = _uuid_of(visit.request, "event_id")
    _refuse_unready(parts)
    return answered(await parts.desk.find(event_id, visit.caller, visit.language), visit)


async def range_(parts: Parts, visit: Visit) -> Response:
    """How many numbers of a range got which verdict."""
    visit.caller.require(Call.RANGES)
    range_id = _uuid_of(visit.request, "range_id")
    _refuse_unready(parts)
    counts = await asyncio.to_thread(
        parts.listings.range_counts, range_id, visit.caller.principal.org, today()
    )
    if counts is None:
        raise Problem(
            404,
            "not-found",
            "No number of a range with this id is decided, or it is not your organisation's. Ask again in a moment; "
            "if nothing comes, send the range again under the same event_id.",
        )
    return Response(orjson.dumps(counts), media_type=JSON)


async def blacklist(parts: Parts, visit: Visit) -> Response:
    """A page of blacklist entries with their history."""
    visit.caller.require(Call.BLACKLIST)
    question = _question(visit)
    _refuse_unready(parts)
    page = await asyncio.to_thread(parts.listings.blacklist, question)
    return Response(orjson.dumps(page), media_type=JSON)


def _question(visit: Visit) -> Question:
    asked = visit.request.query_params
    number, owner, listed = asked.get("certificate_number"), asked.get("owner"), asked.get("listed")
    if number is not None and not is_wellformed(number := normalise(number[:64])):
        raise malformed(number, "certificate_number")
    if owner is not None and not _DIVISION.fullmatch(owner):
        raise _bad("owner", "This is not a division code.", "Send its 6 digits (GB/T 2260), as in 330100.")
    if listed not in (None, "true", "false"):
        raise _bad("listed", "This is neither true nor false.", "Send true, false, or leave it out for both.")
    after, limit = asked.get("after"), asked.get("limit", "100")
    if after is not None and not _CURSOR.fullmatch(after):  # an empty one would begin anew, for ever
        raise _bad("after", "This is no cursor of this service.", "Send what `next` of the last page said.")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 4 and 1 <= int(limit) <= MAX_PAGE):
        raise _bad(
            "limit", "This is not a number of entries.", f"Send a whole number from 1 to {MAX_PAGE:,}."
        )
    return Question(
        org=visit.caller.principal.org,
        day=today(),
        owner=owner,
        number=number,
        listed=None if listed is None else listed == "true",
        after=after or "",
        limit=int(limit),
    )


async def certificate(parts: Parts, visit: Visit) -> ASGIApp:
    """The status of one number."""
    number = visit.request.path_params["number"]
    ok, answers = await _ask(parts, visit, [number[:64]])
    return Told(answers[0], ok)


class Told:
    """A status as an answer, 503 unless it could be told. Starlette's own response takes several times as long."""

    __slots__ = ("_body", "_ok")

    def __init__(self, content: dict[str, Any], ok: bool) -> None:
        self._body = orjson.dumps(content)
        self._ok = ok

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % len(self._body)), _JSON_HEADER]
        if not self._ok:
            headers.append(_RETRY_HEADER)
        await send({"type": "http.response.start", "status": 200 if self._ok else 503, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


async def check(parts: Parts, visit: Visit) -> ASGIApp:
    """The status of many numbers."""
    visit.caller.require(Call.STATUS)
    content = await visit.json(parts)
    numbers = content.get("certificate_numbers") if isinstance(content, dict) and len(content) == 1 else None
    if not (
        isinstance(numbers, list)
        and 0 < len(numbers) <= MAX_NUMBERS
        and all(isinstance(n, str) and len(n) <= 64 for n in numbers)
    ):
        raise Problem(
            400,
            "bad-field",
            "This is not a list of certificate numbers.",
            field="certificate_numbers",
            suggestion=f'Send {{"certificate_numbers": [...]}} with 1 to {MAX_NUMBERS:,} strings, nothing beside it.',
        )
    ok, answers = await _ask(parts, visit, numbers)
    return Told({"certificates": answers}, ok)


async def _ask(parts: Parts, visit: Visit, numbers: list[str]) -> tuple[bool, list[dict[str, Any]]]:
    request, caller = visit.request, visit.caller
    caller.require(Call.STATUS)
    asked = request.query_params if request.scope["query_string"] else {}
    who = asking(caller, visit.header, asked.get("unit_code"))
    after, seen = asked.get("after"), True
    wait = visit.wait(parts.wait) if asked else parts.wait
    if after is not None:
        seen = await parts.inquiry.seen(after, wait)
    with metrics.CHECK_SECONDS.time():
        return await parts.inquiry.ask(who, numbers, tell=seen)


def _uuid_of(request: Request, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(request.path_params[name])
    except ValueError:
        raise _bad(
            name, "This is not a UUID.", "Send 36 characters, as in 01890c5e-1f2a-7bbb-8000-0123456789ab."
        ) from None


def _bad(field: str, detail: str, suggestion: str) -> Problem:
    return Problem(400, "bad-field", detail, field=field, suggestion=suggestion)


def _refuse_unready(parts: Parts) -> None:
    if (reason := parts.ready()) is not None:
        raise Problem(503, "not-ready", f"{reason} Ask again later.", retry_after=2)
