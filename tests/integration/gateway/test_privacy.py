"""I8: recognisable personal data through every field of every call, then a search of everything that is kept.

Each field gets marks of its own, so that what is found tells where it came in: a name, the same in Latin letters, and
a citizen ID.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from confluent_kafka import Producer

from natalog.events import Entry
from natalog.gateway.reports import KINDS as REPORTS
from natalog.gateway.submission import KINDS
from natalog.wire.codec import decode
from natalog.wire.kinds import RECORD_OF_KIND
from natalog.wire.schemas import SCHEMAS
from natalog.wire.topics import TOPICS
from tests.integration.gateway.stack import UNIT, Service, Stack, eventually, filing, moment, number
from tests.integration.gateway.topics import all_records

pytestmark = [pytest.mark.slow]

# Fields of free text that schemas allow for references and codes: docs/gateway.md tells senders what not to put there.
FREE = {
    "certificate_number", "replaced_by", "basis_ref", "case_ref", "evidence_ref", "over_six.approval_ref", "gate",
    "key_id", "exemption", "agent_version", "child_token", "mother_token", "father_token", "registration_id",
    "Natalog-Purpose", "Natalog-Officer",
}  # fmt: skip
NEVER_A_CITIZEN_ID = {
    "certificate_number",
    "replaced_by",
    "registration_id",
    "Natalog-Purpose",
    "Natalog-Officer",
}


@dataclass
class Marks:
    """Hands out marks and remembers where each was put."""

    put: dict[str, str] = field(default_factory=dict)
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def make(self, where: str) -> list[str]:
        n = next(self._serial)
        made = [f"欧阳小宝{n}", f"OuyangXiaobao{n}", f"1101011990{n // 1000:02d}07{n % 1000:03d}X"]
        self.put |= dict.fromkeys(made, where)
        return made

    def found(self, haystack: bytes) -> dict[str, str]:
        """Marks in some bytes, in UTF-8, as JSON escapes or percent-encoded, and the fields they were put into."""
        return {
            mark: where
            for mark, where in self.put.items()
            if any(form in haystack for form in (mark.encode(), _escaped(mark), quote(mark).encode()))
        }


def _escaped(mark: str) -> bytes:
    return "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in mark).encode()


_MORE: dict[str, dict[str, Any]] = {
    "completion": {"registration_id": "R", "registered_at": moment(minutes=1)},
    "withdrawal": {"registration_id": "R", "action": "REQUEST", "cause": "DUPLICATE"},
    "blacklist-change": {"action": "ADD", "cause": "LOST", "owner": "330100"},
    "invalidation": {"action": "VOID", "cause": "ERROR", "issuer": "330100"},
    "heartbeat": {"agent_version": "1", "spooled": 0, "occurred_at": moment(minutes=1)},
    "daily-count": {
        "counted_on": "2026-11-01",
        "registrations": 1,
        "exempt": 0,
        "occurred_at": moment(minutes=1),
    },
}
_ROLE = {"blacklist-change": "prefecture_admin", "invalidation": "health_authority", "heartbeat": "adapter",
         "daily-count": "adapter"}  # fmt: skip


def valid(kind: str) -> dict[str, Any]:
    record = filing(number()) if kind == "filing" else {"event_id": str(uuid.uuid4()), "unit_code": UNIT}
    if kind not in ("filing", *REPORTS.values()):
        record["certificate_number"] = number()
    return record | _MORE.get(kind, {})


def spoiled(kind: str, marks: Marks) -> Iterator[dict[str, Any]]:
    """A record for every field and mark, the mark in that field; and for fields that do not exist."""
    for name in (f.name for f in SCHEMAS[RECORD_OF_KIND[kind].__name__].newest.type.fields):
        for mark in marks.make(name):
            if name == "sealed":
                yield valid(kind) | {name: base64.b64encode(mark.encode()).decode(), "key_id": "k"}
            yield valid(kind) | {name: mark}
            yield valid(kind) | {name: {"name": mark}}
            yield valid(kind) | {name: [mark]}
    if kind == "filing":
        for mark in marks.make("over_six.approval_ref"):
            yield valid(kind) | {"over_six": {"approval_ref": mark}}
    for mark in marks.make("unknown field"):
        yield valid(kind) | {"XM": mark}
        yield valid(kind) | {mark: "x"}
    for mark in marks.make("range"):
        yield {k: v for k, v in valid(kind).items() if k != "certificate_number"} | {
            "range": {"first": mark, "last": mark}
        }


def shows(reply: httpx.Response) -> bytes:
    return reply.content + repr(reply.headers.raw).encode()


def send_everything(stack: Stack, marks: Marks) -> list[bytes]:
    """Sends it all; what came back as errors."""
    errors = []

    def note(reply: httpx.Response) -> None:
        for _ in range(20):  # a machine under load may answer a sample too late
            if reply.status_code != 503:
                break
            time.sleep(1)
            reply = stack.client.send(reply.request)
        assert reply.status_code < 500, reply.text
        if reply.status_code >= 400:
            errors.append(shows(reply))

    for path, kind in {**KINDS, **REPORTS}.items():
        role, org = _ROLE.get(kind, "station"), "330100"
        records = list(spoiled(kind, marks))
        if kind in KINDS.values():
            for answer in stack.lines(path, records, role=role, org=org):
                if "verdict" not in answer and "location" not in answer:
                    errors.append(orjson.dumps(answer))
        for record in records if kind in REPORTS.values() else records[:: 9 if kind == "filing" else 5]:
            note(stack.post(path, record, role=role, org=org))
        for mark in marks.make("broken body"):
            headers = stack.headers(role, org) | {"Content-Type": "application/json"}
            for body in (
                f'{{"event_id": "{mark}", ',
                f'{{"{mark}": 1, "{mark}": 2}}',
                f'{{"a": "{mark}\udcff"}}',
                '{"a":' * 50 + f'"{mark}"' + "}" * 50,
                mark,
            ):
                raw = body.encode("utf-8", "surrogateescape")
                note(stack.client.post(f"/v1/{path}", content=raw, headers=headers))
                note(
                    stack.client.post(
                        f"/v1/{path}", content=raw, headers=headers | {"Content-Encoding": "gzip"}
                    )
                )
    for mark in marks.make("address"):
        for path in ("certificates", "submissions", "ranges", "nothing", f"claims/{mark}"):
            note(stack.get(f"{path}/{mark}", role="auditor", org="330000"))
        for name in ("unit_code", "after", "wait", mark):
            note(stack.get(f"certificates/{number()}", **{name: mark}))
        for name in ("owner", "certificate_number", "listed", "after", "limit"):
            note(stack.get("blacklist", role="prefecture_admin", org="330100", **{name: mark}))
        note(stack.post("certificates/check", {"certificate_numbers": [mark, number()]}))
        note(stack.post("certificates/check", {"certificate_numbers": mark}))
    for name in ("Natalog-Purpose", "Natalog-Officer", "Content-Type", "Content-Encoding", "Prefer", "Accept-Language",
                 "X-Anything", "Authorization", "User-Agent", "Content-Length"):  # fmt: skip
        for mark in marks.make(name)[1:]:  # headers are ASCII
            headers = stack.headers() | (
                {name: mark} if name != "Authorization" else {name: f"Bearer {mark}"}
            )
            if name == "Content-Length":
                continue
            note(stack.client.get(f"/v1/certificates/{number()}", headers=headers))
            note(stack.client.post("/v1/claims", content=orjson.dumps(valid("claim")), headers=headers))
    for mark in marks.make("token"):
        note(stack.client.get("/v1/blacklist", headers=stack.headers(sub=mark)))
        note(stack.client.get("/v1/blacklist", headers=stack.headers(org=mark)))
        note(stack.client.get("/v1/blacklist", headers=stack.headers(role=mark)))
    return errors


def texts(record: Any, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Every text and bytes field of a record with its path."""
    for f in dataclasses.fields(record):
        value = getattr(record, f.name)
        at = f"{path}{f.name}"
        if isinstance(value, bytes):
            yield at, value
        elif dataclasses.is_dataclass(value):
            yield from texts(value, f"{at}.")
        elif isinstance(value, tuple):
            for item in value:
                yield from (
                    texts(item, f"{at}.") if dataclasses.is_dataclass(item) else [(at, str(item).encode())]
                )
        elif value is not None:
            yield at, str(value).encode()


def _is_halted(service: Service) -> bool:
    return "partition halted" in service.log()


def halt_over_what_nobody_can_read(stack: Stack, marks: Marks) -> None:
    """A record of a schema nobody knows, full of personal data: the alarm tells of it without a word of its own."""
    producer = Producer({"bootstrap.servers": stack.bootstrap})
    value = b"\xc3\x01" + b"\xff" * 8 + " ".join(marks.make("unknown schema")).encode()
    producer.produce("birth.registrations", value, partition=7)
    producer.flush(10)
    eventually(partial(_is_halted, stack.registrar), 30, stack.registrar.log)
    (line,) = [orjson.loads(s) for s in stack.registrar.log().splitlines() if "partition halted" in s]
    assert line["exception"]["error"] == "UnknownFingerprint"
    assert "ffffffffffffffff" in line["exception"]["detail"]


def test_personal_data_stays_where_it_was_put(stack: Stack) -> None:
    marks = Marks()
    errors = send_everything(stack, marks)
    assert len(errors) > 500
    for error in errors:
        assert not marks.found(error), error

    seen: set[str] = set()
    for message in all_records(stack.bootstrap, *TOPICS):
        assert message.headers() is None
        keyed = marks.found(message.key() or b"")
        assert set(keyed.values()) <= {"registration_id"}, keyed
        record = decode(message.value() or b"")
        if isinstance(record, Entry):
            # Of a repeat the ledger holds the event id and a hash, and nothing else that came in.
            record = decode(record.input) if isinstance(record.input, bytes) else record.input  # type: ignore[assignment]
        for at, text in texts(record):
            for mark, where in marks.found(text).items():
                # In its own field of a record, or asked for with a reference as purpose or officer.
                own = {"purpose": "Natalog-Purpose", "officer": "Natalog-Officer"}.get(at, at)
                assert where == own or (where == "token" and at == "submitter.sub"), (at, where, mark)
                assert where in FREE | {"sealed", "token"}, (at, where, mark)
                if mark.endswith("X"):
                    assert where not in NEVER_A_CITIZEN_ID | {"token"}, (at, mark)
                seen.add(where)
    assert {
        "sealed",
        "basis_ref",
        "evidence_ref",
        "registration_id",
        "certificate_number",
    } <= seen  # it was looked for

    halt_over_what_nobody_can_read(stack, marks)
    for service in (stack.gateway, stack.registrar):
        assert not marks.found(httpx.get(f"{service.url}/metrics", trust_env=False).content)
        assert not marks.found(service.log().encode())
        # What all tokens of an issuer have in common: a later token has another `iat`.
        assert stack.token().split(".")[0] not in service.log()
        assert "Bearer" not in service.log()
    stack.gateway.end()
    stack.registrar.end()
    for name in ("gateway", "registrar"):
        kept = set()
        for file in (stack.directory / name).rglob("*"):
            if file.is_file():
                kept |= set(marks.found(file.read_bytes()).values())
        # Registration ids are part of a number's state, evidence of the blacklist's history.
        assert kept <= {"registration_id", "evidence_ref", "token"}, (name, kept)
