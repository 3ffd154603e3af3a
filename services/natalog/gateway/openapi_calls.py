"""The calls of the OpenAPI document, each with its roles, scope, answers and examples."""

from __future__ import annotations

from typing import Final

from natalog.gateway import ranges, reading
from natalog.gateway.openapi_parts import (
    ASKING,
    EVERYWHERE,
    LANGUAGE,
    PENDING,
    WAIT,
    WITH_BODY,
    Json,
    answer,
    answers,
    header,
    parameter,
    problems,
    question,
    requests,
    role_list,
    roles,
    streams,
)
from natalog.gateway.openapi_schemas import record, ref, text
from natalog.gateway.roles import Call
from natalog.wire.kinds import RECORD_OF_KIND
from natalog.wire.schemas import SCHEMAS

_UNTOLD: Final[Json] = {
    "certificate_number": "M330123456",
    "status": "UNKNOWN",
    "usable": False,
    "used": False,
    "blacklisted": False,
    "invalidated": False,
    "contested": False,
    "claimed_by_me": False,
    "warnings": [],
    "check_id": "0192f3a1-5c00-7000-8000-000000000002",
    "as_of": {"token": "3.4711", "time": "2026-11-02T01:30:40.000Z"},
    "staleness_ms": 20_000,
}
"""What a caller cannot bring about by a request: the replica is too far behind, or cannot record the question."""
_UNTOLD_SUMMARY: Final = "Nobody can tell now: do not register, ask again."
_SCOPE: Final = "Scope: `unit_code` lies within the token's `org`."


def submission(name: str, kind: str) -> Json:
    """`POST` of one kind of record."""
    made = RECORD_OF_KIND[kind].__name__
    call = f"POST /v1/{name}"
    more = {
        "filing": f"`origin` BACKFILL: {roles(Call.BACKFILL)}.",
        "withdrawal": f"`action` APPROVE: {roles(Call.APPROVE_WITHDRAWAL)}, another person than the request.",
        "blacklist-change": "An `owner` outside the caller's prefecture or province is recorded as NOT_OWNER.",
        "invalidation": "An `issuer` outside the caller's `org` is recorded as NOT_OWNER.",
    }.get(kind, "")
    taken = [ref("Pending")] + ([ref("RangeTaken")] if kind in ranges.KINDS else [])
    lines = {"anyOf": [ref("Verdict"), *taken, ref("Problem")]}
    return {
        "operationId": name,
        "summary": SCHEMAS[made].newest.document["doc"],
        "description": f"Roles: {roles(Call(kind))}. {_SCOPE} {more}".strip(),
        "x-natalog-roles": role_list(Call(kind)),
        "parameters": [WAIT, LANGUAGE],
        "requestBody": {
            "required": True,
            "description": "One record; or as NDJSON one a line, any number of them, gzip if you like.",
            "content": {
                "application/json": {"schema": ref(made), "examples": requests(call)},
                "application/x-ndjson": {
                    "schema": text(f"One {made} a line."),
                    "examples": streams(call, answered=False),
                },
            },
        },
        "responses": {
            "200": {
                "description": "The verdict, from the committed ledger. For NDJSON: one a line, in order; a problem "
                "object for a bad line, a 202 object for one that is late.",
                "headers": {
                    "Natalog-As-Of": header("Natalog-As-Of"),
                    "Content-Language": header("Content-Language"),
                },
                "content": {
                    "application/json": {"schema": ref("Verdict"), "examples": answers(call, 200)},
                    "application/x-ndjson": {
                        "schema": text("Lines.", contentMediaType="application/json", contentSchema=lines),
                        "examples": streams(call, answered=True),
                    },
                },
            },
            "202": {
                "description": "Not on the ledger yet, or the outcome of the send is unknown"
                + ("; or a range was taken." if len(taken) > 1 else "."),
                "headers": {"Location": header("Location")},
                "content": {
                    "application/json": {
                        "schema": taken[0] if len(taken) == 1 else {"anyOf": taken},
                        "examples": answers(call, 202) or {"pending": {"value": PENDING}},
                    }
                },
            },
            **problems(call, *EVERYWHERE, *WITH_BODY, 422),
        },
    }


def report(name: str, kind: str) -> Json:
    """`POST` of one kind of report."""
    made = RECORD_OF_KIND[kind].__name__
    call = f"POST /v1/{name}"
    return {
        "operationId": name,
        "summary": SCHEMAS[made].newest.document["doc"],
        "description": f"Roles: {roles(Call(kind))}. {_SCOPE} Recorded, not judged.",
        "x-natalog-roles": role_list(Call(kind)),
        "parameters": [LANGUAGE],
        "requestBody": {
            "required": True,
            "description": "One report.",
            "content": {"application/json": {"schema": ref(made), "examples": requests(call)}},
        },
        "responses": {
            "202": answer("Recorded; there is no verdict.", ref("Recorded"), answers(call, 202)),
            **problems(call, *EVERYWHERE, *WITH_BODY),
        },
    }


def find() -> Json:
    """`GET /v1/submissions/{event_id}`."""
    return question(
        "GET /v1/submissions/{event_id}",
        "submission",
        "The original verdict of an event id, however old.",
        Call.SUBMISSIONS,
        "Scope: the record's unit lies within the token's `org`.",
        [parameter("event_id", "path", "Event id of the submission.", format="uuid")],
        {"200": ("The verdict.", ref("Verdict"))},
        404,
    )


def range_() -> Json:
    """`GET /v1/ranges/{range_id}`."""
    return question(
        "GET /v1/ranges/{range_id}",
        "range",
        "How many numbers of a range got which verdict.",
        Call.RANGES,
        "Scope: records of units within the token's `org` are counted. A 404 soon after the range was taken means that "
        "no number of it is decided yet.",
        [parameter("range_id", "path", "Event id of the range.", format="uuid")],
        {"200": ("The counts so far.", ref("RangeCounts"))},
        404,
    )


def blacklist() -> Json:
    """`GET /v1/blacklist`."""
    return question(
        "GET /v1/blacklist",
        "blacklist",
        "The caller's own blacklist entries, with their history.",
        Call.BLACKLIST,
        "Scope: entries whose owner lies within the token's `org`.",
        [
            parameter("owner", "query", "Only this prefecture's, GB/T 2260.", pattern="^[0-9]{6}$"),
            parameter("certificate_number", "query", "Only this number.", maxLength=64),
            parameter(
                "listed", "query", "true: what stands now; false: what was taken off.", enum=["true", "false"]
            ),
            parameter("after", "query", "`next` of the last page.", pattern="^[0-9]{6}[A-Z]?[0-9]{9}$"),
            {
                **parameter("limit", "query", "Entries of a page."),
                "schema": {"type": "integer", "minimum": 1, "maximum": reading.MAX_PAGE, "default": 100},
            },
        ],
        {"200": ("A page.", ref("Blacklist"))},
        422,
    )


def _with_untold(asked: Json, value: Json) -> Json:
    content = asked["responses"]["503"]["content"]["application/json"]
    content["examples"] = {"UNKNOWN": {"summary": _UNTOLD_SUMMARY, "value": value}}
    return asked


def status() -> Json:
    """`GET /v1/certificates/{number}`."""
    asked = question(
        "GET /v1/certificates/{number}",
        "certificate",
        "Whether a number is unused and not blacklisted (使用记录查询).",
        Call.STATUS,
        "Every query is recorded before it is answered. Scope: any number; `unit_code` within the token's `org`.",
        [parameter("number", "path", "Certificate number."), *ASKING],
        {
            "200": ("Its status.", ref("Status")),
            "503": (
                "Nobody can tell now: UNKNOWN, not usable; or a problem.",
                {"anyOf": [ref("Status"), ref("Problem")]},
            ),
        },
    )
    return _with_untold(asked, _UNTOLD)


def check() -> Json:
    """`POST /v1/certificates/check`."""
    numbers = {
        "type": "array",
        "items": {"type": "string", "maxLength": 64},
        "minItems": 1,
        "maxItems": reading.MAX_NUMBERS,
        "description": "Numbers to check.",
    }
    statuses = record(
        "One status for each number, in order.",
        certificates={"type": "array", "items": ref("Status"), "description": "In the order asked."},
    )
    call = "POST /v1/certificates/check"
    asked = question(
        call,
        "check",
        f"Status of up to {reading.MAX_NUMBERS:,} numbers.",
        Call.STATUS,
        "Recorded as one query. Scope: any number; `unit_code` within the token's `org`.",
        list(ASKING),
        {
            "200": ("Their status.", statuses),
            "503": ("At least one is UNKNOWN; or a problem.", {"anyOf": [statuses, ref("Problem")]}),
        },
        *WITH_BODY,
    )
    asked["requestBody"] = {
        "required": True,
        "description": "The numbers.",
        "content": {
            "application/json": {
                "schema": record("The numbers.", certificate_numbers=numbers),
                "examples": requests(call),
            }
        },
    }
    return _with_untold(asked, {"certificates": [_UNTOLD]})
