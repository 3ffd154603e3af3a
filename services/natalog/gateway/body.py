"""The body of a request: one JSON object, within its size and its time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from natalog.gateway.json_text import parse
from natalog.gateway.problems import Problem


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
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(415, "wrong-media-type", "A body may be gzip or not compressed at all.")
    return encoding == "gzip"


async def one_json(request: Request, bounds: Bounds, hold: Callable[[int], None]) -> Any:
    """The JSON value of a body. `hold` is called with the size of each piece (`Limits.body`).

    Raises Problem 400, 408, 413 or 415, and what `hold` raises.
    """
    gzipped = is_gzip(request)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:15]) > bounds.record:
        raise _too_large(bounds)
    try:
        async with asyncio.timeout(bounds.seconds):
            body = await _whole(request, bounds, hold)
    except TimeoutError:
        raise _too_slow(bounds) from None
    return parse(_inflated(body, bounds) if gzipped else body)


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


async def _whole(request: Request, bounds: Bounds, hold: Callable[[int], None]) -> bytes:
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bounds.record:
            raise _too_large(bounds)
        hold(len(chunk))
        parts.append(chunk)
    return b"".join(parts)


def _inflated(body: bytes, bounds: Bounds) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        body = inflate.decompress(body, bounds.record)
    except zlib.error:
        raise Problem(
            400, "bad-json", "The body is not gzip. Send gzip (RFC 1952), or say no encoding."
        ) from None
    if inflate.eof:
        return body
    if inflate.unconsumed_tail or len(body) >= bounds.record:
        raise _too_large(bounds)
    raise Problem(400, "bad-json", "The gzip body ends early. Send all of it again.")


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
