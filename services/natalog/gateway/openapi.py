"""The OpenAPI 3.1 document, made from the schemas of the records, the table of roles and the examples."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import orjson

from natalog.gateway import examples, ranges, reading, reports
from natalog.gateway.openapi_schemas import COMPONENTS, record, ref, text
from natalog.gateway.problems import MEDIA_TYPE
from natalog.gateway.roles import MAY, Call
from natalog.gateway.submission import KINDS
from natalog.wire.json_schema import json_schema
from natalog.wire.kinds import RECORD_OF_KIND
from natalog.wire.schemas import SCHEMAS

Json = dict[str, Any]

_ABOUT: Final = """One medical birth certificate, one household registration (出生医学证明编号核验与出生登记备案).

Sending a record again under the same `event_id` is always safe and gets the original verdict; after a broken stream
simply send all again. A 4xx means that nothing was recorded. A 202 means: ask at `Location`, or send again.
Sentences come in English or Chinese by `Accept-Language`, in both without it."""

_SCOPE: Final = "Scope: `unit_code` lies within the token's `org`."
_EVERYWHERE: Final = (400, 401, 403, 405, 429, 500, 503)
_WITH_BODY: Final = (408, 413, 415)


@cache
def document() -> bytes:
    """The document as JSON."""
    paths: Json = {
        **{f"/v1/{name}": {"post": _submission(name, kind)} for name, kind in KINDS.items()},
        **{f"/v1/{name}": {"post": _report(name, kind)} for name, kind in reports.KINDS.items()},
        "/v1/submissions/{event_id}": {"get": _find()},
        "/v1/ranges/{range_id}": {"get": _range()},
        "/v1/blacklist": {"get": _blacklist()},
        "/v1/certificates/{number}": {"get": _status()},
        "/v1/certificates/check": {"post": _check()},
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
                "headers": _HEADERS,
            },
        }
    )


def _record(kind: str) -> Json:
    schema = json_schema(RECORD_OF_KIND[kind].__name__)
    if kind in ranges.KINDS:
        schema["properties"]["range"] = ref("Range")
    return schema


def _submission(name: str, kind: str) -> Json:
    made = RECORD_OF_KIND[kind].__name__
    call, roles = f"POST /v1/{name}", _roles(Call(kind))
    more = {
        "filing": f"`origin` BACKFILL: {_roles(Call.BACKFILL)}.",
        "withdrawal": f"`action` APPROVE: {_roles(Call.APPROVE_WITHDRAWAL)}, another person than the request.",
        "blacklist-change": "An `owner` outside the caller's prefecture or province is recorded as NOT_OWNER.",
        "invalidation": "An `issuer` outside the caller's `org` is recorded as NOT_OWNER.",
    }.get(kind, "")
    taken = [ref("Pending")] + ([ref("RangeTaken")] if kind in ranges.KINDS else [])
    lines = {"anyOf": [ref("Verdict"), *taken, ref("Problem")]}
    return {
        "operationId": name,
        "summary": SCHEMAS[made].newest.document["doc"],
        "description": f"Roles: {roles}. {_SCOPE} {more}".strip(),
        "x-natalog-roles": _role_list(Call(kind)),
        "parameters": [_WAIT, _LANGUAGE],
        "requestBody": {
            "required": True,
            "description": "One record; or as NDJSON one a line, any number of them, gzip if you like.",
            "content": {
                "application/json": {"schema": ref(made), "examples": _requests(call)},
                "application/x-ndjson": {"schema": text(f"One {made} a line.")},
            },
        },
        "responses": {
            "200": {
                "description": "The verdict, from the committed ledger. For NDJSON: one a line, in order; a problem "
                "object for a bad line, a 202 object for one that is late.",
                "headers": {
                    "Natalog-As-Of": _header("Natalog-As-Of"),
                    "Content-Language": _header("Content-Language"),
                },
                "content": {
                    "application/json": {"schema": ref("Verdict"), "examples": _answers(call, 200)},
                    "application/x-ndjson": {
                        "schema": text("Lines.", contentMediaType="application/json", contentSchema=lines)
                    },
                },
            },
            "202": {
                "description": "Not on the ledger yet, or the outcome of the send is unknown"
                + ("; or a range was taken." if len(taken) > 1 else "."),
                "headers": {"Location": _header("Location")},
                "content": {
                    "application/json": {
                        "schema": taken[0] if len(taken) == 1 else {"anyOf": taken},
                        "examples": _answers(call, 202) or {"pending": {"value": _PENDING}},
                    }
                },
            },
            **_problems(call, *_EVERYWHERE, *_WITH_BODY, 422),
        },
    }


def _report(name: str, kind: str) -> Json:
    made = RECORD_OF_KIND[kind].__name__
    call = f"POST /v1/{name}"
    return {
        "operationId": name,
        "summary": SCHEMAS[made].newest.document["doc"],
        "description": f"Roles: {_roles(Call(kind))}. {_SCOPE} Recorded, not judged.",
        "x-natalog-roles": _role_list(Call(kind)),
        "parameters": [_LANGUAGE],
        "requestBody": {
            "required": True,
            "description": "One report.",
            "content": {"application/json": {"schema": ref(made), "examples": _requests(call)}},
        },
        "responses": {
            "202": _answer("Recorded; there is no verdict.", ref("Recorded"), _answers(call, 202)),
            **_problems(call, *_EVERYWHERE, *_WITH_BODY),
        },
    }


def _find() -> Json:
    return _question(
        "GET /v1/submissions/{event_id}",
        "submission",
        "The original verdict of an event id, however old.",
        Call.SUBMISSIONS,
        "Scope: the record's unit lies within the token's `org`.",
        [_parameter("event_id", "path", "Event id of the submission.", format="uuid")],
        {"200": ("The verdict.", ref("Verdict"))},
        404,
    )


def _range() -> Json:
    return _question(
        "GET /v1/ranges/{range_id}",
        "range",
        "How many numbers of a range got which verdict.",
        Call.RANGES,
        "Scope: records of units within the token's `org` are counted.",
        [_parameter("range_id", "path", "Event id of the range.", format="uuid")],
        {"200": ("The counts so far.", ref("RangeCounts"))},
        404,
    )


def _blacklist() -> Json:
    return _question(
        "GET /v1/blacklist",
        "blacklist",
        "The caller's own blacklist entries, with their history.",
        Call.BLACKLIST,
        "Scope: entries whose owner lies within the token's `org`.",
        [
            _parameter("owner", "query", "Only this prefecture's, GB/T 2260.", pattern="^[0-9]{6}$"),
            _parameter("certificate_number", "query", "Only this number.", maxLength=64),
            _parameter(
                "listed", "query", "true: what stands now; false: what was taken off.", enum=["true", "false"]
            ),
            _parameter("after", "query", "`next` of the last page.", pattern="^[0-9]{6}[A-Z]?[0-9]{9}$"),
            {
                **_parameter("limit", "query", "Entries of a page."),
                "schema": {"type": "integer", "minimum": 1, "maximum": reading.MAX_PAGE, "default": 100},
            },
        ],
        {"200": ("A page.", ref("Blacklist"))},
        422,
    )


def _status() -> Json:
    return _question(
        "GET /v1/certificates/{number}",
        "certificate",
        "Whether a number is unused and not blacklisted (使用记录查询).",
        Call.STATUS,
        "Every query is recorded before it is answered. Scope: any number; `unit_code` within the token's `org`.",
        [_parameter("number", "path", "Certificate number."), *_ASKING],
        {
            "200": ("Its status.", ref("Status")),
            "503": (
                "Nobody can tell now: UNKNOWN, not usable; or a problem.",
                {"anyOf": [ref("Status"), ref("Problem")]},
            ),
        },
    )


def _check() -> Json:
    numbers = {
        "type": "array",
        "items": {"type": "string", "maxLength": 64},
        "minItems": 1,
        "maxItems": reading.MAX_NUMBERS,
        "description": "Numbers to check.",
    }
    answer = record(
        "One status for each number, in order.",
        certificates={"type": "array", "items": ref("Status"), "description": "In the order asked."},
    )
    call = "POST /v1/certificates/check"
    question = _question(
        call,
        "check",
        f"Status of up to {reading.MAX_NUMBERS:,} numbers.",
        Call.STATUS,
        "Recorded as one query. Scope: any number; `unit_code` within the token's `org`.",
        list(_ASKING),
        {
            "200": ("Their status.", answer),
            "503": ("At least one is UNKNOWN; or a problem.", {"anyOf": [answer, ref("Problem")]}),
        },
        *_WITH_BODY,
    )
    question["requestBody"] = {
        "required": True,
        "description": "The numbers.",
        "content": {
            "application/json": {
                "schema": record("The numbers.", certificate_numbers=numbers),
                "examples": _requests(call),
            }
        },
    }
    return question


def _open(summary: str, media: str, *more: int) -> Json:
    schema = {"type": "object", "description": summary} if media == "application/json" else text(summary)
    answer = {"description": summary, "content": {media: {"schema": schema}}}
    return {"summary": summary, "security": [], "responses": {str(status): answer for status in (200, *more)}}


def _question(
    call: str,
    name: str,
    summary: str,
    right: Call,
    scope: str,
    parameters: list[Json],
    answers: dict[str, tuple[str, Json]],
    *more: int,
) -> Json:
    responses = _problems(call, *_EVERYWHERE, *more)
    for status, (description, schema) in answers.items():
        found = _answer(description, schema, _answers(call, int(status)))
        if status in responses:
            found["content"] |= responses[status]["content"]
            found["headers"] = responses[status]["headers"]
        responses[status] = found
    return {
        "operationId": name,
        "summary": summary,
        "description": f"Roles: {_roles(right)}. {scope}",
        "x-natalog-roles": _role_list(right),
        "parameters": [*parameters, _LANGUAGE],
        "responses": responses,
    }


def _requests(call: str) -> Json:
    return {
        e.name: {"summary": e.summary, "value": e.body}
        for e in examples.of(call)
        if e.body is not None and e.status < 300
    }


def _answers(call: str, status: int) -> Json:
    return {
        e.name: {"summary": e.summary, "value": e.answer} for e in examples.of(call) if e.status == status
    }


def _answer(description: str, schema: Json, shown: Json) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": schema, "examples": shown}},
    }


def _problems(call: str, *statuses: int) -> Json:
    found: Json = {}
    for status in statuses:
        shown = _answers(call, status)
        if not shown:  # an answer of this kind from another call says as much
            shown = {
                e.name: {"summary": e.summary, "value": e.answer}
                for e in examples.examples()
                if e.status == status and "type" in (e.answer or {})
            }
        shown |= {kind: {"value": value} for kind, value in examples.away(status).items()}
        headers = {"Content-Language": _header("Content-Language")}
        if status in (429, 500, 503):
            headers["Retry-After"] = _header("Retry-After")
        found[str(status)] = {
            "description": _MEANS[status],
            "headers": headers,
            "content": {MEDIA_TYPE: {"schema": ref("Problem"), "examples": shown}},
        }
    return found


def _role_list(call: Call) -> list[str]:
    return [role for role, calls in MAY.items() if call in calls]


def _roles(call: Call) -> str:
    return ", ".join(_role_list(call))


def _parameter(name: str, place: str, description: str, **schema: Any) -> Json:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": "string", **schema},
    }


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


_MEANS: Final = {
    400: "The request cannot be taken: the body, a field or a parameter. Nothing was recorded.",
    401: "No token, or one that is not accepted. Nothing was recorded.",
    403: "The token's roles or its `org` do not allow this. Nothing was recorded.",
    404: "Nothing of the caller's organisation is known by this id.",
    405: "The address takes another method.",
    408: "The body did not come in time. Nothing was recorded.",
    413: "The body is too large. Nothing was recorded.",
    415: "The media type or coding is not one this call takes. Nothing was recorded.",
    422: "The certificate number or range means nothing. Nothing was recorded.",
    429: "The caller is over its limit. Nothing was recorded; `Retry-After` says when to come again.",
    500: "The gateway failed; the record may have been sent. Send it again under the same event_id.",
    503: "Kafka is away, the gateway is starting or its queue is full. Send again after `Retry-After`.",
}
_HEADERS: Final = {
    "Location": {"description": "Where to ask for the verdict.", "schema": {"type": "string"}},
    "Natalog-As-Of": {
        "description": "Token for `after`: a status that has seen this verdict.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "Content-Language": {"description": "Of the sentences.", "schema": {"type": "string"}},
}
_PENDING: Final = {
    "event_id": "0192f3a1-5c00-7000-8000-000000000001",
    "status": 202,
    "location": "/v1/submissions/0192f3a1-5c00-7000-8000-000000000001",
}
_WAIT: Final = {
    **_parameter(
        "wait", "query", "Seconds to wait for the verdict, at most 60; `Prefer: wait=` does the same."
    ),
    "schema": {"type": "number", "minimum": 0},
}
_LANGUAGE: Final = _parameter("Accept-Language", "header", "en or zh; both languages without it.")
_ASKING: Final = (
    _parameter("after", "query", "Token (`Natalog-As-Of`, `as_of.token`) the answer must have seen."),
    _WAIT,
    _parameter("unit_code", "query", "Unit that asks, within the token's org; otherwise the org itself."),
    _parameter("Natalog-Purpose", "header", "Why; recorded. An opaque reference, ASCII.", maxLength=128),
    _parameter(
        "Natalog-Officer", "header", "Opaque reference of the officer; recorded. ASCII.", maxLength=128
    ),
)
