"""Records to bytes several times faster than fastavro, for the gateway; proved equal to `codec.encode`.

Functions per type are built once from the schema and pick the pieces, one join puts them together: fastavro
would first have the record turned into dicts and then try the branches of every union.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from natalog import events
from natalog.wire.model import Type
from natalog.wire.schemas import SCHEMAS
from natalog.wire.varint import data, string, varint

_Encode = Callable[[Any], bytes]


def encode(record: events.Record) -> bytes:
    """The value of a record, in the newest version of its schema.

    Raises ValueError, TypeError, AttributeError or OverflowError for a record that does not fit its schema.
    """
    header, body = _of(type(record).__name__)
    return header + body(record)


@cache
def _of(record: str) -> tuple[bytes, _Encode]:
    version = SCHEMAS[record].newest
    return version.header, encoder_of(version.type)


@cache
def encoder_of(type_: Type) -> _Encode:
    match type_.kind:
        case "null":
            return lambda value: b""
        case "boolean":
            return lambda value: b"\x01" if value else b"\x00"
        case "int":
            return _int
        case "long":
            return _long
        case "bytes":
            return data
        case "string":
            return string
        case "fixed":
            return _uuid if type_.name == "Uuid" else _fixed(type_.size)
        case "enum":
            return {
                getattr(events, type_.name)(s): varint(i) for i, s in enumerate(type_.symbols)
            }.__getitem__
        case "array":
            return _array(encoder_of(type_.item))
        case "record":
            return _record(type_)
        case "union":
            return _nullable(type_) if type_.plain.kind != "union" else _union(type_)


def _int(value: int) -> bytes:
    if not -(2**31) <= value < 2**31:
        raise OverflowError("an int exceeds 32 bits")
    return varint(value)


def _long(value: int) -> bytes:
    if not -(2**63) <= value < 2**63:
        raise OverflowError("a long exceeds 64 bits")
    return varint(value)


def _uuid(value: uuid.UUID) -> bytes:
    return value.bytes


def _fixed(size: int) -> _Encode:
    def encode_fixed(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{len(value)} bytes where {size} belong")
        return value

    return encode_fixed


def _array(item: _Encode) -> _Encode:
    def encode_array(values: tuple[Any, ...]) -> bytes:
        if not values:
            return b"\x00"
        return b"".join([varint(len(values)), *[item(v) for v in values], b"\x00"])

    return encode_array


def _record(type_: Type) -> _Encode:
    fields = [(field.name, encoder_of(field.type)) for field in type_.fields]

    def encode_record(record: Any) -> bytes:
        return b"".join([inner(getattr(record, name)) for name, inner in fields])

    return encode_record


def _nullable(type_: Type) -> _Encode:
    null = varint(next(i for i, b in enumerate(type_.branches) if b.kind == "null"))
    tag = varint(next(i for i, b in enumerate(type_.branches) if b.kind != "null"))
    inner = encoder_of(type_.plain)
    return lambda value: null if value is None else tag + inner(value)


def _union(type_: Type) -> _Encode:
    """Bytes or one of several records."""
    classes = [bytes if b.kind == "bytes" else getattr(events, b.name) for b in type_.branches]
    encoders = {
        c: (varint(i), encoder_of(b)) for i, (c, b) in enumerate(zip(classes, type_.branches, strict=True))
    }

    def encode_union(value: Any) -> bytes:
        tag, inner = encoders[type(value)]
        return tag + inner(value)

    return encode_union
