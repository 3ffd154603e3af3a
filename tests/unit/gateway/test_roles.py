"""Who may call what: the table of docs/gateway.md, played call by call, role by role, in and out of scope."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from natalog.events import Principal
from natalog.gateway.app import build
from natalog.gateway.auth import Caller
from natalog.gateway.body import Bounds
from natalog.gateway.desk import Answer
from natalog.gateway.limits import Limits
from natalog.gateway.roles import MAY, Call, allowed

_DOC = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")
UNIT, OTHER = "330106520000", "340102520000"

_PHRASES = {
    "claims": {Call.CLAIM},
    "releases": {Call.RELEASE},
    "completions": {Call.COMPLETION},
    "filings": {Call.FILING},
    "withdrawals (request)": {Call.WITHDRAWAL},
    "withdrawals (request, approve)": {Call.WITHDRAWAL, Call.APPROVE_WITHDRAWAL},
    "status": {Call.STATUS},
    "own submissions": {Call.SUBMISSIONS},
    "own ranges": {Call.RANGES},
    "own blacklist": {Call.BLACKLIST},
    "heartbeats": {Call.HEARTBEAT},
    "daily counts": {Call.DAILY_COUNT},
    "backfill": {Call.BACKFILL},
    "blacklist changes": {Call.BLACKLIST_CHANGE},
    "invalidations": {Call.INVALIDATION},
    "every read": {Call.STATUS, Call.SUBMISSIONS, Call.RANGES, Call.BLACKLIST},
    "health": set(),
    "metrics": set(),
    "nothing that changes a number": set(),
}


def documented() -> dict[str, set[Call]]:
    """The table, phrase by phrase; an unknown phrase is an error."""
    table: dict[str, set[Call]] = {}
    rows = re.findall(
        r"^\| ([a-z_, ]+) \| (.+) \|$", _DOC.split("## Who may call what")[1].split("\n## ")[0], re.M
    )
    for roles, text in rows[1:]:
        for part in text.split("; "):
            found = re.match(r"(\w+) also ", part)
            of = [found[1]] if found else roles.split(", ")
            phrases = re.split(r", (?![^(]*\))", part[found.end() :] if found else part)
            for role in of:
                for phrase in phrases:
                    table.setdefault(role, set()).update(_PHRASES[phrase])
    return table


def test_the_table_in_the_code_is_the_documented_one() -> None:
    assert documented() == {role: set(calls) for role, calls in MAY.items()}


def record(**more: Any) -> dict[str, Any]:
    return {"event_id": str(uuid.uuid4()), "certificate_number": "M330123456", "unit_code": UNIT, **more}


_REGISTRATION = {"registration_id": "R-1", "registered_at": "2026-11-01T09:30:00+08:00"}
_WITHDRAWAL = {"registration_id": "R-1", "cause": "DUPLICATE"}
_REPORT = {"occurred_at": "2026-11-01T09:30:00+08:00"}
_ID = "0192f3a1-5c00-7000-8000-000000000001"
REQUESTS: dict[str, tuple[set[Call], str, str, dict[str, Any] | None]] = {
    "claim": ({Call.CLAIM}, "POST", "/v1/claims", record()),
    "release": ({Call.RELEASE}, "POST", "/v1/releases", record()),
    "completion": ({Call.COMPLETION}, "POST", "/v1/completions", record(**_REGISTRATION)),
    "filing": ({Call.FILING}, "POST", "/v1/filings", record(**_REGISTRATION)),
    "backfill": (
        {Call.BACKFILL, Call.FILING},
        "POST",
        "/v1/filings",
        record(**_REGISTRATION, origin="BACKFILL"),
    ),
    "withdrawal": ({Call.WITHDRAWAL}, "POST", "/v1/withdrawals", record(**_WITHDRAWAL, action="REQUEST")),
    "approval": (
        {Call.APPROVE_WITHDRAWAL},
        "POST",
        "/v1/withdrawals",
        record(**_WITHDRAWAL, action="APPROVE", request_id=_ID),
    ),
    "listing": (
        {Call.BLACKLIST_CHANGE},
        "POST",
        "/v1/blacklist-changes",
        record(action="ADD", cause="LOST", owner="330100"),
    ),
    "void": (
        {Call.INVALIDATION},
        "POST",
        "/v1/invalidations",
        record(action="VOID", cause="ERROR", issuer="330100"),
    ),
    "heartbeat": (
        {Call.HEARTBEAT},
        "POST",
        "/v1/heartbeats",
        {**_REPORT, "event_id": _ID, "unit_code": UNIT, "agent_version": "1", "spooled": 0},
    ),
    "count": (
        {Call.DAILY_COUNT},
        "POST",
        "/v1/daily-counts",
        {
            **_REPORT,
            "event_id": _ID,
            "unit_code": UNIT,
            "counted_on": "2026-11-01",
            "registrations": 1,
            "exempt": 0,
        },
    ),
    "status": ({Call.STATUS}, "GET", f"/v1/certificates/M330123456?unit_code={UNIT}", None),
    "check": (
        {Call.STATUS},
        "POST",
        f"/v1/certificates/check?unit_code={UNIT}",
        {"certificate_numbers": ["M330123456"]},
    ),
    "submission": ({Call.SUBMISSIONS}, "GET", f"/v1/submissions/{_ID}", None),
    "range": ({Call.RANGES}, "GET", f"/v1/ranges/{_ID}", None),
    "blacklist": ({Call.BLACKLIST}, "GET", "/v1/blacklist", None),
}
"""What is asked, and any of which rights opens it (a backfill an adapter may send is a filing to a station)."""


class Desk:
    def refuse_when_closed(self) -> None: ...

    def send(self, prepared: Any) -> Any:
        return prepared

    async def answer(self, sent: Any, deadline: float) -> Answer:
        return Answer(200, b"{}")

    async def find(self, event_id: Any, caller: Any, language: Any) -> Answer:
        return Answer(200, b"{}")


class Inquiry:
    async def ask(self, asking: Any, numbers: Any, *, tell: bool) -> Any:
        return True, [{}]


async def _report(kind: str, content: Any, caller: Caller) -> str:
    from natalog.gateway.reports import report

    class Producer:
        def send(self, *args: Any) -> None:
            args[-1](0)

    return await report(Producer(), kind, content, caller)  # type: ignore[arg-type]


class Verifier:
    """Believes `Bearer role org`."""

    async def caller(self, authorization: str | None) -> Caller:
        assert authorization is not None
        role, org = authorization.removeprefix("Bearer ").split(" ")
        return Caller(Principal(sub="x", org=org, roles=(role,)), allowed([role]), 4e9)


PARTS: Any = SimpleNamespace(
    verifier=Verifier(),
    limits=Limits(rate=0, streams=0),
    bounds=Bounds(record=10_000, stream=10_000, seconds=5),
    desk=Desk(),
    inquiry=Inquiry(),
    listings=SimpleNamespace(range_counts=lambda *args: {}, blacklist=lambda question: {}),
    report=_report,
    ready=lambda: None,
    wait=1.0,
)


async def _ask(method: str, path: str, body: Any, role: str, org: str) -> httpx.Response:
    transport = httpx.ASGITransport(build(lambda: PARTS))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.request(
            method, path, json=body, headers={"Authorization": f"Bearer {role} {org}"}
        )


@pytest.mark.parametrize("role", [*MAY, "registrar", "nobody"])
@pytest.mark.parametrize("name", list(REQUESTS))
def test_every_call_with_every_role(name: str, role: str) -> None:
    rights, method, path, body = REQUESTS[name]
    reply = asyncio.run(_ask(method, path, body, role, "330000"))
    if rights & documented().get(role, set()):
        assert reply.status_code in (200, 202), reply.text
    else:
        assert (reply.status_code, reply.json()["type"]) == (403, "urn:natalog:problem:role")


SCOPED = [
    name
    for name, (_, _, path, body) in REQUESTS.items()
    if "unit_code" in path or "unit_code" in (body or {})
]


ORGS: dict[str, tuple[set[str], set[str]]] = {
    # a common province: station, county, prefecture, province
    UNIT: ({UNIT, "330106", "330100", "330000"}, {OTHER, "330105", "330200", "340000", "000000", "660000"}),
    # a municipality is its own prefecture, and its districts have none between
    "110105520000": (
        {"110105520000", "110105", "110000"},
        {"110105530000", "110106", "110100", "120000", "310000"},
    ),
    "120225520000": ({"120225", "120000"}, {"120200", "120101", "110000"}),
    "310115520000": ({"310115", "310000"}, {"310100", "310104", "320000"}),
    "500229520000": ({"500229", "500000"}, {"500200", "500100", "500101", "510000"}),
    # counties and cities directly under their province, beside every prefecture of it
    "419001520000": ({"419001", "410000"}, {"419000", "410100", "429004"}),
    "429021520000": ({"429021", "420000"}, {"429000", "429004", "420100"}),
    "469005520000": ({"469005", "460000"}, {"469000", "469006", "460100"}),
    "659001520000": ({"659001", "650000"}, {"659000", "659002", "650100", "660000", "660800"}),
    # the Bingtuan: a province of its own beside Xinjiang
    "660801520000": ({"660801", "660800", "660000"}, {"660100", "650000", "659001"}),
}
"""Units with orgs that contain them, and orgs that do not."""


@pytest.mark.parametrize(
    ("unit", "org", "inside"),
    [
        (unit, org, inside)
        for unit, orgs in ORGS.items()
        for inside, some in zip((True, False), orgs, strict=True)
        for org in sorted(some)
    ],
)
@pytest.mark.parametrize("name", SCOPED)
def test_every_call_inside_and_outside_of_the_org(name: str, unit: str, org: str, inside: bool) -> None:
    rights, method, path, body = REQUESTS[name]
    if body is not None and "unit_code" in body:
        body = {**body, "unit_code": unit}
    for role in (role for role, calls in MAY.items() if rights & calls):
        reply = asyncio.run(_ask(method, path.replace(UNIT, unit), body, role, org))
        if inside:
            assert reply.status_code in (200, 202), (role, reply.text)
        else:
            assert (reply.status_code, reply.json()["type"]) == (403, "urn:natalog:problem:scope"), role


def test_the_calls_with_a_unit_are_all_that_could_be_out_of_scope() -> None:
    # What has no unit in its request is narrowed in its answer: see test_listings and test_submissions.
    assert set(REQUESTS) - set(SCOPED) == {"submission", "range", "blacklist"}
