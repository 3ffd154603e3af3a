"""The lines of a body, however it is cut into pieces and packed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from natalog.gateway.body import Bounds
from natalog.gateway.inflate import inflated
from natalog.gateway.problems import Problem


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that are not blank, and where they stand in the body, from 1."""

    texts: list[bytes]
    numbers: Sequence[int]


async def lines_of(chunks: AsyncIterator[bytes], gzipped: bool, bounds: Bounds) -> AsyncIterator[Lines]:
    """Some at a time. Raises Problem 400 for bad gzip, 413 for a line or body too long; only a line's names a line."""
    rest, size, number = bytearray(), 0, 1
    async for data in inflated(chunks) if gzipped else chunks:
        size += len(data)
        if size > bounds.stream:
            raise Problem(
                413, "too-large", f"A body may have {bounds.stream:,} bytes. Send the rest in another one."
            )
        if not rest and data.isspace():  # a gigabyte of blank lines is a megabyte of gzip
            number += data.count(b"\n")
            await asyncio.sleep(0)
            continue
        rest += data
        if b"\n" in data:
            *whole, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            for place, line in enumerate(whole):
                if len(line) > bounds.record:
                    yield _written(whole[:place], number)
                    raise _long_line(bounds, number + place)
            yield _written(whole, number)
            number += len(whole)
            await asyncio.sleep(0)  # however little of it is records, others have their turn after each piece
        if len(rest) > bounds.record:
            raise _long_line(bounds, number)
    if rest.strip():
        yield Lines([bytes(rest)], [number])


def _written(lines: list[bytes], first: int) -> Lines:
    """Those that are not blank, of consecutive lines from number `first` on."""
    texts = [line for line in lines if line and not line.isspace()]
    if len(texts) == len(lines):
        return Lines(texts, range(first, first + len(lines)))
    return Lines(texts, [n for n, line in enumerate(lines, first) if line and not line.isspace()])


def _long_line(bounds: Bounds, number: int) -> Problem:
    return Problem(
        413,
        "too-large",
        f"A line may have {bounds.record:,} bytes. End each record with a line feed.",
        line=number,
    )
