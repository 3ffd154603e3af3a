"""Status queries on real Kafka: what they say, how fresh, and that each is recorded."""

from __future__ import annotations

import re
import signal
import time
import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from natalog.events import QueryRecord
from natalog.wire.codec import decode
from tests.integration.gateway.stack import (
    OTHER_UNIT,
    UNIT,
    Stack,
    ask,
    check,
    claim,
    eventually,
    filing,
    number,
    patiently,
)


def queries(stack: Stack) -> dict[str, QueryRecord]:
    """Everything on queries.audit, by check id."""
    consumer = Consumer(
        {"bootstrap.servers": stack.bootstrap, "group.id": "test", "enable.partition.eof": True}
    )
    found, left = {}, set(range(12))
    try:
        consumer.assign([TopicPartition("queries.audit", p, 0) for p in left])
        while left:
            message = consumer.poll(30)
            assert message is not None
            if message.error():
                left.discard(message.partition() or 0)
                continue
            record = decode(message.value())
            assert isinstance(record, QueryRecord)
            found[str(record.check_id)] = record
        return found
    finally:
        consumer.close()


def void(certificate: str, **more: Any) -> dict[str, Any]:
    issued = {"action": "VOID", "cause": "EXCHANGED", "issuer": "330100", "unit_code": "330100"}
    return claim(certificate, **issued | more)


def test_an_unused_number(stack: Stack) -> None:
    certificate = number()
    status = ask(stack, f"certificates/{certificate}").json()
    assert list(status) == [
        "certificate_number", "status", "usable", "used", "blacklisted", "invalidated", "contested",
        "claimed_by_me", "warnings", "check_id", "as_of", "staleness_ms",
    ]  # fmt: skip
    assert (status["status"], status["usable"]) == ("UNUSED", True)
    assert datetime.fromisoformat(status["as_of"]["time"]).tzinfo is not None
    assert 0 <= status["staleness_ms"] < 3_000


def test_a_verdict_is_seen_by_the_next_question(stack: Stack) -> None:
    for _ in range(10):
        certificate = number()
        verdict = stack.post("claims", claim(certificate))
        mine = ask(stack, f"certificates/{certificate}", after=verdict.headers["natalog-as-of"]).json()
        assert (mine["status"], mine["usable"], mine["claimed_by_me"]) == ("CLAIMED", True, True), mine
        theirs = ask(stack, f"certificates/{certificate}", org=OTHER_UNIT).json()
        assert (theirs["status"], theirs["usable"], theirs["claimed_by_me"]) == ("CLAIMED", False, False)


def test_a_token_of_the_future_is_waited_for_and_then_unknown(stack: Stack) -> None:
    began, certificate = time.monotonic(), number()
    reply = stack.get(f"certificates/{certificate}", after="3.999999", wait="0.5")
    assert time.monotonic() - began >= 0.5
    told = reply.json()
    assert (reply.status_code, told["status"], told["usable"]) == (503, "UNKNOWN", False)
    asked = queries(stack)[told["check_id"]]
    assert [(a.certificate_number, a.status) for a in asked.answers] == [(certificate, "UNKNOWN")]
    for wrong in ("x", "99.1", "1.-1", "1", "-"):
        assert stack.get(f"certificates/{number()}", after=wrong).status_code == 400


def test_the_gravest_status_is_told_and_the_others_beside_it(stack: Stack) -> None:
    certificate = number()
    stack.post("filings", filing(certificate))
    assert ask(stack, f"certificates/{certificate}").json()["status"] == "USED"
    stack.post("invalidations", void(certificate), role="health_authority", org="330100")
    assert ask(stack, f"certificates/{certificate}").json()["status"] == "INVALIDATED"
    listing = claim(certificate, action="ADD", cause="FORGED", owner="330100", unit_code="330100")
    stack.post("blacklist-changes", listing, role="prefecture_admin", org="330100")
    status = ask(stack, f"certificates/{certificate}").json()
    assert status["status"] == "BLACKLISTED"
    assert not status["usable"]
    assert (status["used"], status["blacklisted"], status["invalidated"]) == (True, True, True)
    assert {"LISTED_AFTER_USE", "INVALIDATED_AFTER_USE"} <= set(status["warnings"])


def test_a_listing_of_tomorrow_warns_today(stack: Stack) -> None:
    certificate = number()
    listing = claim(
        certificate,
        action="ADD",
        cause="LOST",
        owner="330100",
        unit_code="330100",
        effective_at="2099-01-01T00:00:00+08:00",
    )
    stack.post("blacklist-changes", listing, role="prefecture_admin", org="330100")
    status = ask(stack, f"certificates/{certificate}").json()
    assert (status["status"], status["warnings"]) == ("UNUSED", ["LISTED_LATER"])


@pytest.mark.parametrize("off", [-60, 2 * 3600])
def test_a_gateway_with_a_wrong_clock_says_what_the_ledger_says(stack: Stack, off: int) -> None:
    listed, held = number(), number()
    wrong = stack.another_gateway(clock_off=off)
    wrong.start()
    try:
        wrong.wait_ready()
        listing = claim(listed, action="ADD", cause="LOST", owner="330100", unit_code="330100")
        done = [
            stack.post("blacklist-changes", listing, role="prefecture_admin", org="330100"),
            stack.post("claims", claim(held)),
        ]
        seen = "-".join(reply.headers["natalog-as-of"] for reply in done)
        body = {"certificate_numbers": [listed, held]}
        other = stack.headers(org=OTHER_UNIT)

        def told() -> httpx.Response:
            return httpx.post(
                f"{wrong.url}/v1/certificates/check",
                params={"after": seen, "wait": "30"}, json=body, headers=other, trust_env=False, timeout=60,
            )  # fmt: skip

        def statuses(reply: httpx.Response) -> list[tuple[str, bool]]:
            return [(a["status"], a["usable"]) for a in reply.json()["certificates"]]

        assert statuses(told()) == [("UNKNOWN", False)] * 2
        assert statuses(patiently(told)) == [("BLACKLISTED", False), ("CLAIMED", False)]
        metrics = httpx.get(f"{wrong.url}/metrics", trust_env=False).text
        (offset,) = re.findall(r"^natalog_gateway_clock_offset_seconds (\S+)", metrics, re.M)
        assert float(offset) == pytest.approx(-off, abs=20)
    finally:
        wrong.end(signal.SIGKILL)


def test_the_spare_of_a_used_number_is_not_usable(stack: Stack) -> None:
    used, spare = number(), number()
    stack.post("filings", filing(used))
    stack.post("invalidations", void(used, replaced_by=spare), role="health_authority", org="330100")
    eventually(lambda: ask(stack, f"certificates/{spare}").json()["warnings"] == ["SUCCESSION"])
    assert not ask(stack, f"certificates/{spare}").json()["usable"]
    assert stack.post("filings", filing(spare)).json()["reason"] == "SUCCEEDS_USED"


def test_successions_leave_the_replica_fresh(stack: Stack) -> None:
    """Their topic ends in transaction markers, which no entry ever names as its cause."""
    for _ in range(5):
        issued = void(number(), replaced_by=number())
        assert stack.post("invalidations", issued, role="health_authority", org="330100").status_code == 200
    time.sleep(4)  # beyond the limit of this stack
    assert all(ask(stack, f"certificates/{number()}").status_code == 200 for _ in range(30))


@pytest.mark.parametrize(
    ("asked", "suggestion"),
    [
        ("X33O000001", "X330000001"),
        ("nonsense", None),
        ("Ｘ３３Ｏ000001", "X330000001"),
        ("\u0425330000001", "X330000001"),  # Cyrillic
    ],
)
def test_a_malformed_number(stack: Stack, asked: str, suggestion: str | None) -> None:
    reply = ask(stack, f"certificates/{asked}")
    status = reply.json()
    assert (reply.status_code, status["status"], status["usable"]) == (200, "MALFORMED", False)
    assert status["suggestion"] == suggestion
    (checked,) = check(stack, [asked]).json()["certificates"]
    assert (checked["status"], checked["suggestion"]) == ("MALFORMED", suggestion)


def test_full_width_digits_are_the_number(stack: Stack) -> None:
    assert ask(stack, "certificates/ｘ330000001").json()["certificate_number"] == "X330000001"


def test_warnings_of_the_number_itself(stack: Stack) -> None:
    assert ask(stack, "certificates/X990000001").json()["warnings"] == ["PREFIX_WARNING"]
    assert ask(stack, "certificates/330000001").json()["warnings"] == ["ONLY_BIRTHS_TO_2000"]


def test_every_question_is_recorded_before_it_is_answered(stack: Stack) -> None:
    certificate = number()
    headers = {
        **stack.headers(sub="asker"),
        "Natalog-Purpose": "registration",
        "Natalog-Officer": "officer-7",
    }
    status = patiently(lambda: stack.client.get(f"/v1/certificates/{certificate}", headers=headers)).json()
    record = queries(stack)[status["check_id"]]
    assert (record.purpose, record.officer) == ("registration", "officer-7")
    assert (record.submitter.sub, record.submitter.org) == ("asker", UNIT)
    assert [(a.certificate_number, a.status) for a in record.answers] == [(certificate, "UNUSED")]
    assert record.as_of == status["as_of"]["token"]


def test_what_is_no_number_is_not_recorded_word_for_word(stack: Stack) -> None:
    status = ask(stack, "certificates/110101199003078515").json()
    assert "110101199003078515" not in repr(queries(stack)[status["check_id"]])


def test_no_answer_is_kept_by_a_cache(stack: Stack) -> None:
    certificate = number()
    answers = [
        stack.post("claims", claim(certificate)),
        ask(stack, f"certificates/{certificate}"),
        check(stack, [certificate]),
        stack.post("claims", [claim(number())]),
        stack.get(f"submissions/{uuid.uuid4()}"),
        stack.client.get("/v1/claims/", headers={"Host": "elsewhere.example"}),
    ]
    assert [a.status_code for a in answers] == [200, 200, 200, 400, 404, 404]
    assert [a.headers.get_list("cache-control") for a in answers] == [["no-store"]] * len(answers)


def test_an_officer_is_an_opaque_reference(stack: Stack) -> None:
    headers = {**stack.headers(), "Natalog-Officer": "110101199003078515"}
    assert stack.client.get(f"/v1/certificates/{number()}", headers=headers).status_code == 400


def test_many_at_once(stack: Stack) -> None:
    certificates = [number() for _ in range(1_000)]
    stack.post("filings", filing(certificates[3]))
    reply = check(stack, certificates)
    found = reply.json()["certificates"]
    assert [f["certificate_number"] for f in found] == certificates
    assert [f["status"] for f in found].count("USED") == 1
    assert found[3]["status"] == "USED"
    assert stack.post("certificates/check", {"certificate_numbers": [*certificates, "x"]}).status_code == 400
    assert stack.post("certificates/check", {"numbers": []}).status_code == 400


def test_who_may_ask_and_for_whom(stack: Stack) -> None:
    certificate = number()
    stack.post("claims", claim(certificate))
    asked = f"certificates/{certificate}"
    assert stack.client.get(f"/v1/{asked}").status_code == 401
    assert ask(stack, asked, role="nobody").status_code == 403
    assert ask(stack, asked, role="operator", org="330000").json()["status"] == "CLAIMED"
    adapter = ask(stack, asked, role="adapter", org="330100", unit_code=UNIT).json()
    assert (adapter["claimed_by_me"], adapter["usable"]) == (True, True)
    assert ask(stack, asked, role="adapter", org="330100").json()["usable"] is False
    assert ask(stack, asked, role="adapter", org="340100", unit_code=UNIT).status_code == 403


def test_a_claim_gates_a_filing(stack: Stack) -> None:
    certificate = number()
    check = ask(stack, f"certificates/{certificate}").json()["check_id"]
    assert uuid.UUID(check)
    verdict = stack.post("filings", filing(certificate, gate=check)).json()
    assert "UNCHECKED" not in verdict["flags"]
