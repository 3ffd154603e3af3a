"""Lines of a body, however it is cut into chunks and packed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from natalog.gateway.body import Bounds
from natalog.gateway.body_lines import lines_of
from natalog.gateway.inflate import inflated
from natalog.gateway.problems import Problem

BOUNDS = Bounds(record=400_000, stream=100_000_000, seconds=1)


async def _cut(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def lines(body: bytes, size: int, *, gzipped: bool = False) -> list[bytes]:
    async def read() -> list[bytes]:
        return [line async for lines in lines_of(_cut(body, size), gzipped, BOUNDS) for line in lines]

    return asyncio.run(read())


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n  \n"])
def test_blank_lines_do_not_count_and_the_last_needs_no_end(size: int, end: bytes) -> None:
    assert [line.strip() for line in lines(b"a\n\nbb\r\n \nccc" + end, size)] == [b"a", b"bb", b"ccc"]


@pytest.mark.parametrize("size", [1, 100, 1_000_000])
def test_gzip_in_one_or_several_members(size: int) -> None:
    body = b"\n".join(b"%d" % n for n in range(2_000))
    for packed in (gzip.compress(body), gzip.compress(body[:777]) + gzip.compress(body[777:])):
        assert lines(packed, size, gzipped=True) == body.split(b"\n")


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"a\n" * 10_000)[:-5], gzip.compress(b"x")[:12]],
    ids=["none", "cut", "head"],  # gzip holds the time, and workers must collect the same names
)
def test_broken_gzip_is_a_problem(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        lines(body, 10, gzipped=True)
    assert refused.value.status == 400


def test_a_small_body_cannot_become_gigabytes() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    async def largest() -> int:
        return max([len(piece) async for piece in inflated(_cut(bomb, 1_000_000))])

    assert asyncio.run(largest()) <= 1 << 20
    with pytest.raises(Problem) as refused:
        lines(bomb, 1_000_000, gzipped=True)
    assert refused.value.status == 413
    with pytest.raises(Problem):
        lines(b"x" * (BOUNDS.record + 1), 1_000_000)
