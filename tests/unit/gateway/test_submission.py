"""From JSON to a record: scope, topics, roles, numbers, verdict texts and tokens."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from natalog.events import Entry, Filing, Principal, Verdict
from natalog.gateway.auth import Caller
from natalog.gateway.language import Language
from natalog.gateway.problems import MEDIA_TYPE, TITLES, Problem
from natalog.gateway.roles import allowed
from natalog.gateway.submission import prepare
from natalog.gateway.verdict import message, positions, token
from natalog.wire.codec import decode
from natalog.wire.encoder import encode
from natalog.wire.hot import read_entry
from natalog.wire.partition import partition_of

UNIT = "330106520000"


def caller(*roles: str, org: str = UNIT) -> Caller:
    return Caller(Principal(sub="desk-1", org=org, roles=roles), allowed(roles), 4e9)


def filing(**more: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "certificate_number": "M330123456",
        "unit_code": UNIT,
        "registration_id": "R-1",
        "registered_at": "2026-11-01T09:30:00+08:00",
        **more,
    }


def refused(kind: str, content: Any, who: Caller) -> Problem:
    with pytest.raises(Problem) as problem:
        prepare(kind, content, who)
    return problem.value


def test_the_submitter_is_the_caller_and_the_partition_the_numbers() -> None:
    record = filing(certificate_number="ｍ330123456")
    prepared = prepare("filing", record, caller("station"))
    assert (prepared.topic, prepared.key) == ("birth.registrations", b"M330123456")
    assert prepared.partition == partition_of(b"M330123456", 12)
    sent = decode(prepared.value)
    assert isinstance(sent, Filing)
    assert sent.submitter == Principal(sub="desk-1", org=UNIT, roles=("station",))


@pytest.mark.parametrize(
    ("org", "unit", "inside"),
    [
        (UNIT, UNIT, True),
        (UNIT, "330106530000", False),
        ("330106", UNIT, True),
        ("330105", UNIT, False),
        ("330100", UNIT, True),
        ("330200", UNIT, False),
        ("330000", UNIT, True),
        ("340000", UNIT, False),
        ("110000", "110105520000", True),  # a municipality has no prefecture
        ("310000", "110105520000", False),
        ("429000", "429004520000", False),  # 90 is no prefecture, its counties belong to the province
        ("420000", "429004520000", True),
        ("429004", "429004520000", True),
    ],
)
def test_a_unit_is_within_the_org_or_the_record_is_refused(org: str, unit: str, inside: bool) -> None:
    if inside:
        prepare("filing", filing(unit_code=unit), caller("station", org=org))
    else:
        problem = refused("filing", filing(unit_code=unit), caller("station", org=org))
        assert (problem.status, problem.field) == (403, "unit_code")


@pytest.mark.parametrize(
    ("role", "origin", "topic"),
    [
        ("station", "LIVE", "birth.registrations"),
        ("station", "BACKFILL", "birth.registrations"),
        ("adapter", "LIVE", "birth.registrations"),
        ("adapter", "BACKFILL", "birth.backfill"),
        ("prefecture_admin", "BACKFILL", "birth.backfill"),
        ("prefecture_admin", "LIVE", None),
        ("health_authority", "BACKFILL", None),
    ],
)
def test_where_a_filing_goes(role: str, origin: str, topic: str | None) -> None:
    if topic is None:
        assert refused("filing", filing(origin=origin), caller(role)).status == 403
    else:
        assert prepare("filing", filing(origin=origin), caller(role)).topic == topic


@pytest.mark.parametrize("content", [None, 1, "x", [], [filing()]])
def test_what_is_no_object(content: Any) -> None:
    assert refused("filing", content, caller("station")).status == 400


def test_a_refusal_names_the_event_id_when_there_is_one() -> None:
    record = filing(colour="red")
    problem = refused("filing", record, caller("station"))
    assert (problem.status, problem.field, problem.event_id) == (400, "colour", record["event_id"])
    assert refused("filing", filing(event_id="x"), caller("station")).event_id is None


@pytest.mark.parametrize(
    "number",
    [
        "330106199001011234",
        "330106-19900101-1234",
        "330106 1990 0101 123x",
        "ＩＤ：３３０１０６１９９００１０１１２３４",
        "330106900101123",
    ],
)
@pytest.mark.parametrize("field", ["certificate_number", "replaced_by"])
def test_a_citizen_id_for_a_number_is_refused_however_it_is_written(number: str, field: str) -> None:
    problem = refused("filing", filing(**{field: number}), caller("station"))
    assert (problem.status, problem.kind, problem.field) == (422, "citizen-id", field)


def test_a_filing_of_a_malformed_number_is_sent_and_a_claim_is_not() -> None:
    assert prepare("filing", filing(certificate_number="M33O123456"), caller("station")).key == b"r:R-1"
    claim = {"event_id": str(uuid.uuid4()), "unit_code": UNIT, "certificate_number": "M33O123456"}
    problem = refused("claim", claim, caller("station"))
    assert (problem.status, problem.suggestion) == (422, "M330123456")


def test_every_problem_has_a_title_and_tells_nothing_that_was_sent() -> None:
    for kind in TITLES:
        response = Problem(400, kind, "A sentence.").response()
        assert response.media_type == MEDIA_TYPE
    secret = "110101199003078515"
    problem = refused("filing", filing(registration_id=secret), caller("station"))
    assert secret not in problem.body().decode()


def test_sentences_come_in_both_languages_with_flags_and_doubts() -> None:
    entry = Entry(
        seq=0, prev=bytes(32), topic="birth.registrations", offset=0, received_at=0, rules=1,
        verdict=Verdict.ACCEPTED, flags=("FILED_LATE", "WITHDRAWN_BEFORE"), doubts=("OVER_SIX",), input=b"",
    )  # fmt: skip
    view = read_entry(encode(entry))
    english, chinese = (
        ("The registration is filed.",),
        ("备案成功", "超时备案", "6周岁以上补报落户", "地市复核"),
    )
    both, en, zh = (message(view, "filing", language) for language in (
        Language.BOTH, Language.ENGLISH, Language.CHINESE,
    ))  # fmt: skip
    assert all(part in both for part in (*english, *chinese))
    assert all(part in en for part in english)
    assert not any(part in en for part in chinese)
    assert all(part in zh for part in chinese)
    assert not any(part in zh for part in english)


def test_tokens() -> None:
    assert positions(token(3, 41)) == {3: 42}
    assert positions("3.42-7.1") == {3: 42, 7: 1}
    for wrong in ("", "3", "3.x", "3.1-", "-", "3.-1", "³.1"):
        with pytest.raises(ValueError):
            positions(wrong)
