"""The OpenAPI document: complete, and its examples are what it says they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from natalog.decision.codes import REASONS, Code
from natalog.gateway import openapi
from natalog.gateway.app import routes
from natalog.gateway.examples import away, examples
from natalog.gateway.problems import TITLES
from natalog.gateway.roles import MAY, Call
from natalog.gateway.status import WARNINGS, Status

_DOC = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = orjson.loads(openapi.document())
_BY_GATEWAY_ONLY = {"MISROUTED"}
"""Reasons that no record sent through a gateway can get."""


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=FormatChecker()
    )


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            name = f"{method} {path}"
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{name} {media}", content
            for status, answer in operation["responses"].items():
                for media, content in answer["content"].items():
                    yield f"{name} {status} {media}", content


@pytest.mark.parametrize(("name", "content"), list(contents()), ids=lambda v: v if isinstance(v, str) else "")
def test_examples_are_valid(name: str, content: dict[str, Any]) -> None:
    check = validator(content["schema"])
    for shown in content.get("examples", {}).values():
        assert not list(check.iter_errors(shown["value"])), name


def test_every_route_is_described_and_nothing_else() -> None:
    every = routes(lambda: pytest.fail("not asked"))
    served = {(m.lower(), r.path) for r in every for m in r.methods or () if m != "HEAD"}
    described = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert served - described == {("get", "/openapi.json"), ("get", "/docs")}
    assert described <= served


def undescribed(schema: Any, path: str = "") -> Iterator[str]:
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            if not ("$ref" in inner or inner.get("description")):
                yield f"{path}.{name}"
        for name, inner in schema.items():
            yield from undescribed(inner, f"{path}.{name}")
    elif isinstance(schema, list):
        for inner in schema:
            yield from undescribed(inner, path)


def test_every_field_is_described() -> None:
    assert list(undescribed(DOCUMENT)) == []
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert all(p["description"] for p in operation.get("parameters", ())), path


def test_every_verdict_and_every_error_has_an_example() -> None:
    shown = orjson.dumps(
        [e.answer for e in examples()] + [away(s) for s in (400, 408, 429, 431, 500, 503)]
    ).decode()
    reasons = {code.code for code in REASONS if code.code} - _BY_GATEWAY_ONLY
    assert {r for r in reasons if f'"reason":"{r}"' not in shown} == set()
    assert {k for k in TITLES if f"urn:natalog:problem:{k}" not in shown} == set()
    statuses = DOCUMENT["paths"]["/v1/certificates/{number}"]["get"]["responses"]["200"]["content"]
    told = {e["value"]["status"] for e in statuses["application/json"]["examples"].values()}
    assert told == set(Status) - {Status.UNKNOWN}
    warned = {w for e in statuses["application/json"]["examples"].values() for w in e["value"]["warnings"]}
    assert warned == {code.code for code in WARNINGS}


@pytest.mark.parametrize("code", WARNINGS, ids=lambda code: code.code)
def test_every_warning_is_explained_where_integrators_read(code: Code) -> None:
    told = DOCUMENT["components"]["schemas"]["Status"]["properties"]["warnings"]["description"]
    assert f"{code.code} ({code.zh}): {code.text}" in told
    assert f"| {code.code} {code.zh} | {code.text} |" in _DOC


def test_a_status_nobody_can_tell_has_an_example() -> None:
    for method, path in (("get", "/v1/certificates/{number}"), ("post", "/v1/certificates/check")):
        answer = DOCUMENT["paths"][path][method]["responses"]["503"]["content"]["application/json"]
        shown = answer["examples"]["UNKNOWN"]["value"]
        (status,) = shown.get("certificates", [shown])
        assert (status["status"], status["usable"]) == ("UNKNOWN", False)


def test_roles_and_scope_are_stated() -> None:
    stated = set()
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            if path.startswith("/v1/"):
                assert "Roles: " in operation["description"], path
                assert "Scope: " in operation["description"], path
                assert set(operation["x-natalog-roles"]) <= MAY.keys()
                stated |= set(operation["x-natalog-roles"])
    assert stated == MAY.keys()
    assert DOCUMENT["paths"]["/v1/invalidations"]["post"]["x-natalog-roles"] == [
        role for role, calls in MAY.items() if Call.INVALIDATION in calls
    ]
