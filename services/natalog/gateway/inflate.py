"""Gzip undone, for one record as for a stream of them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

from natalog.gateway.problems import Problem

_PIECE: Final = 1 << 16
"""Bytes inflated at once."""


async def inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes of all members (RFC 1952, 2.2), in pieces of bounded size: a small body can hold gigabytes.

    Raises Problem 400 for what is no gzip, behind a member too, and for one that ends early.
    """
    inflate = zlib.decompressobj(wbits=31)
    begun = False
    async for chunk in chunks:
        while chunk:
            if inflate.eof:
                await asyncio.sleep(0)  # a body can hold thousands of empty members
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
