"""The lines of a body, however it is cut into pieces and packed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from natalog.gateway.body import Bounds
from natalog.gateway.inflate import inflated
from natalog.gateway.problems import Problem


async def lines_of(chunks: AsyncIterator[bytes], gzipped: bool, bounds: Bounds) -> AsyncIterator[list[bytes]]:
    """Lines that are not blank, some at a time. Raises Problem 400 for bad gzip, 413 for a line or body too long."""
    rest, size = bytearray(), 0
    async for data in inflated(chunks) if gzipped else chunks:
        size += len(data)
        if size > bounds.stream:
            raise Problem(
                413, "too-large", f"A body may have {bounds.stream:,} bytes. Send the rest in another one."
            )
        if not rest and data.isspace():  # a gigabyte of blank lines is a megabyte of gzip
            await asyncio.sleep(0)
            continue
        rest += data
        if b"\n" in data:
            *whole, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            for place, line in enumerate(whole):
                if len(line) > bounds.record:
                    yield _written(whole[:place])
                    raise _long_line(bounds)
            yield _written(whole)
            await asyncio.sleep(0)  # however little of it is records, others have their turn after each piece
        if len(rest) > bounds.record:
            raise _long_line(bounds)
    if rest.strip():
        yield [bytes(rest)]


def _written(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if line and not line.isspace()]


def _long_line(bounds: Bounds) -> Problem:
    return Problem(
        413, "too-large", f"A line may have {bounds.record:,} bytes. End each record with a line feed."
    )
