"""What a record says, as a hash: by it a repeat is told from another use of the same event id.

Content is the record's name and a zero byte, then the canonical encoding in the newest schema without the
fields of `LEFT_OUT` (who sent it and when it was tried or seen, and what is sealed: sealing is randomised).

A field that a later version of the schema appended counts only where it differs from its default, as name,
zero byte and encoding. So the hash of a record never changes, whatever the schemas become: the ledger's
REPEATED entries hold hashes for ever. (`python -m natalog.wire.check` refuses a change that is not appending.)

This is the reference; `hot.py` takes the same hash from slices of the value where it can.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_writer

from natalog import events
from natalog.wire.codec import decode, plain_of
from natalog.wire.model import Field
from natalog.wire.schemas import SCHEMAS, Schema

LEFT_OUT = frozenset({"sealed", "key_id", "submitter", "attempted_at", "observed_at"})


def content_of(record: events.Record) -> bytes:
    """SHA-256 of the record's content, 32 bytes."""
    schema = SCHEMAS[type(record).__name__]
    return sha256(content_bytes(schema, plain_of(record))).digest()


def content_of_value(value: bytes) -> bytes:
    """The same for an encoded record of any published version. Raises as codec.decode does."""
    return content_of(decode(value))


def content_bytes(schema: Schema, plain: dict[str, Any]) -> bytes:
    """What is hashed, from the record's fields as fastavro writes them."""
    first, appended = split(schema)
    out = BytesIO()
    out.write(prefix(schema.name))
    for field in (*first, *appended):
        encoded = encode_field(schema, field.name, plain)
        if field in appended:
            if encoded == encode_field(schema, field.name, {field.name: field.default}):
                continue
            out.write(field.name.encode() + b"\0")
        out.write(encoded)
    return out.getvalue()


def prefix(record: str) -> bytes:
    """What content starts with, so that equal fields of two kinds of record are not one content."""
    return record.encode() + b"\0"


def split(schema: Schema) -> tuple[list[Field], list[Field]]:
    """The newest schema's content fields: those of the first version, and those appended later."""
    original = {field.name for field in schema.versions[0].type.fields}
    fields = [field for field in schema.newest.type.fields if field.name not in LEFT_OUT]
    return [f for f in fields if f.name in original], [f for f in fields if f.name not in original]


def encode_field(schema: Schema, field: str, plain: dict[str, Any]) -> bytes:
    """The canonical encoding of one field, from the record's fields as fastavro writes them."""
    out = BytesIO()
    schemaless_writer(out, _field_schema(schema, field), {field: plain[field]}, strict=True)
    return out.getvalue()


@cache
def _field_schema(schema: Schema, field: str) -> Any:
    """A record schema with this one field; a record's encoding is no more than that of its fields."""
    named: dict[str, Any] = {}
    parse_schema(schema.newest.parsed, named)
    only = next(f for f in schema.newest.parsed["fields"] if f["name"] == field)
    return parse_schema({"type": "record", "name": "natalog.One", "fields": [only]}, named)
