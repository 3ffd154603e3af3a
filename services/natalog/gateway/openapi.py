"""The OpenAPI 3.1 document, made from the schemas of the records."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import orjson

from natalog.gateway import reports
from natalog.gateway.problems import MEDIA_TYPE, TITLES
from natalog.gateway.status import Status
from natalog.gateway.submission import KINDS
from natalog.wire.json_schema import json_schema
from natalog.wire.kinds import RECORD_OF_KIND
from natalog.wire.schemas import SCHEMAS

_TIME: Final = {"type": "string", "format": "date-time"}
_STRING: Final = {"type": "string"}
_CODES: Final = {"type": "array", "items": _STRING}


@cache
def document() -> bytes:
    """The document as JSON."""
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Natalog",
                "version": version("natalog"),
                "description": "One medical birth certificate, one household registration. Sending a record again "
                "under the same event_id is always safe and gets the original verdict.",
            },
            "security": [{"bearer": []}],
            "paths": {
                **{f"/v1/{name}": {"post": _submission(kind)} for name, kind in KINDS.items()},
                **{f"/v1/{name}": {"post": _report(kind)} for name, kind in reports.KINDS.items()},
                "/v1/submissions/{event_id}": {"get": _find()},
                "/v1/certificates/{number}": {"get": _status()},
                "/v1/certificates/check": {"post": _check()},
            },
            "components": {
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
                "schemas": {
                    **{
                        RECORD_OF_KIND[kind].__name__: json_schema(RECORD_OF_KIND[kind].__name__)
                        for kind in (*KINDS.values(), *reports.KINDS.values())
                    },
                    "Verdict": _VERDICT,
                    "Pending": _PENDING,
                    "Status": _STATUS,
                    "Problem": _PROBLEM,
                },
            },
        }
    )


def _submission(kind: str) -> dict[str, Any]:
    name = RECORD_OF_KIND[kind].__name__
    return {
        "summary": SCHEMAS[name].newest.document["doc"],
        "parameters": [
            _parameter(
                "wait", "query", "Seconds to wait for the verdict; `Prefer: wait=` does the same.", "number"
            )
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _ref(name)},
                "application/x-ndjson": {"schema": _STRING | {"description": f"One {name} a line."}},
            },
        },
        "responses": {
            "200": _json("The verdict, from the committed ledger.", _ref("Verdict")),
            "202": _json("Not on the ledger yet, or the outcome of the send is unknown.", _ref("Pending")),
            **_problems(400, 401, 403, 413, 415, 422, 503),
        },
    }


def _report(kind: str) -> dict[str, Any]:
    name = RECORD_OF_KIND[kind].__name__
    return {
        "summary": SCHEMAS[name].newest.document["doc"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(name)}}},
        "responses": {
            "202": _json("Recorded; there is no verdict.", _object(event_id=_STRING, status={"const": 202})),
            **_problems(400, 401, 403, 413, 503),
        },
    }


def _find() -> dict[str, Any]:
    return {
        "summary": "The original verdict of an event id, inside the caller's org.",
        "parameters": [_parameter("event_id", "path", "Event id of the submission.", "string")],
        "responses": {"200": _json("The verdict.", _ref("Verdict")), **_problems(400, 401, 403, 404, 503)},
    }


def _status() -> dict[str, Any]:
    return {
        "summary": "Whether a number is unused and not blacklisted.",
        "parameters": [_parameter("number", "path", "Certificate number.", "string"), *_ASKING],
        "responses": {
            "200": _json("Its status.", _ref("Status")),
            **_problems(400, 401, 403),
            "503": _json("Nobody can tell now: UNKNOWN, not usable.", _ref("Status")),
        },
    }


def _check() -> dict[str, Any]:
    numbers = {"type": "array", "items": _STRING, "minItems": 1, "maxItems": 1000}
    asked = {
        "type": "object",
        "properties": {"certificate_numbers": numbers},
        "required": ["certificate_numbers"],
    }
    answer = {"type": "object", "properties": {"certificates": {"type": "array", "items": _ref("Status")}}}
    return {
        "summary": "Status of up to 1,000 numbers.",
        "parameters": _ASKING,
        "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
        "responses": {
            "200": _json("Their status.", answer),
            **_problems(400, 401, 403),
            "503": _json("At least one is UNKNOWN.", answer),
        },
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problems(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {
            "description": "Nothing was recorded." if status != 404 else "Not known here.",
            "content": {MEDIA_TYPE: {"schema": _ref("Problem")}},
        }
        for status in statuses
    }


def _parameter(name: str, place: str, description: str, type_: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": type_},
    }


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _or_null(type_: str, **more: Any) -> dict[str, Any]:
    return {"type": [type_, "null"], **more}


_ASKING: Final = [
    _parameter(
        "after", "query", "Token (`Natalog-As-Of`, `as_of.token`) the answer must have seen.", "string"
    ),
    _parameter(
        "unit_code", "query", "Unit that asks, within the token's org; otherwise the org itself.", "string"
    ),
    _parameter("Natalog-Purpose", "header", "Why; recorded.", "string"),
    _parameter("Natalog-Officer", "header", "Opaque reference of the officer; recorded.", "string"),
]
_VERDICT: Final = _object(
    event_id={"type": "string", "format": "uuid"},
    kind=_STRING,
    certificate_number=_or_null("string"),
    verdict={"type": "string", "enum": ["ACCEPTED", "REFUSED"]},
    reason=_or_null("string"),
    flags=_CODES,
    doubts=_CODES,
    message=_STRING,
    suggestion=_or_null("string"),
    received_at=_TIME,
    delay_ms=_or_null("integer"),
    claim_expires_at=_or_null("string", format="date-time"),
    first=_or_null("integer"),
    rules={"type": "integer"},
    ledger=_object(partition={"type": "integer"}, seq={"type": "integer"}, hash=_STRING),
)
_PENDING: Final = _object(event_id=_STRING, status={"const": 202}, location=_STRING)
_STATUS: Final = _object(
    certificate_number=_STRING,
    status={"type": "string", "enum": [s.value for s in Status]},
    usable={"type": "boolean"},
    used={"type": "boolean"},
    blacklisted={"type": "boolean"},
    invalidated={"type": "boolean"},
    contested={"type": "boolean"},
    claimed_by_me={"type": "boolean"},
    warnings=_CODES,
    check_id=_or_null("string", format="uuid"),
    as_of=_object(token=_or_null("string"), time=_or_null("string", format="date-time")),
    staleness_ms=_or_null("integer"),
    suggestion=_or_null("string"),
)
_PROBLEM: Final = _object(
    type={"type": "string", "enum": [f"urn:natalog:problem:{kind}" for kind in TITLES]},
    title=_STRING,
    status={"type": "integer"},
    detail=_STRING,
    field=_STRING,
    suggestion=_STRING,
    event_id=_STRING,
    line={"type": "integer"},
)
