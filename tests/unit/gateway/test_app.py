"""The application around the routes: limits, faults, unknown addresses, the page."""

from __future__ import annotations

import asyncio
import html.parser
import logging
import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from natalog.gateway.app import build
from natalog.gateway.limits import Limits
from natalog.gateway.parameters import taken
from natalog.logs import JsonLines
from tests.unit.gateway.test_roles import PARTS


def ask(parts: Any, method: str, path: str, times: int = 1, **more: Any) -> list[httpx.Response]:
    async def play() -> list[httpx.Response]:
        transport = httpx.ASGITransport(build(lambda: parts), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            headers = {"Authorization": "Bearer station 330000", **more.pop("headers", {})}
            return [await client.request(method, path, headers=headers, **more) for _ in range(times)]

    return asyncio.run(play())


def with_parts(**more: Any) -> Any:
    return SimpleNamespace(**{**vars(PARTS), **more})


def test_a_caller_over_its_limit_is_told_when_to_come_again() -> None:
    parts = with_parts(limits=Limits(rate=1, streams=0))
    replies = ask(parts, "GET", "/v1/certificates/M330123456", times=3, headers={"Accept-Language": "zh"})
    assert [r.status_code for r in replies] == [200, 200, 429]
    assert replies[2].headers["retry-after"] == "1"
    assert replies[2].headers["content-language"] == "zh"
    assert replies[2].json()["type"] == "urn:natalog:problem:too-many"
    assert "每秒" in replies[2].json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "field", "says"),
    [
        ("GET", "certificates/M330123456?afer=1.2", "afer", "Did you mean after?"),
        ("GET", "certificates/M330123456?unit=330106520000", "unit", "Did you mean unit_code?"),
        ("POST", "certificates/check?After=1.2", "After", "Did you mean after?"),
        ("GET", "certificates/M330123456?after=1.2&after=1.3", "after", "Send each parameter once."),
        ("POST", "claims?x=1", "x", "Leave it out; this call takes wait."),
        ("POST", "heartbeats?wait=1", "wait", "this call takes none"),
        ("GET", "blacklist?onwer=330100", "onwer", "Did you mean owner?"),
        ("GET", "ranges/0192f3a1-5c00-7000-8000-000000000001?a", "a", "this call takes none"),
        ("GET", "certificates/M330123456?%E5%BC%A0%E4%B8%89=1", "?", "Leave it out; this call takes"),
        ("GET", "certificates/M330123456?110101199003077758", "?", "Leave it out; this call takes"),
    ],
)
def test_a_parameter_that_a_call_does_not_take_is_told_and_not_ignored(
    method: str, path: str, field: str, says: str
) -> None:
    """Ignored it would answer another question: a misspelt `after` without what the caller has just sent."""
    headers = {"Authorization": "Bearer adapter 330000", "Accept-Language": "en"}
    (reply,) = ask(PARTS, method, f"/v1/{path}", headers=headers)
    problem = reply.json()
    assert (reply.status_code, problem["type"]) == (400, "urn:natalog:problem:bad-field"), problem
    assert problem["field"] == field
    assert says in problem["suggestion"]
    assert "1101" not in reply.text
    (reply,) = ask(PARTS, method, f"/v1/{path}", headers=headers | {"Accept-Language": "zh"})
    assert re.search("[\u4e00-\u9fff]", reply.json()["suggestion"])


@pytest.mark.parametrize("name", ["Authorization", "Natalog-Purpose", "Natalog-Officer"])
def test_who_asks_and_why_is_said_once(name: str) -> None:
    """Of two values one would count and be recorded, and a proxy may go by the other."""
    headers = [("Authorization", "Bearer station 330000"), ("Natalog-Purpose", "a"), ("Natalog-Officer", "b")]

    async def play(more: list[tuple[str, str]]) -> httpx.Response:
        transport = httpx.ASGITransport(build(lambda: PARTS), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.get("/v1/certificates/M330123456", headers=[*headers, *more])

    assert asyncio.run(play([])).status_code == 200
    reply = asyncio.run(play([(name, "Bearer station 110000")]))
    assert (reply.status_code, reply.json()["field"]) == (400, name)
    assert "110000" not in reply.text


def test_parameters_that_a_call_takes_are_those_of_its_description() -> None:
    assert taken("/v1/certificates/{number}") == ("after", "wait", "unit_code")
    assert taken("/v1/claims") == ("wait",)
    assert taken("/v1/submissions/{event_id}") == ()


@pytest.mark.parametrize("path", ["claims", "heartbeats", "certificates/check"])
def test_bodies_of_a_caller_are_bounded_together(path: str) -> None:
    parts = with_parts(limits=Limits(rate=0, streams=0, held=1_000))
    headers = {"Authorization": "Bearer adapter 330000"}
    large, small = ask(parts, "POST", f"/v1/{path}", content=b"x" * 1_001, headers=headers) + ask(
        parts, "POST", f"/v1/{path}", content=b"x" * 999, headers=headers
    )
    assert (large.status_code, large.json()["type"]) == (429, "urn:natalog:problem:too-many")
    assert small.status_code == 400


def test_a_fault_tells_nobody_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    class Desk:
        def refuse_when_closed(self) -> None: ...

        def send(self, prepared: Any) -> None:
            raise ValueError(f"cannot send {prepared.number}")

        async def answer(self, sent: Any, deadline: float) -> None: ...

    record = {"event_id": "0192f3a1-5c00-7000-8000-000000000001", "certificate_number": "M330123456",
              "unit_code": "330106520000"}  # fmt: skip
    with caplog.at_level(logging.INFO):
        (reply,) = ask(with_parts(desk=Desk()), "POST", "/v1/claims", json=record)
    assert (reply.status_code, reply.headers["retry-after"]) == (500, "5")
    assert reply.json()["type"] == "urn:natalog:problem:internal"
    logged = "".join(JsonLines("gateway").format(r) for r in caplog.records if r.name.startswith("natalog"))
    assert "ValueError" in logged
    assert "test_app.py" in logged  # the place is told
    assert "M330123456" not in reply.text + logged


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/", 404), ("GET", "/v1/claims", 405), ("DELETE", "/v1/filings", 405),
     ("POST", "/v1/blacklist", 405), ("GET", "/v1/claims/", 404), ("POST", "/v1/claims/", 404), ("GET", "/docs/", 404),
     ("GET", "/v1/certificates/", 404), ("GET", "/v1/certificates/M330123456/", 404)],
)  # fmt: skip
def test_addresses_that_are_none(method: str, path: str, status: int) -> None:
    (reply,) = ask(PARTS, method, path)
    assert (reply.status_code, reply.json()["status"]) == (status, status)
    assert reply.headers["content-type"] == "application/problem+json"
    assert ("allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize("path", ["claims", "heartbeats", "certificates/check"])
@pytest.mark.parametrize("media", ["text/plain", "application/jsonx", "multipart/form-data; boundary=x", ""])
def test_a_body_of_another_media_type_is_not_read(path: str, media: str) -> None:
    headers = {"Authorization": "Bearer adapter 330000", "Content-Type": media, "Accept-Language": "zh"}
    (reply,) = ask(PARTS, "POST", f"/v1/{path}", content=b"{}", headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (415, "urn:natalog:problem:wrong-media-type")
    assert re.search("请以?(发送)?application/json", reply.json()["detail"])
    headers["Content-Type"] = "application/JSON; charset=utf-8"
    (reply,) = ask(PARTS, "POST", f"/v1/{path}", content=b"{}", headers=headers)
    assert reply.status_code == 400


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elsewhere: list[str] = []
        self.anchors: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value)
            if name in ("src", "href"):
                if value.startswith("#"):
                    self.links.add(value[1:])
                else:
                    self.elsewhere.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_from_elsewhere_and_links_to_what_is_there() -> None:
    (reply,) = ask(PARTS, "GET", "/docs")
    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    page = Page()
    page.feed(reply.text)
    assert page.open == []
    assert page.elsewhere == ["openapi.json"]
    assert page.links <= page.anchors
    assert "<script" not in reply.text
    assert "http://" not in reply.text
    assert "https://" not in reply.text
    for told in ("POST", "/v1/blacklist-changes", "SUCCEEDS_USED", "urn:natalog:problem:citizen-id", "号段"):
        assert told in reply.text
