"""Bodies that are no record: each is named, and nothing of it is repeated."""

from __future__ import annotations

import pytest

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
