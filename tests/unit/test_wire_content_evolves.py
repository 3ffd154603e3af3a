"""A later schema version must not change the content hash of records that do not use what it added."""

from __future__ import annotations

import json
import types
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_writer

from natalog.wire import content, generate
from natalog.wire.schemas import SCHEMAS, Schema, Version

FIRST = SCHEMAS["Completion"].versions[0]
PLAIN: dict[str, Any] = {
    "event_id": bytes(range(16)),
    "certificate_number": "M330123456",
    "unit_code": "330106520000",
    "occurred_at": None,
    "submitter": {"sub": "s", "org": "o", "roles": ["station"]},
    "registration_id": "R-1",
    "registered_at": 1_793_496_600_123,
    "exemption": None,
}
ADDED: list[dict[str, Any]] = [
    {"name": "ward", "type": ["null", "string"], "default": None, "doc": "Ward (病区)."},
    {"name": "bed", "type": "long", "default": 7, "doc": "Bed (床位)."},
    {"name": "kept", "type": "boolean", "default": False, "doc": "Kept (保留)."},
]


def with_fields(*fields: Any) -> Schema:
    """Completion with a second version that appends these."""
    document = {**FIRST.document, "fields": [*FIRST.document["fields"], *fields]}
    return Schema("Completion", (FIRST, Version("Completion", 2, json.dumps(document))))


def said(schema: Schema, **values: Any) -> bytes:
    defaults = {f["name"]: f["default"] for f in ADDED}
    return content.content_bytes(schema, {**PLAIN, **defaults, **values})


def test_defaults_of_appended_fields_change_nothing():
    before = content.content_bytes(Schema("Completion", (FIRST,)), PLAIN)
    assert said(with_fields(*ADDED)) == before


@pytest.mark.parametrize("values", [{"ward": "3"}, {"ward": ""}, {"bed": 8}, {"kept": True}])
def test_values_of_appended_fields_count_whatever_was_appended_beside_them(values):
    both = said(with_fields(*ADDED), **values)
    assert both != said(with_fields(*ADDED))
    assert both == said(with_fields(*(f for f in ADDED if f["name"] in values)), **values)


@pytest.mark.parametrize(
    "values", [{}, {"ward": "3"}, {"bed": 8}, {"kept": True}, {"ward": "", "bed": 0, "kept": True}]
)
def test_generated_code_for_a_second_version_takes_the_same_hash(values):
    schema = with_fields(*ADDED)
    module = types.ModuleType("hot")
    exec(generate.generate({**SCHEMAS, "Completion": schema}), module.__dict__)  # noqa: S102
    plain = {**PLAIN, **{f["name"]: f["default"] for f in ADDED}, **values}
    out = BytesIO()
    schemaless_writer(out, schema.newest.parsed, plain)
    command = module.read_command(schema.newest.header + out.getvalue())
    assert command.registration_id == "R-1"
    assert command.content == sha256(said(schema, **values)).digest()
