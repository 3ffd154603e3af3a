"""The way past the router answers exactly as the route it stands for."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from natalog import metrics
from natalog.gateway import front
from natalog.gateway.app import build
from natalog.gateway.limits import Limits
from natalog.gateway.status import Status, find
from natalog.status.detail import Detail
from natalog.status.view import PLAINLY_USED
from tests.unit.gateway.test_roles import PARTS

TOKEN = {"Authorization": "Bearer station 330000"}


class Faulty:
    async def ask(self, asking: Any, numbers: list[str], *, tell: bool) -> Any:
        if numbers[0] == "M330000000":
            raise ValueError(numbers[0])
        return numbers[0] != "M330000001", [{"certificate_number": numbers[0], "who": asking.unit}]


def parts(**more: Any) -> Any:
    return SimpleNamespace(**{**vars(PARTS), "inquiry": Faulty(), **more})


def told(app: Any, method: str, path: str, headers: dict[str, str]) -> tuple[Any, ...]:
    async def play() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            return await client.request(method, path, headers=headers)

    reply = asyncio.run(play())
    return reply.status_code, sorted(reply.headers.items()), reply.content


REQUESTS = {
    "found": ("GET", "M330123456", TOKEN),
    "in Chinese": ("GET", "M330123456?unit_code=999999999999", {**TOKEN, "Accept-Language": "zh"}),
    "not to be told": ("GET", "M330000001", TOKEN),
    "a fault": ("GET", "M330000000", TOKEN),
    "for another unit": ("GET", "M330123456?unit_code=330106520000", TOKEN),
    "an officer's citizen ID": ("GET", "M330123456", {**TOKEN, "Natalog-Officer": "110101199003078515"}),
    "not by this role": ("GET", "M330123456", {"Authorization": "Bearer nobody 330000"}),
    "encoded": ("GET", "%EF%BC%AD330123456%20", TOKEN),
    "long": ("GET", "x" * 200, TOKEN),
    "the name of another call": ("GET", "check", TOKEN),
    "deeper": ("GET", "M330123456/x", TOKEN),
    "nothing": ("GET", "", TOKEN),
    "another method": ("DELETE", "M330123456", TOKEN),
    "the head": ("HEAD", "M330123456", TOKEN),
}


@pytest.mark.parametrize("name", list(REQUESTS))
def test_it_answers_as_the_route_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method, path, headers = REQUESTS[name]
    taken: list[bool] = []
    through = Starlette.__call__

    async def routed(self: Starlette, scope: Any, receive: Any, send: Any) -> None:
        taken.append(True)
        await through(self, scope, receive, send)

    monkeypatch.setattr(Starlette, "__call__", routed)
    short = told(build(parts), method, f"/v1/certificates/{path}", headers)
    assert bool(taken) == (method != "GET" or path in ("", "M330123456/x"))
    monkeypatch.setattr(front, "CERTIFICATE", "/nowhere/")
    assert told(build(parts), method, f"/v1/certificates/{path}", headers) == short


def test_it_is_measured_logged_and_limited(caplog: pytest.LogCaptureFixture) -> None:
    labels = {"method": "GET", "route": "/v1/certificates/{number}", "status": "429"}
    limited = parts(limits=Limits(rate=0.001, streams=0))
    before = metrics.GATEWAY.get_sample_value("natalog_gateway_request_seconds_count", labels) or 0
    app = build(lambda: limited)
    with caplog.at_level(logging.INFO, "natalog.gateway.access"):
        statuses = [told(app, "GET", "/v1/certificates/M330123456", TOKEN)[0] for _ in range(2)]
    assert statuses == [200, 429]
    assert metrics.GATEWAY.get_sample_value("natalog_gateway_request_seconds_count", labels) == before + 1
    logged = [(r.method, r.route, r.status) for r in caplog.records]  # type: ignore[attr-defined]
    assert logged == [("GET", "/v1/certificates/{number}", status) for status in statuses]
    assert "M330123456" not in caplog.text


@pytest.mark.parametrize("number", ["M330123456", "M990123456", "330123456"])
def test_a_number_that_is_only_used_is_found_as_any_other(number: str) -> None:
    used = Detail()
    used.used = True
    assert find(number, PLAINLY_USED, 0, "330106520000") == find(number, used, 0, "330106520000")
    nothing = find(number, Detail(), 0, "330106520000")
    assert find(number, None, 0, "330106520000") == nothing
    assert nothing.status is Status.UNUSED
