"""What `clean_json.take` goes by, made from the schemas and from the rules of fields."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import Final

from natalog import events
from natalog.wire import clean_json as clean
from natalog.wire.clean_json import Column
from natalog.wire.encoder import encoder_of
from natalog.wire.fields import MAX_BYTES, MAX_STRING, MAX_VALUE, NUMBERS, rule_of
from natalog.wire.kinds import RECORD_OF_KIND
from natalog.wire.model import Field, Type
from natalog.wire.schemas import SCHEMAS
from natalog.wire.varint import string, varint

_DIGITS: Final = re.compile(r"\[0-9\]\{(\d+)\}")
_REGISTRATION: Final = re.compile(r"\[A-Za-z0-9-\]\{1,(\d+)\}")


@cache
def columns_of(kind: str) -> tuple[bytes, list[Column]]:
    """What a kind's record begins with, and its fields in order."""
    name = RECORD_OF_KIND[kind].__name__
    version = SCHEMAS[name].newest
    return version.header, _columns(version.type)


def submitter_bytes(principal: events.Principal) -> bytes:
    """The encoded `submitter` of a caller's records."""
    return encoder_of(SCHEMAS["Claim"].newest.type.fields[4].type)(principal)


def _columns(type_: Type) -> list[Column]:
    defaults = {f.name: f.default for f in dataclasses.fields(getattr(events, type_.name))}
    return [_column(type_.name, field, defaults[field.name]) for field in type_.fields]


def _column(record: str, field: Field, default: object) -> Column:
    inner = field.type.plain
    form, codes, lengths, most = _form(record, field.name, inner)
    nullable = field.type.nullable
    return Column(
        field.name,
        form,
        nullable=nullable,
        absent=encoder_of(field.type)(default) if field.has_default else None,
        tag=varint(field.type.branches.index(inner)) if nullable else b"",
        codes=codes,
        lengths=lengths,
        most=most,
        inner=_columns(inner) if form == clean.INNER else [],
    )


def _form(record: str, field: str, type_: Type) -> tuple[int, dict[str, bytes], list[int], int]:
    """Form, codes with their bytes, numbers of digits, greatest length."""
    match type_.kind:
        case "record":
            return (clean.FIXED if field == "submitter" else clean.INNER), {}, [], 0
        case "boolean":
            return clean.BOOLEAN, {}, [], 0
        case "enum":
            return clean.CODE, {s: varint(i) for i, s in enumerate(type_.symbols)}, [], 0
        case "bytes":
            return clean.BYTES, {}, [], MAX_BYTES if record == "Filing" else MAX_VALUE
        case "fixed" if type_.name == "Uuid":
            return clean.UUID, {}, [], 0
        case "int" | "long" if type_.logical in ("timestamp-millis", "date"):
            return (clean.DATE if type_.logical == "date" else clean.TIME), {}, [], 0
        case "string":
            return _string(record, field)
    return clean.OTHER, {}, [], 0


def _string(record: str, field: str) -> tuple[int, dict[str, bytes], list[int], int]:
    rule = rule_of(record, field)
    if field in NUMBERS:
        return clean.NUMBER, {}, [], 0
    if rule.codes:
        return clean.CODE, {code: string(code) for code in rule.codes}, [], 0
    if not rule.pattern:
        return clean.TEXT, {}, [], MAX_STRING
    if field == "registration_id" and (found := _REGISTRATION.fullmatch(rule.pattern)) is not None:
        return clean.NAME, {}, [], int(found[1])
    parts = [_DIGITS.fullmatch(part) for part in rule.pattern.split("|")]
    lengths = [int(part[1]) for part in parts if part is not None]
    if len(lengths) == len(parts):
        return clean.DIGITS, {}, lengths, 0
    return clean.OTHER, {}, [], 0
