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


def numbered(body: bytes, size: int, *, gzipped: bool = False) -> list[tuple[int, bytes]]:
    async def read() -> list[tuple[int, bytes]]:
        return [
            pair
            async for some in lines_of(_cut(body, size), gzipped, BOUNDS)
            for pair in zip(some.numbers, some.texts, strict=True)
        ]

    return asyncio.run(read())


def lines(body: bytes, size: int, *, gzipped: bool = False) -> list[bytes]:
    return [line for _, line in numbered(body, size, gzipped=gzipped)]


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n  \n"])
def test_blank_lines_do_not_count_and_the_last_needs_no_end(size: int, end: bytes) -> None:
    assert [line.strip() for line in lines(b"a\n\nbb\r\n \nccc" + end, size)] == [b"a", b"bb", b"ccc"]


@pytest.mark.parametrize("size", [1, 2, 7, 1_000_000])
@pytest.mark.parametrize(
    "body", [b"\n\n\na\n", b"a\nb\nc", b"a\r\n\r\n  \n\nb\n \nc", b"\n" * 50 + b"a\n" + b" \n" * 50 + b"b"]
)
def test_a_lines_number_is_that_of_the_body(size: int, body: bytes) -> None:
    wanted = [(n, line.strip()) for n, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    assert [(n, line.strip()) for n, line in numbered(body, size)] == wanted


@pytest.mark.parametrize("size", [1_000, 1_000_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nb\n"])
def test_a_line_too_long_is_named_and_those_before_it_are_read(size: int, end: bytes) -> None:
    read: list[bytes] = []

    async def play() -> None:
        async for some in lines_of(_cut(b"a\n\n" + b"x" * (BOUNDS.record + 1) + end, size), False, BOUNDS):
            read.extend(some.texts)

    with pytest.raises(Problem) as refused:
        asyncio.run(play())
    assert (refused.value.status, refused.value.line, read) == (413, 3, [b"a"])


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
    assert (refused.value.status, refused.value.line) == (400, None)


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
