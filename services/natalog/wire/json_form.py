"""The HTTP JSON form of records: from_json, to_json.

JSON carries the records' names. Times are RFC 3339 with an offset, dates ISO, ids UUID strings, hashes
lower-case hex, bytes base64; enums and codes upper case. A time without an offset is an error, not a guess.
Converters are built once per schema, since every submission passes through here (target: 20 µs a record).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from natalog import events
from natalog.wire.errors import BadField
from natalog.wire.json_values import MISSING, Problem, reader, writer
from natalog.wire.kinds import RECORD_OF_KIND
from natalog.wire.model import Type
from natalog.wire.schemas import SCHEMAS

__all__ = ["BadField", "from_json", "parse", "to_json"]

Json = dict[str, Any]

_ONE_OF: dict[str, tuple[str, str]] = {"Filing": ("registered_at", "registered_on")}
"""Fields of which one must be there."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How one record is read: a converter per field, and what cannot be left out."""

    make: Callable[..., Any]
    converters: dict[str, Callable[[Any], Any]]
    nullable: frozenset[str]
    required: tuple[str, ...]
    one_of: tuple[str, str] | None


def from_json(kind: str, obj: object, submitter: events.Principal) -> events.Record:
    """The record a client sent, with the principal the gateway authenticated.

    `kind` is one of `kinds.RECORD_OF_KIND`. Raises BadField for the first field that cannot be taken, KeyError
    for an unknown kind.
    """
    form = _form(RECORD_OF_KIND[kind].__name__)
    if not isinstance(obj, dict):
        raise BadField("", "This is not a JSON object.", "Send one object with the record's fields.")
    if "submitter" in obj:
        raise BadField(
            "submitter",
            "Natalog takes the submitter from your token.",
            "Leave this field out of what you send.",
        )
    return cast(events.Record, _read(form, obj, "", {"submitter": submitter}))


def parse(kind: str, obj: object) -> events.Record:
    """The record of a whole JSON form, submitter included: the inverse of `to_json`. Raises as from_json."""
    form = _form(RECORD_OF_KIND[kind].__name__)
    if not isinstance(obj, dict):
        raise BadField("", "This is not a JSON object.", "Send one object with the record's fields.")
    return cast(events.Record, _read(form, obj, "", {}))


def to_json(record: events.Record, *, expand: bool = False) -> Json:
    """The JSON form; null fields are left out. `parse` reads it back.

    With `expand`, an Entry shows the record it decided under `record` (with its `kind`) instead of the bytes
    under `input`, for people; that form cannot be read back.
    """
    form = cast(Json, writer(SCHEMAS[type(record).__name__].newest.type)(record))
    if expand and isinstance(record, events.Entry) and isinstance(record.input, bytes):
        from natalog.wire.codec import decode

        inner = decode(record.input)
        del form["input"]
        form["record"] = {"kind": type(inner).__name__, **to_json(inner)}
    return form


def _read(form: _Form, obj: Mapping[str, object], path: str, values: dict[str, Any]) -> Any:
    converters = form.converters
    for name, value in obj.items():
        convert = converters.get(name)
        if convert is None:
            raise _unknown(form, name, path)
        if value is None and name in form.nullable:
            continue
        try:
            values[name] = convert(value)
        except Problem as problem:
            raise BadField(path + name + problem.at, problem.problem, problem.suggestion) from None
    for name in form.required:
        if name not in values:
            raise BadField(path + name, MISSING, "Add this field.")
    if form.one_of is not None and form.one_of[0] not in values and form.one_of[1] not in values:
        first, second = form.one_of
        raise BadField(
            path + first, MISSING, f"Send {first}, or {second} where the time of day is not known."
        )
    return form.make(**values)


def _unknown(form: _Form, name: str, path: str) -> BadField:
    near = difflib.get_close_matches(name, form.converters, n=1)
    advice = (
        f"Did you mean {near[0]}?"
        if near
        else f"Leave it out; known fields are {', '.join(form.converters)}."
    )
    # A key can be anything a client typed by mistake, personal data too: only a plain short name is repeated.
    shown = name if name.isascii() and name.replace("_", "").isalpha() and len(name) <= 40 else "?"
    return BadField(path + shown, "There is no such field.", advice)


@cache
def _form(record: str) -> _Form:
    return _form_of(SCHEMAS[record].newest.type)


def _form_of(type_: Type) -> _Form:
    converters: dict[str, Callable[[Any], Any]] = {}
    for field in type_.fields:
        inner = field.type.plain
        if inner.kind == "record":
            converters[field.name] = _nested(inner)
        elif inner.kind == "array" and inner.item.kind == "record":
            converters[field.name] = _list_of(_nested(inner.item))
        elif inner.kind == "union":
            converters[field.name] = _either(inner)
        else:
            converters[field.name] = reader(inner, type_.name, field.name)
    return _Form(
        make=getattr(events, type_.name),
        converters=converters,
        nullable=frozenset(f.name for f in type_.fields if f.type.nullable),
        required=tuple(f.name for f in type_.fields if not f.has_default),
        one_of=_ONE_OF.get(type_.name),
    )


def _nested(type_: Type) -> Callable[[Any], Any]:
    form = _form_of(type_)

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Problem("This is not a JSON object.", f"Send an object with {', '.join(form.converters)}.")
        try:
            return _read(form, value, "", {})
        except BadField as bad:
            raise Problem(bad.problem, bad.suggestion, "." + bad.field) from None

    return convert


def _list_of(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_all(value: Any) -> Any:
        if not isinstance(value, list):
            raise Problem("This is not a list.", "Send a JSON array.")
        return tuple(convert(v) for v in value)

    return convert_all


def _either(union: Type) -> Callable[[Any], Any]:
    """An Entry's input: base64 of the record's bytes, or an object told apart by its fields."""
    objects = [
        (frozenset(f.name for f in b.fields), _nested(b)) for b in union.branches if b.kind == "record"
    ]
    plain = next(reader(b, "", "") for b in union.branches if b.kind != "record")

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return plain(value)
        for names, inner in objects:
            if value.keys() <= names:
                return inner(value)
        raise Problem("These fields belong to no form of this value.", "See the record's schema.")

    return convert
