"""Hypothesis strategies for records and their encodings, made from the schemas."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st

from natalog import events
from natalog.wire.codec import plain_of
from natalog.wire.model import Type
from natalog.wire.schemas import SCHEMAS

TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["M330123456", "330106520000", "station", "出生", "x" * 200])
)
_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-70, 70)),
    "long": st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-70, 20_000), st.just(1_793_496_600_123)),
    "string": TEXTS,
    "bytes": st.binary(max_size=150),
}


def values(type_: Type) -> st.SearchStrategy[Any]:
    """Values of a type as records hold them."""
    match type_.kind:
        case "fixed" if type_.name == "Uuid":
            return st.binary(min_size=16, max_size=16).map(lambda b: uuid.UUID(bytes=b))
        case "fixed":
            return st.binary(min_size=type_.size, max_size=type_.size)
        case "enum":
            return st.sampled_from(getattr(events, type_.name))
        case "array":
            return st.lists(values(type_.item), max_size=4).map(tuple)
        case "union":
            return st.one_of([values(b) for b in type_.branches])
        case "record":
            made = {f.name: values(f.type) for f in type_.fields}
            return st.builds(getattr(events, type_.name), **made)
    return _PLAIN[type_.kind]


def records(*classes: type[events.Record]) -> st.SearchStrategy[Any]:
    """Records of one of the classes, every field drawn."""
    return st.one_of([values(SCHEMAS[c.__name__].newest.type) for c in classes])


def unusual(record: events.Record, draw: Any) -> bytes:
    """An encoding that is allowed but not canonical: numbers too long, arrays in blocks."""
    version = SCHEMAS[type(record).__name__].newest
    return version.header + _unusual(version.type, plain_of(record), draw)


def _unusual(type_: Type, value: Any, draw: Any) -> bytes:
    match type_.kind:
        case "null":
            return b""
        case "boolean":
            return bytes([value])
        case "int":
            return _padded(value, 5, draw)
        case "long":
            return _padded(value, 10, draw)
        case "string":
            encoded: bytes = value.encode()
            return _padded(len(encoded), 10, draw) + encoded
        case "bytes":
            return _padded(len(value), 10, draw) + bytes(value)
        case "fixed":
            return bytes(value)
        case "enum":
            return _padded(type_.symbols.index(value), 5, draw)
        case "record":
            return b"".join(_unusual(f.type, value[f.name], draw) for f in type_.fields)
        case "union":
            name, inner = value
            place = next(i for i, b in enumerate(type_.branches) if name in (b.kind, f"natalog.{b.name}"))
            return _padded(place, 5, draw) + _unusual(type_.branches[place], inner, draw)
    out, rest = b"", list(value)
    while rest:
        size = draw(st.integers(1, len(rest)))
        items = b"".join(_unusual(type_.item, v, draw) for v in rest[:size])
        rest = rest[size:]
        if draw(st.booleans()):
            out += _padded(-size, 10, draw) + _padded(len(items), 10, draw) + items
        else:
            out += _padded(size, 10, draw) + items
    return out + _padded(0, 10, draw)


def _padded(number: int, most: int, draw: Any) -> bytes:
    n = (number << 1) ^ (number >> 63)
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    for _ in range(draw(st.integers(0, min(2, most - len(out)))) if draw(st.booleans()) else 0):
        out[-1] |= 128
        out.append(0)
    return bytes(out)
