"""What the calls of the OpenAPI document are put together from: parameters, headers, problems, examples."""

from __future__ import annotations

from typing import Any, Final

from natalog.gateway import examples
from natalog.gateway.openapi_schemas import ref
from natalog.gateway.problems import MEDIA_TYPE
from natalog.gateway.roles import MAY, Call
from natalog.gateway.verdict import TOKEN_PATTERN

Json = dict[str, Any]

EVERYWHERE: Final = (400, 401, 403, 405, 408, 429, 431, 500, 503)
"""Statuses of problems every call may answer with."""
WITH_BODY: Final = (413, 415)
"""And those that take a body."""


def question(
    call: str,
    name: str,
    summary: str,
    right: Call,
    scope: str,
    parameters: list[Json],
    given: dict[str, tuple[str, Json]],
    *more: int,
) -> Json:
    """A call that changes nothing, all of it but its body."""
    responses = problems(call, *EVERYWHERE, *more)
    for status, (description, schema) in given.items():
        found = answer(description, schema, answers(call, int(status)))
        if status in responses:
            found["content"] |= responses[status]["content"]
            found["headers"] = responses[status]["headers"]
        responses[status] = found
    return {
        "operationId": name,
        "summary": summary,
        "description": f"Roles: {roles(right)}. {scope}",
        "x-natalog-roles": role_list(right),
        "parameters": [*parameters, LANGUAGE],
        "responses": responses,
    }


def requests(call: str) -> Json:
    """Bodies of a call's examples."""
    return {
        e.name: {"summary": e.summary, "value": e.body}
        for e in examples.of(call)
        if e.body is not None and e.status < 300
    }


def answers(call: str, status: int) -> Json:
    """A call's examples with this status."""
    return {
        e.name: {"summary": e.summary, "value": e.answer}
        for e in examples.of(call)
        if e.status == status and e.lines is None
    }


def streams(call: str, *, answered: bool) -> Json:
    """Bodies of a call's examples in NDJSON, or the answers to them and the line of one that is late."""
    shown = {
        e.name: {"summary": e.summary, "value": examples.ndjson((e.answer if answered else e.lines) or [])}
        for e in examples.of(call)
        if e.lines is not None
    }
    return shown | {"late": {"value": examples.ndjson([PENDING])}} if answered else shown


def answer(description: str, schema: Json, shown: Json) -> Json:
    """An answer in JSON."""
    return {
        "description": description,
        "content": {"application/json": {"schema": schema, "examples": shown}},
    }


def problems(call: str, *statuses: int) -> Json:
    """The problems a call may answer with, by status."""
    found: Json = {}
    for status in statuses:
        shown = answers(call, status)
        if not shown:  # an answer of this kind from another call says as much
            shown = {
                e.name: {"summary": e.summary, "value": e.answer}
                for e in examples.examples()
                if e.status == status and "type" in (e.answer or {})
            }
        shown |= {kind: {"value": value} for kind, value in examples.away(status).items()}
        headers = {"Content-Language": header("Content-Language")}
        if status in (429, 500, 503):
            headers["Retry-After"] = header("Retry-After")
        found[str(status)] = {
            "description": _MEANS[status],
            "headers": headers,
            "content": {MEDIA_TYPE: {"schema": ref("Problem"), "examples": shown}},
        }
    return found


def role_list(call: Call) -> list[str]:
    """Roles that may make the call."""
    return [role for role, calls in MAY.items() if call in calls]


def roles(call: Call) -> str:
    """The same as a text."""
    return ", ".join(role_list(call))


def parameter(name: str, place: str, description: str, **schema: Any) -> Json:
    """A parameter of type string unless `schema` says otherwise."""
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": "string", **schema},
    }


def header(name: str) -> Json:
    """Reference to a header every answer may share."""
    return {"$ref": f"#/components/headers/{name}"}


_MEANS: Final = {
    400: "The request cannot be taken: the body, a field or a parameter. Nothing was recorded.",
    401: "No token, or one that is not accepted. Nothing was recorded.",
    403: "The token's roles or its `org` do not allow this. Nothing was recorded.",
    404: "Nothing of the caller's organisation is known by this id.",
    405: "The address takes another method.",
    408: "Headers or body did not come in time. Nothing was recorded.",
    413: "The body is too large. Nothing was recorded.",
    415: "The media type or coding is not one this call takes. Nothing was recorded.",
    422: "The certificate number or range means nothing. Nothing was recorded.",
    429: "The caller is over its limit. Nothing was recorded; `Retry-After` says when to come again.",
    431: "Address and headers are too large. Nothing was recorded; the connection is closed.",
    500: "The gateway failed; the record may have been sent. Send it again under the same event_id.",
    503: "Kafka is away, the gateway is starting or its queue is full. Send again after `Retry-After`.",
}
HEADERS: Final = {
    "Location": {"description": "Where to ask for the verdict.", "schema": {"type": "string"}},
    "Natalog-As-Of": {
        "description": "Token for `after`: a status that has seen this verdict.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "Content-Language": {"description": "Of the sentences.", "schema": {"type": "string"}},
}
PENDING: Final = {
    "event_id": "0192f3a1-5c00-7000-8000-000000000001",
    "status": 202,
    "location": "/v1/submissions/0192f3a1-5c00-7000-8000-000000000001",
}
WAIT: Final = {
    **parameter(
        "wait", "query", "Seconds to wait for the verdict, at most 60; `Prefer: wait=` does the same."
    ),
    "schema": {"type": "number", "minimum": 0},
}
LANGUAGE: Final = parameter("Accept-Language", "header", "en or zh; both languages without it.")
ASKING: Final = (
    parameter(
        "after",
        "query",
        "Token (`Natalog-As-Of`, `as_of.token`) the answer must have seen.",
        pattern=TOKEN_PATTERN,
    ),
    WAIT,
    parameter("unit_code", "query", "Unit that asks, within the token's org; otherwise the org itself."),
    parameter("Natalog-Purpose", "header", "Why; recorded. An opaque reference, ASCII.", maxLength=128),
    parameter(
        "Natalog-Officer", "header", "Opaque reference of the officer; recorded. ASCII.", maxLength=128
    ),
)
