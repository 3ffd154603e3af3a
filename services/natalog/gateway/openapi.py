"""The OpenAPI 3.1 document, made from the schemas of the records, the table of roles and the examples."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Final

import orjson

from natalog.gateway import openapi_calls as calls
from natalog.gateway import ranges, reports
from natalog.gateway.openapi_parts import HEADERS, Json
from natalog.gateway.openapi_schemas import COMPONENTS, ref, text
from natalog.gateway.roles import MAY
from natalog.gateway.submission import KINDS
from natalog.wire.json_schema import json_schema
from natalog.wire.kinds import RECORD_OF_KIND

_ABOUT: Final = """One medical birth certificate, one household registration (出生医学证明编号核验与出生登记备案).

Sending a record again under the same `event_id` is always safe and gets the original verdict; after a broken stream
simply send all again. A 4xx means that nothing was recorded. A 202 means: ask at `Location`, or send again.
Sentences come in English or Chinese by `Accept-Language`, in both without it."""


@cache
def document() -> bytes:
    """The document as JSON."""
    paths: Json = {
        **{f"/v1/{name}": {"post": calls.submission(name, kind)} for name, kind in KINDS.items()},
        **{f"/v1/{name}": {"post": calls.report(name, kind)} for name, kind in reports.KINDS.items()},
        "/v1/submissions/{event_id}": {"get": calls.find()},
        "/v1/ranges/{range_id}": {"get": calls.range_()},
        "/v1/blacklist": {"get": calls.blacklist()},
        "/v1/certificates/{number}": {"get": calls.status()},
        "/v1/certificates/check": {"post": calls.check()},
        "/healthz": {"get": _open("Whether the process runs.", "application/json")},
        "/readyz": {"get": _open("Whether it can answer; 503 says why not.", "application/json", 503)},
        "/metrics": {"get": _open("Metrics in Prometheus' text format.", "text/plain")},
    }
    records = {
        RECORD_OF_KIND[kind].__name__: _record(kind) for kind in (*KINDS.values(), *reports.KINDS.values())
    }
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Natalog", "version": version("natalog"), "description": _ABOUT},
            "security": [{"bearer": []}],
            "paths": paths,
            "components": {
                "securitySchemes": {
                    "bearer": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "EdDSA or RS256, with `sub` (one person or machine, opaque), `org` (division or "
                        f"12-digit unit), `roles` ({', '.join(MAY)}) and `exp`.",
                    }
                },
                "schemas": {**records, **COMPONENTS},
                "headers": HEADERS,
            },
        }
    )


def _record(kind: str) -> Json:
    schema = json_schema(RECORD_OF_KIND[kind].__name__)
    if kind in ranges.KINDS:
        schema["properties"]["range"] = ref("Range")
    return schema


def _open(summary: str, media: str, *more: int) -> Json:
    schema = {"type": "object", "description": summary} if media == "application/json" else text(summary)
    answer = {"description": summary, "content": {media: {"schema": schema}}}
    return {"summary": summary, "security": [], "responses": {str(status): answer for status in (200, *more)}}
