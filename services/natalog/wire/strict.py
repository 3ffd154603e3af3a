"""Whether a body is one that every Avro library reads alike.

fastavro lets pass what others refuse or read differently: varints beyond 64 bits (undefined in C), negative
enum and union indices (they count from the end of a Python list), booleans other than 0 and 1 (true here,
false in Java), ints beyond 32 bits. An auditor with another library must not see another ledger, so the
codec refuses these before fastavro sees them. What is only unusual stays allowed: varints that are longer
than need be, arrays in several blocks, blocks with a byte count.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from natalog.wire.errors import Unreadable
from natalog.wire.model import Type

Skip = Callable[[bytes, int], int]
"""Takes the value and a position, returns the position after the datum; raises Unreadable or IndexError."""


@cache
def skipper(type_: Type) -> Skip:
    """A function that walks over one datum of this type."""
    match type_.kind:
        case "null":
            return lambda value, at: at
        case "boolean":
            return _boolean
        case "int":
            return lambda value, at: _int(value, at)[1]
        case "long":
            return lambda value, at: _long(value, at)[1]
        case "bytes":
            return _bytes
        case "string":
            return _string
        case "fixed":
            return _fixed(type_.size)
        case "enum":
            return _enum(len(type_.symbols))
        case "union":
            return _union([skipper(b) for b in type_.branches])
        case "array":
            return _array(skipper(type_.item))
        case "record":
            return _record([skipper(f.type) for f in type_.fields])


def _varint(value: bytes, at: int, most: int) -> tuple[int, int]:
    number, shift = 0, 0
    for _ in range(most):
        byte = value[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
    raise Unreadable(f"a number takes more than {most} bytes")


def _long(value: bytes, at: int) -> tuple[int, int]:
    number, end = _varint(value, at, 10)
    if not -(2**63) <= number < 2**63:
        raise Unreadable("a long exceeds 64 bits")
    return number, end


def _int(value: bytes, at: int) -> tuple[int, int]:
    number, end = _varint(value, at, 5)
    if not -(2**31) <= number < 2**31:
        raise Unreadable("an int exceeds 32 bits")
    return number, end


def _boolean(value: bytes, at: int) -> int:
    if value[at] > 1:
        raise Unreadable("a boolean is neither 0 nor 1")
    return at + 1


def _span(value: bytes, at: int) -> tuple[int, int]:
    size, start = _long(value, at)
    if size < 0 or start + size > len(value):
        raise Unreadable("a length points outside the value")
    return start, start + size


def _bytes(value: bytes, at: int) -> int:
    return _span(value, at)[1]


def _string(value: bytes, at: int) -> int:
    start, end = _span(value, at)
    try:
        value[start:end].decode()
    except UnicodeDecodeError:
        raise Unreadable("a string is not UTF-8") from None
    return end


def _fixed(size: int) -> Skip:
    def skip(value: bytes, at: int) -> int:
        if at + size > len(value):
            raise Unreadable("the value ends early")
        return at + size

    return skip


def _index(value: bytes, at: int, count: int) -> tuple[int, int]:
    index, end = _int(value, at)
    if not 0 <= index < count:
        raise Unreadable("an index points outside its enum or union")
    return index, end


def _enum(count: int) -> Skip:
    return lambda value, at: _index(value, at, count)[1]


def _union(branches: list[Skip]) -> Skip:
    def skip(value: bytes, at: int) -> int:
        index, at = _index(value, at, len(branches))
        return branches[index](value, at)

    return skip


def _array(item: Skip) -> Skip:
    def skip(value: bytes, at: int) -> int:
        while True:
            count, at = _long(value, at)
            if count == 0:
                return at
            if count < 0:
                count = -count
                _, at = _long(value, at)  # the block's size in bytes, of use only to those who skip it
            if count > len(value):
                raise Unreadable("an array has more items than the value has bytes")
            for _ in range(count):
                at = item(value, at)

    return skip


def _record(fields: list[Skip]) -> Skip:
    def skip(value: bytes, at: int) -> int:
        for field in fields:
            at = field(value, at)
        return at

    return skip
