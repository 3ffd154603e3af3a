"""Submissions on real Kafka with a real registrar: what is answered, and what is recorded."""

from __future__ import annotations

import gzip
import hashlib
import time
import uuid
from typing import Any

import jwt
import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from natalog.wire.topics import TOPICS
from tests.integration.gateway.stack import OTHER_UNIT, UNIT, Stack, ask, claim, filing, number


def ends(stack: Stack, *topics: str) -> dict[str, int]:
    """How many records each topic ever took."""
    consumer = Consumer({"bootstrap.servers": stack.bootstrap, "group.id": "test-ends"})
    try:
        return {
            topic: sum(
                consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30)[1]
                for p in range(TOPICS[topic].partitions)
            )
            for topic in topics
        }
    finally:
        consumer.close()


INTAKE = ("birth.registrations", "birth.backfill", "blacklist.changes", "certificate.invalidations")


def ledger_value(stack: Stack, partition: int, seq: int) -> bytes:
    from natalog.events import Entry
    from natalog.wire.codec import decode

    consumer = Consumer(
        {
            "bootstrap.servers": stack.bootstrap,
            "group.id": "test-ledger",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.assign([TopicPartition("ledger", partition, 0)])
        while True:
            message = consumer.poll(30)
            assert message is not None
            entry = decode(message.value())
            assert isinstance(entry, Entry)
            if entry.seq == seq:
                value = message.value()
                assert value is not None
                return bytes(value)
    finally:
        consumer.close()


def test_a_filing_is_answered_with_the_entry_on_the_ledger(stack: Stack) -> None:
    record = filing(number())
    reply = stack.post("filings", record)
    assert reply.status_code == 200, reply.text
    verdict = reply.json()
    assert list(verdict) == [
        "event_id", "kind", "certificate_number", "verdict", "reason", "flags", "doubts", "message", "suggestion",
        "received_at", "delay_ms", "claim_expires_at", "first", "rules", "ledger",
    ]  # fmt: skip
    assert (verdict["kind"], verdict["verdict"], verdict["reason"]) == ("Filing", "ACCEPTED", None)
    assert verdict["event_id"] == record["event_id"]
    assert 60_000 <= verdict["delay_ms"] < 120_000
    assert "备案成功" in verdict["message"]
    place = verdict["ledger"]
    value = ledger_value(stack, place["partition"], place["seq"])
    assert hashlib.sha256(value).hexdigest() == place["hash"]


def test_a_second_registration_is_refused_and_told_the_first(stack: Stack) -> None:
    certificate = number()
    first = stack.post("filings", filing(certificate)).json()
    second = stack.post("filings", filing(certificate)).json()
    assert (second["verdict"], second["reason"], second["first"]) == (
        "REFUSED",
        "USED",
        first["ledger"]["seq"],
    )
    assert "CONTESTED" in second["flags"]
    assert "编号已被使用" in second["message"]


def test_a_repeat_gets_the_original_verdict(stack: Stack) -> None:
    record = filing(number())
    original = stack.post("filings", record)
    stack.post("filings", filing(record["certificate_number"]))
    before = ends(stack, "birth.registrations")
    again = stack.post("filings", record)
    assert again.json() == original.json()
    assert ends(stack, "birth.registrations") != before  # it was recorded as a repeat, not swallowed


def test_a_repeat_of_a_refusal_gets_the_refusal(stack: Stack) -> None:
    certificate = number()
    stack.post("filings", filing(certificate))
    refused = filing(certificate)
    original = stack.post("filings", refused).json()
    assert original["verdict"] == "REFUSED"
    assert stack.post("filings", refused).json() == original


def test_an_event_id_with_other_content_is_refused_and_does_not_hide_the_original(stack: Stack) -> None:
    record = filing(number())
    original = stack.post("filings", record).json()
    reused = stack.post("filings", {**record, "follows": "MOTHER"}).json()
    assert (reused["verdict"], reused["reason"]) == ("REFUSED", "EVENT_ID_REUSED")
    assert stack.get(f"submissions/{record['event_id']}").json() == original


def test_one_event_id_on_two_numbers_has_two_verdicts(stack: Stack) -> None:
    event_id = str(uuid.uuid4())
    one, other = filing(number(), event_id=event_id), filing(number(), event_id=event_id)
    verdicts = stack.lines("filings", [one, other, one])
    assert [v["certificate_number"] for v in verdicts] == [
        one["certificate_number"],
        other["certificate_number"],
        one["certificate_number"],
    ]
    assert verdicts[0] == verdicts[2] != verdicts[1]


def test_the_original_is_found_by_its_event_id_inside_the_org_only(stack: Stack) -> None:
    record = claim(number())
    verdict = stack.post("claims", record).json()
    path = f"submissions/{record['event_id']}"
    assert stack.get(path).json() == verdict
    assert stack.get(path, role="auditor", org="330000").json() == verdict
    outside = stack.get(path, org=OTHER_UNIT)
    assert (outside.status_code, outside.headers["content-type"]) == (404, "application/problem+json")
    assert stack.get(f"submissions/{uuid.uuid4()}").status_code == 404
    assert stack.get(path, role="operator").status_code == 403


@pytest.mark.parametrize(
    ("path", "change", "status", "field"),
    [
        ("claims", {"colour": 1}, 400, "colour"),
        ("claims", {"event_id": "x"}, 400, "event_id"),
        ("claims", {"occurred_at": "2026-01-01T00:00:00"}, 400, "occurred_at"),
        ("claims", {"submitter": {}}, 400, "submitter"),
        ("claims", {"unit_code": OTHER_UNIT}, 403, "unit_code"),
        ("claims", {"certificate_number": "X33O000001"}, 422, "certificate_number"),
        ("claims", {"certificate_number": None}, 422, "certificate_number"),
        ("releases", {"certificate_number": "hello"}, 422, "certificate_number"),
    ],
)
def test_nothing_is_recorded_of_what_is_refused_at_the_door(
    stack: Stack, path: str, change: dict[str, Any], status: int, field: str
) -> None:
    before = ends(stack, *INTAKE)
    reply = stack.post(path, claim(number()) | change)
    assert (reply.status_code, reply.json()["status"]) == (status, status)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["field"] == field
    assert reply.json()["detail"].endswith((".", "。"))
    assert ends(stack, *INTAKE) == before


def test_a_slip_in_the_number_comes_with_a_suggestion(stack: Stack) -> None:
    assert stack.post("claims", claim("X33O000001")).json()["suggestion"] == "X330000001"


def test_a_filing_with_a_malformed_or_missing_number_is_recorded_and_refused(stack: Stack) -> None:
    malformed = stack.post("filings", filing("X33O000001")).json()
    assert (malformed["reason"], malformed["suggestion"]) == ("MALFORMED_NUMBER", "X330000001")
    missing = stack.post("filings", filing(None)).json()
    assert missing["reason"] == "MISSING_NUMBER"
    exempt = stack.post("filings", filing(None, exemption="WELFARE_HOME", category="WELFARE_HOME")).json()
    assert exempt["verdict"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * 500_000, "application/json", 413),
    ],
)
def test_bodies_that_are_no_record(stack: Stack, body: bytes, media: str, status: int) -> None:
    reply = stack.client.post("/v1/claims", content=body, headers={**stack.headers(), "Content-Type": media})
    assert (reply.status_code, reply.json()["status"]) == (status, status)


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        ("station", "claims", True),
        ("adapter", "claims", True),
        ("prefecture_admin", "claims", False),
        ("health_authority", "claims", False),
        ("operator", "claims", False),
        ("auditor", "claims", False),
        ("nobody", "claims", False),
        ("station", "blacklist-changes", False),
        ("province_admin", "blacklist-changes", True),
        ("health_authority", "invalidations", True),
        ("station", "invalidations", False),
    ],
)
def test_the_table_of_roles(stack: Stack, role: str, path: str, allowed: bool) -> None:
    extra: dict[str, Any] = {}
    if path == "blacklist-changes":
        extra = {"action": "ADD", "cause": "LOST", "owner": "330100"}
    if path == "invalidations":
        extra = {"action": "VOID", "cause": "ERROR", "issuer": "330100"}
    reply = stack.post(path, claim(number(), **extra), role=role)
    assert reply.status_code == (200 if allowed else 403), reply.text


def test_a_foreign_owner_is_recorded(stack: Stack) -> None:
    change = claim(number(), action="ADD", cause="LOST", owner="340100", unit_code="330100")
    reply = stack.post("blacklist-changes", change, role="prefecture_admin", org="330100")
    assert (reply.status_code, reply.json()["reason"]) == (200, "NOT_OWNER")


def test_only_an_administrator_approves_a_withdrawal(stack: Stack) -> None:
    record = filing(number())
    stack.post("filings", record)
    request = claim(
        record["certificate_number"],
        registration_id=record["registration_id"],
        action="REQUEST",
        cause="DUPLICATE",
    )
    assert stack.post("withdrawals", request).json()["verdict"] == "ACCEPTED"
    approval = {
        **request,
        "event_id": str(uuid.uuid4()),
        "action": "APPROVE",
        "request_id": request["event_id"],
    }
    assert stack.post("withdrawals", approval, sub="desk-2").status_code == 403
    verdict = stack.post("withdrawals", approval, role="prefecture_admin", org="330100", sub="chief").json()
    assert verdict["verdict"] == "ACCEPTED", verdict
    assert ask(stack, f"certificates/{record['certificate_number']}").json()["status"] == "UNUSED"


def test_backfill_goes_its_own_way_for_adapters_only(stack: Stack) -> None:
    old = {"registered_at": "2020-05-05T10:00:00+08:00", "birth_date": "2020-05-01", "origin": "BACKFILL"}
    before = ends(stack, "birth.backfill", "birth.registrations")
    assert stack.post("filings", filing("V330000001", **old)).json()["flags"]  # judged as live: late
    assert ends(stack, "birth.backfill") == {"birth.backfill": before["birth.backfill"]}
    verdict = stack.post("filings", filing(number(), **old), role="adapter").json()
    assert ends(stack, "birth.backfill")["birth.backfill"] == before["birth.backfill"] + 1
    assert "FILED_LATE" not in verdict["flags"]
    assert stack.post("filings", filing(number()), role="prefecture_admin").status_code == 403


def test_tokens_that_are_not_accepted(stack: Stack) -> None:
    good = stack.token()
    header, payload, _ = good.split(".")
    foreign = jwt.encode(
        {"sub": "x", "org": UNIT, "roles": ["station"], "exp": 4_000_000_000},
        Ed25519PrivateKey.generate(),
        algorithm="EdDSA",
        headers={"kid": jwt.get_unverified_header(good)["kid"]},
    )
    unsigned = jwt.encode({"sub": "x", "org": UNIT, "roles": ["station"], "exp": 4_000_000_000}, None, "none")
    for authorization in (
        None,
        "Basic eDp5",
        "Bearer x",
        f"Bearer {header}.{payload}.AAAA",
        f"Bearer {foreign}",
        f"Bearer {unsigned}",
        f"Bearer {stack.token(lifetime=-60)}",
        f"Bearer {stack.token(sub='110101199003078515')}",
    ):
        headers = {} if authorization is None else {"Authorization": authorization}
        reply = stack.client.post("/v1/claims", json=claim(number()), headers=headers)
        assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer"), authorization


def test_ndjson_is_answered_in_order_with_problems_in_their_place(stack: Stack) -> None:
    records: list[Any] = [claim(number()) for _ in range(300)]
    records[7] = b"{broken"
    records[100] = claim("X33O000001")
    records[200] = {**claim(number()), "unit_code": OTHER_UNIT}
    records[299] = records[0]
    answers = stack.lines("claims", records)
    assert len(answers) == 300
    for at, (record, answer) in enumerate(zip(records, answers, strict=True)):
        if at in (7, 100, 200):
            assert (answer["status"], answer["line"]) == ({7: 400, 100: 422, 200: 403}[at], at + 1)
        else:
            assert (answer["event_id"], answer["verdict"]) == (record["event_id"], "ACCEPTED")
    assert answers[100]["event_id"] == records[100]["event_id"]
    assert answers[299] == answers[0]
    assert stack.lines("claims", records) == answers  # all of it again: the same, in the same places


def test_gzip(stack: Stack) -> None:
    records = [claim(number()) for _ in range(50)]
    body = gzip.compress(b"\n".join(map(orjson.dumps, records)) + b"\n\n")
    headers = {**stack.headers(), "Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    reply = stack.client.post("/v1/claims", content=body, headers=headers)
    answers = [orjson.loads(line) for line in reply.content.splitlines()]
    assert [a["event_id"] for a in answers] == [r["event_id"] for r in records]
    reply = stack.client.post("/v1/claims", content=body[:-40], headers=headers)
    assert orjson.loads(reply.content.splitlines()[-1])["status"] == 400
    headers["Content-Type"] = "application/json"
    reply = stack.client.post(
        "/v1/claims", content=gzip.compress(orjson.dumps(claim(number()))), headers=headers
    )
    assert reply.json()["verdict"] == "ACCEPTED"


def test_the_body_is_answered_while_it_is_sent(stack: Stack) -> None:
    """A sender that waits for each verdict before it sends the next line gets it."""
    import http.client

    address = stack.gateway.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.putrequest("POST", "/v1/claims")
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Authorization", stack.headers()["Authorization"])
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    response = None
    for _ in range(3):
        record = claim(number())
        line = orjson.dumps(record) + b"\n"
        connection.send(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        if response is None:
            response = connection.response_class(connection.sock, method="POST")
            response.begin()
        assert orjson.loads(response.readline())["event_id"] == record["event_id"]
    connection.send(b"0\r\n\r\n")
    assert response is not None
    assert response.read() == b""
    connection.close()


def test_wait_zero_answers_202_and_the_verdict_follows(stack: Stack) -> None:
    record = claim(number())
    reply = stack.post("claims", record, params={"wait": "0"})
    assert reply.status_code == 202
    assert reply.headers["location"] == f"/v1/submissions/{record['event_id']}"
    from tests.integration.gateway.stack import eventually

    eventually(
        lambda: stack.client.get(reply.headers["location"], headers=stack.headers()).status_code == 200
    )
    assert stack.post("claims", claim(number()), params={"wait": "-1"}).status_code == 400


def test_reports_of_edge_agents_are_taken_and_not_judged(stack: Stack) -> None:
    before = ends(stack, "edge.reports", "ledger")
    beat = {
        "event_id": str(uuid.uuid4()),
        "unit_code": UNIT,
        "occurred_at": "2026-11-01T09:30:00+08:00",
        "agent_version": "1.0",
        "spooled": 0,
    }
    reply = stack.post("heartbeats", beat, role="adapter")
    assert (reply.status_code, reply.json()["event_id"]) == (202, beat["event_id"])
    count = {k: beat[k] for k in ("event_id", "unit_code", "occurred_at")}
    count |= {"counted_on": "2026-11-01", "registrations": 7, "exempt": 1}
    assert stack.post("daily-counts", count, role="adapter").status_code == 202
    assert stack.post("daily-counts", count).status_code == 403
    assert stack.post("heartbeats", {**beat, "unit_code": OTHER_UNIT}, role="adapter").status_code == 403
    assert stack.post("heartbeats", {**beat, "spooled": -1}, role="adapter").status_code == 400
    after = ends(stack, "edge.reports", "ledger")
    assert (after["edge.reports"], after["ledger"]) == (before["edge.reports"] + 2, before["ledger"])


def test_openapi_and_unknown_addresses(stack: Stack) -> None:
    document = stack.client.get("/openapi.json").json()
    assert set(document["paths"]) >= {
        "/v1/filings",
        "/v1/certificates/{number}",
        "/v1/submissions/{event_id}",
    }
    assert stack.client.get("/v1/nothing").headers["content-type"] == "application/problem+json"
    assert stack.client.get("/v1/claims").status_code == 405


def test_no_number_event_id_or_subject_in_the_log(stack: Stack) -> None:
    record = filing(number())
    stack.post("filings", record, sub="desk-of-nobody")
    stack.get(f"certificates/{record['certificate_number']}")
    deadline = time.monotonic() + 30  # the line is written after the answer
    while '"route":"/v1/certificates/{number}"' not in (log := stack.gateway.log()):
        assert time.monotonic() < deadline, "the access log does not name the route"
        time.sleep(0.1)
    for private in (
        record["certificate_number"],
        record["event_id"],
        record["registration_id"],
        "desk-of-nobody",
    ):
        assert private not in log
