"""JSON Schema (2020-12) of records as clients send them, for the gateway's OpenAPI document.

Made from the Avro schemas and the same rules (`fields.py`) that the JSON form is read by.
"""

from __future__ import annotations

from typing import Any

from natalog.wire.fields import MAX_BYTES, MAX_COUNT, MAX_STRING, MAY_BE_EMPTY, Rule, rule_of
from natalog.wire.model import Field, Type
from natalog.wire.schemas import SCHEMAS

_STAMPED = frozenset({"submitter"})
"""Fields that the gateway fills in; a client that sends them is refused."""

JsonSchema = dict[str, Any]


def json_schema(record: str) -> JsonSchema:
    """The schema of one record, by its name; without the fields that Natalog stamps."""
    type_ = SCHEMAS[record].newest.type
    return _object(type_, [field for field in type_.fields if field.name not in _STAMPED])


def _object(type_: Type, fields: list[Field] | tuple[Field, ...]) -> JsonSchema:
    return {
        "type": "object",
        "description": type_.doc,
        "additionalProperties": False,
        "properties": {field.name: _field(type_.name, field) for field in fields},
        "required": [field.name for field in fields if not field.has_default],
    }


def _field(record: str, field: Field) -> JsonSchema:
    schema = _value(field.type.plain, record, field.name)
    if field.type.nullable:
        if "anyOf" in schema:
            schema["anyOf"].append({"type": "null"})
        else:
            schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    if field.has_default and field.default is not None:
        schema["default"] = field.default
    codes = rule_of(record, field.name).codes
    labels = f" In Chinese: {', '.join(f'{code} {zh}' for code, zh in codes.items())}." if codes else ""
    return {**schema, "description": field.doc + labels}


def _value(type_: Type, record: str, field: str) -> JsonSchema:
    match type_.kind:
        case "record":
            return _object(type_, type_.fields)
        case "union":
            return {"anyOf": [_value(branch, record, field) for branch in type_.branches]}
        case "array":
            return {"type": "array", "items": _value(type_.item, record, field)}
        case "boolean":
            return {"type": "boolean"}
        case "enum":
            return {"type": "string", "enum": list(type_.symbols)}
        case "fixed" if type_.name == "Uuid":
            return {"type": "string", "format": "uuid"}
        case "fixed":
            return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * type_.size}}}$"}
        case "bytes":
            # Base64 takes four characters for three bytes.
            return {"type": "string", "contentEncoding": "base64", "maxLength": -(-MAX_BYTES // 3) * 4}
        case "int" | "long" if type_.logical == "timestamp-millis":
            return {"type": "string", "format": "date-time"}
        case "int" | "long" if type_.logical == "date":
            return {"type": "string", "format": "date"}
        case "int" | "long":
            return {"type": "integer", "minimum": 0, "maximum": MAX_COUNT}
    return _string(rule_of(record, field), may_be_empty=field in MAY_BE_EMPTY)


def _string(rule: Rule, *, may_be_empty: bool) -> JsonSchema:
    if rule.codes:
        return {"type": "string", "enum": list(rule.codes)}
    if rule.pattern:
        return {"type": "string", "pattern": f"^(?:{rule.pattern})$"}
    return {"type": "string", "maxLength": MAX_STRING} | ({} if may_be_empty else {"minLength": 1})
