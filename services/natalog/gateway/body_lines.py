"""The lines of a body, however it is cut into pieces and packed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

from natalog.gateway.body import Bounds
from natalog.gateway.problems import Problem

_PIECE: Final = 1 << 16


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


async def inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gzip (RFC 1952, several members too) undone in pieces of bounded size: a small body can hold gigabytes."""
    inflate = zlib.decompressobj(wbits=31)
    begun = False
    async for chunk in chunks:
        while chunk:
            if inflate.eof:
                inflate = zlib.decompressobj(wbits=31)
            begun = True
            try:
                data = inflate.decompress(chunk, _PIECE)
                chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
                if data:
                    yield data
                while len(data) == _PIECE and not chunk and not inflate.eof:
                    data = inflate.decompress(b"", _PIECE)
                    yield data
            except zlib.error:
                raise Problem(
                    400, "bad-json", "The body is not gzip. Send gzip (RFC 1952), or say no encoding."
                ) from None
    if begun and not inflate.eof:
        raise Problem(400, "bad-json", "The gzip body ends early. Send all of it again.")
