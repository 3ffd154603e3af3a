"""Bodies that are no record: each is named, and nothing of it is repeated."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from starlette.requests import Request

from natalog.gateway.body import Bounds, is_gzip, one_json, takes_gzip
from natalog.gateway.json_text import parse
from natalog.gateway.lookalikes import meant
from natalog.gateway.problems import Problem


@pytest.mark.parametrize(
    ("text", "says", "field"),
    [
        (b"", "no JSON here", None),
        (b"  \n", "no JSON here", None),
        (b"{", "breaks at byte", None),
        (b'{"a":}', "byte 6", None),
        ('{"张":}'.encode(), "byte 8", None),
        (b'{"a":NaN}', "breaks at byte", None),
        (b'{"a":"\\ud800"}', "breaks at byte", None),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark", None),
        (b'{"a":"\xe5\xbc"}', "not UTF-8", None),
        ("{'a':1}".encode("utf-16"), "not UTF-8", None),
        (b'{"a":1,"a":1}', "twice", "a"),
        (b'{"a" :1,"b":2, "a"\t:3}', "twice", "a"),
        (b'{"o":{"b":1,"b":2}}', "twice", "b"),
        (b'[{"b":1,"b":2}]', "twice", "b"),
        (b'{"a":1,"\\u0061":2}', "twice", "a"),
        (b'{"110101199003078515":1,"110101199003078515":2}', "twice", "?"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "deeper than 32", None),
        (b"[" * 100_000, "deeper than 32", None),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "deeper than 32", None),
    ],
)
def test_what_is_wrong_is_named(text: bytes, says: str, field: str | None) -> None:
    with pytest.raises(Problem) as refused:
        parse(text)
    assert says in refused.value.detail
    assert (refused.value.status, refused.value.kind, refused.value.field) == (400, "bad-json", field)


@pytest.mark.parametrize(
    ("text", "value"),
    [(b'{"a":"\\":","b":"x\\" :"}', {"a": '":', "b": 'x" :'}), (b'{"a" : 1}', {"a": 1}), (b"3", 3),
     (b'{"a":{"a":{"a":1}}}', {"a": {"a": {"a": 1}}}), (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}])],
)  # fmt: skip
def test_what_only_looks_wrong_is_taken(text: bytes, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("M33O123456", "M330123456"),
        ("М330123456", "M330123456"),  # Cyrillic
        ("Μ330123456", "M330123456"),  # Greek
        ("Ｍ３３０１２３４５６", "M330123456"),
        ("M33٠123456", "M330123456"),
        ("M33О12З456", "M330123456"),
        ("M330–123–456", "M330123456"),
        ("M330123456\u200b", "M330123456"),
        ("M33012345", None),
        ("张小宝", None),
        ("x" * 1_000, None),
    ],
)
def test_what_was_meant(written: str, number: str | None) -> None:
    assert meant(written) == number


BOUNDS = Bounds(record=1_000, stream=1_000, seconds=1)


def read(body: bytes, *, gzipped: bool = True, piece: int = 7) -> Any:
    """The JSON of a body that comes in pieces."""
    messages = [
        {"type": "http.request", "body": body[at : at + piece], "more_body": True}
        for at in range(0, len(body), piece)
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return messages.pop(0)

    headers = [(b"content-encoding", b"gzip")] if gzipped else []
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    return asyncio.run(one_json(request, BOUNDS, lambda size: None))


ONE, OTHER = b'{"a":1}', b'{"b":2}'


@pytest.mark.parametrize("piece", [1, 7, 10_000])
@pytest.mark.parametrize("cut", range(0, len(ONE), 3))
def test_a_record_in_several_members_of_gzip_is_one(piece: int, cut: int) -> None:
    packed = gzip.compress(ONE[:cut]) + gzip.compress(b"") + gzip.compress(ONE[cut:])
    assert read(packed, piece=piece) == {"a": 1}
    assert read(gzip.compress(b" " * (BOUNDS.record - len(ONE)) + ONE), piece=piece) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(ONE) + gzip.compress(OTHER), 400),  # two records are none
        (gzip.compress(ONE) + OTHER, 400),
        (gzip.compress(ONE) + bytes(8), 400),
        (gzip.compress(ONE) + gzip.compress(b"")[:-3], 400),
        (gzip.compress(ONE)[:-3], 400),
        (ONE, 400),
        (gzip.compress(b""), 400),
        (gzip.compress(b" " * BOUNDS.record + b"1"), 413),
        (gzip.compress(b" " * 600) + gzip.compress(b" " * 600), 413),
        (gzip.compress(b"") * 200, 413),  # as large as it comes
    ],
    ids=[
        "two",
        "junk",
        "zeros",
        "second cut",
        "cut",
        "none",
        "empty",
        "large",
        "large together",
        "packed large",
    ],
)  # gzip holds the time, and workers must collect the same names
@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_gzip_that_holds_anything_else_is_refused(body: bytes, status: int, piece: int) -> None:
    with pytest.raises(Problem) as refused:
        read(body, piece=piece)
    assert refused.value.status == status


def test_a_body_within_its_bound() -> None:
    assert read(ONE, gzipped=False) == {"a": 1}
    with pytest.raises(Problem) as refused:
        read(b" " * BOUNDS.record + ONE, gzipped=False)
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("said", "gzipped"),
    [("gzip", True), ("GZIP", True), ("x-gzip", True), ("identity", False), ("", False)],
)
def test_how_a_body_is_packed(said: str, gzipped: bool) -> None:
    """RFC 9110, 8.4.1.3: x-gzip is gzip."""
    assert is_gzip(with_header("content-encoding", said)) is gzipped


@pytest.mark.parametrize("said", ["br", "gzip, gzip", "deflate"])
def test_a_body_packed_otherwise_is_a_415(said: str) -> None:
    with pytest.raises(Problem) as refused:
        is_gzip(with_header("content-encoding", said))
    assert refused.value.status == 415


@pytest.mark.parametrize(
    ("said", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("identity", False),
        ("", False),
        ("gzip;q=0", False),
        ("identity, gzip; q=0.000", False),
        ("gzip;q=x", True),
    ],
)
def test_who_takes_gzip(said: str, takes: bool) -> None:
    """RFC 9110, 12.5.3: weight 0 is a refusal."""
    assert takes_gzip(with_header("accept-encoding", said)) is takes


def with_header(name: str, value: str) -> Request:
    return Request({"type": "http", "headers": [(name.encode(), value.encode())]})
