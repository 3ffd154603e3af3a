"""The reference codec: records to bytes and back in Avro single-object encoding, by fastavro.

Whatever else reads or writes records (`hot.py`) is proved equal to this by property tests. Values are
written in the newest version of their schema; a value of any published version is read into the newest.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any, cast

from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError

from natalog import events
from natalog.wire import strict
from natalog.wire.errors import UnknownFingerprint, Unreadable
from natalog.wire.model import Type
from natalog.wire.schemas import BY_FINGERPRINT, HEADER_SIZE, MAGIC, SCHEMAS, Version

__all__ = ["UnknownFingerprint", "Unreadable", "decode", "encode", "plain_of", "upgrade", "version_of"]

_Convert = Callable[[Any], Any]


def encode(record: events.Record) -> bytes:
    """The value of a record, in the newest version of its schema.

    Raises ValueError, TypeError or OverflowError for a record that does not fit its schema.
    """
    version = SCHEMAS[type(record).__name__].newest
    out = BytesIO()
    out.write(version.header)
    schemaless_writer(out, version.parsed, plain_of(record), strict=True)
    return out.getvalue()


def plain_of(record: events.Record) -> dict[str, Any]:
    """The record's fields as fastavro takes them."""
    return cast(dict[str, Any], _to_plain(SCHEMAS[type(record).__name__].newest.type)(record))


def decode(value: bytes | None) -> events.Record:
    """The record of a value, in the newest version of its schema.

    Raises Unreadable for a tombstone (None) and for what is no record, UnknownFingerprint for a header whose
    schema is not among the published ones.
    """
    version, plain = _read(value)
    return cast(events.Record, _from_plain(SCHEMAS[version.record].newest.type)(plain))


def upgrade(value: bytes | None) -> bytes:
    """The value in the newest version of its schema and in canonical encoding. Raises as `decode` does."""
    return encode(decode(value))


def version_of(value: bytes | None) -> Version:
    """The schema version a value's header names. Raises as `decode` does; the body is not looked at."""
    if value is None:
        raise Unreadable("there is no value")
    if len(value) < HEADER_SIZE or value[: len(MAGIC)] != MAGIC:
        raise Unreadable("the value does not start as single-object encoding does")
    version = BY_FINGERPRINT.get(value[len(MAGIC) : HEADER_SIZE])
    if version is None:
        raise UnknownFingerprint(value[len(MAGIC) : HEADER_SIZE])
    return version


def _read(value: bytes | None) -> tuple[Version, Any]:
    version = version_of(value)
    assert value is not None
    newest = SCHEMAS[version.record].newest
    try:
        end = strict.skipper(version.type)(value, HEADER_SIZE)
        if end != len(value):
            raise Unreadable("bytes follow after the record")
        source = BytesIO(value)
        source.seek(HEADER_SIZE)
        plain = schemaless_reader(
            source, version.parsed, None if version is newest else newest.parsed, return_record_name=True
        )
    except (IndexError, EOFError, SchemaResolutionError) as error:
        raise Unreadable("the value ends early or does not fit its schema") from error
    if source.tell() != len(value):
        raise Unreadable("bytes follow after the record")
    return version, plain


def _same(value: Any) -> Any:
    return value


@cache
def _to_plain(type_: Type) -> _Convert:
    """What fastavro writes: dicts, lists and 16 bytes instead of dataclasses, tuples and UUIDs."""
    match type_.kind:
        case "fixed" if type_.name == "Uuid":
            return lambda value: value.bytes
        case "enum":
            return str
        case "array":
            item = _to_plain(type_.item)
            return lambda value: [item(v) for v in value]
        case "record":
            fields = [(f.name, _to_plain(f.type)) for f in type_.fields]
            return lambda value: {name: convert(getattr(value, name)) for name, convert in fields}
        case "union":
            return _union_to_plain(type_)
        case _:
            return _same


def _union_to_plain(type_: Type) -> _Convert:
    # Naming the branch spares fastavro from guessing it, and us from its guesses.
    by_class: dict[type, tuple[str, _Convert]] = {}
    for branch in type_.branches:
        name = f"natalog.{branch.name}" if branch.name else branch.kind
        by_class[_class_of(branch)] = (name, _to_plain(branch))

    def convert(value: Any) -> Any:
        for class_, (name, inner) in by_class.items():
            if isinstance(value, class_):
                return (name, inner(value))
        raise TypeError(f"{type(value).__name__} is not in the union")

    return convert


def _class_of(type_: Type) -> type:
    match type_.kind:
        case "fixed":
            return uuid.UUID if type_.name == "Uuid" else bytes
        case "record" | "enum":
            return cast(type, getattr(events, type_.name))
        case "array":
            return tuple
    return {"null": type(None), "boolean": bool, "int": int, "long": int, "bytes": bytes, "string": str}[
        type_.kind
    ]


@cache
def _from_plain(type_: Type) -> _Convert:
    match type_.kind:
        case "fixed" if type_.name == "Uuid":
            return lambda value: uuid.UUID(bytes=value)
        case "enum":
            return cast(_Convert, getattr(events, type_.name))
        case "array":
            item = _from_plain(type_.item)
            return lambda value: tuple([item(v) for v in value])
        case "record":
            return _record_from_plain(type_)
        case "union":
            return _union_from_plain(type_)
        case _:
            return _same


def _record_from_plain(type_: Type) -> _Convert:
    class_ = getattr(events, type_.name)
    converts = [(f.name, _from_plain(f.type)) for f in type_.fields if _from_plain(f.type) is not _same]

    def convert(value: Any) -> Any:
        for name, inner in converts:
            value[name] = inner(value[name])
        return class_(**value)

    return convert


def _union_from_plain(type_: Type) -> _Convert:
    # fastavro names the branch of a record, and of a fixed that the schema only refers to by name.
    named = {f"natalog.{b.name}": _from_plain(b) for b in type_.branches if b.name}
    others = [_from_plain(b) for b in type_.branches if b.kind not in ("record", "null")]
    # A union of null with one type, of bytes with records: what has no name has one branch to come from.
    other = others[0] if others else _same

    def convert(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, tuple):
            return named[value[0]](value[1])
        return other(value)

    return convert
