"""The body of a request: one JSON object, within its size and its time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from natalog.gateway.inflate import inflated
from natalog.gateway.json_text import parse
from natalog.gateway.problems import Problem

_GZIP: Final = ("gzip", "x-gzip")
"""The same (RFC 9110, 8.4.1.3)."""
_NEVER: Final = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a body may cost."""

    record: int
    """Bytes of one record, inflated."""
    stream: int
    """Bytes of a stream of records, inflated."""
    seconds: float
    """Time for a whole record, and between two pieces of a stream."""


def is_gzip(request: Request) -> bool:
    """Whether the body is gzip. Raises Problem 415 for any other coding."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", *_GZIP):
        raise Problem(415, "wrong-media-type", "A body may be gzip or not compressed at all.")
    return encoding in _GZIP


def takes_gzip(request: Request) -> bool:
    """Whether the caller names gzip among what it can unpack, and not with weight 0 (RFC 9110, 12.5.3)."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in _GZIP:
            return _NEVER.fullmatch(weight) is None
    return False


async def one_json(request: Request, bounds: Bounds, hold: Callable[[int], None]) -> Any:
    """The JSON value of a body. `hold` is called with the size of each piece (`Limits.body`).

    Raises Problem 400, 408, 413 or 415, and what `hold` raises.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:15]) > bounds.record:
        raise _too_large(bounds)
    body = _bounded(request.stream(), bounds, hold)
    try:
        async with asyncio.timeout(bounds.seconds):
            if is_gzip(request):
                body = _bounded(inflated(body), bounds)
            return parse(b"".join([chunk async for chunk in body]))
    except TimeoutError:
        raise _too_slow(bounds) from None


async def pieces(request: Request, bounds: Bounds) -> AsyncIterator[bytes]:
    """A stream's body as it comes. Raises Problem 408 when no piece comes in time."""
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout(bounds.seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _too_slow(bounds) from None
        if chunk:
            yield chunk


async def _bounded(
    chunks: AsyncIterator[bytes], bounds: Bounds, hold: Callable[[int], None] = lambda size: None
) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > bounds.record:
            raise _too_large(bounds)
        hold(len(chunk))
        yield chunk


def _too_large(bounds: Bounds) -> Problem:
    return Problem(
        413,
        "too-large",
        f"A body of one record may have {bounds.record:,} bytes. Send many records as NDJSON.",
    )


def _too_slow(bounds: Bounds) -> Problem:
    return Problem(
        408, "too-slow", f"No data came for {bounds.seconds:g} seconds. Send again over a better line."
    )
