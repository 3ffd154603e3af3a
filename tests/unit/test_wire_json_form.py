"""JSON to records and back: what is taken, and the sentence for what is not."""

import json
import uuid

import pytest

from natalog import events
from natalog.wire import codec
from natalog.wire.fields import looks_like_citizen_id
from natalog.wire.json_form import BadField, from_json, parse, to_json

PRINCIPAL = events.Principal(sub="officer-1", org="330106520000", roles=("station",))
EVENT = "01890c5e-1f2a-7bbb-8000-000000000001"
FILING = {
    "event_id": EVENT,
    "certificate_number": "M330123456",
    "unit_code": "330106520000",
    "registration_id": "R-1",
    "registered_at": "2026-11-01T09:30:00.123+08:00",
    "birth_date": "2026-10-20",
    "parents_married": True,
    "over_six": {"visit": True},
    "sealed": "AP8=",
}


def filing(**changes):
    return from_json("filing", {**FILING, **changes}, PRINCIPAL)


def test_names_times_and_ids_become_the_records():
    record = filing()
    assert record.event_id == uuid.UUID(EVENT)
    assert record.registered_at == 1_793_496_600_123
    assert record.birth_date == 20_746
    assert record.sealed == b"\x00\xff"
    assert record.over_six == events.OverSix(visit=True)
    assert record.submitter is PRINCIPAL
    assert record.origin is events.Origin.LIVE


def test_a_leap_second_is_a_time():
    """RFC 3339, 5.6 and 5.8; as clocks tell it that know none, the first second of the next minute."""
    leap = filing(registered_at="2017-01-01T07:59:60.250+08:00")
    assert leap.registered_at == filing(registered_at="2017-01-01T00:00:00.250Z").registered_at


def test_round_trip_through_json_and_bytes():
    record = filing()
    assert parse("filing", json.loads(json.dumps(to_json(record)))) == record
    assert codec.decode(codec.encode(record)) == record


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("m330123456 ", "M330123456"),
        ("Ｍ３３０１２３４５６", "M330123456"),
        ("M33O123456", "M33O123456"),
        (" abc ", " abc "),
        ("", ""),
    ],
)
def test_number_is_normalised_only_when_that_makes_it_wellformed(raw, kept):
    assert filing(certificate_number=raw).certificate_number == kept


def test_unknown_exemption_is_taken_for_the_registrar_to_refuse():
    assert filing(certificate_number=None, exemption="NEW_CODE").exemption == "NEW_CODE"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"registered_at": "2026-11-01T09:30:00"}, "registered_at", "no offset"),
        ({"registered_at": "2026-13-01T09:30:00Z"}, "registered_at", "no such time"),
        ({"registered_at": "2026-11-01T09:30:00+08:60"}, "registered_at", "not a time"),
        ({"registered_at": "2026-11-01T09:30:60Z"}, "registered_at", "no such time"),
        ({"registered_at": "2016-12-31T23:59:60+08:00"}, "registered_at", "no such time"),
        ({"registered_at": "0001-01-01T00:00:00+23:59"}, "registered_at", "no such time"),
        ({"registered_at": "9999-12-31T23:59:59-00:01"}, "registered_at", "no such time"),
        ({"registered_at": "20261101T093000Z"}, "registered_at", "not a time"),
        ({"registered_at": 1_793_500_200}, "registered_at", "not a time"),
        ({"birth_date": "2026-02-30"}, "birth_date", "no such day"),
        ({"birth_date": "20261020"}, "birth_date", "not a date"),
        ({"event_id": EVENT[:-1]}, "event_id", "not a UUID"),
        ({"event_id": None}, "event_id", "not a UUID"),
        ({"category": "NORMAL"}, "category", "ORDINARY"),
        ({"category": None}, "category", "ORDINARY"),
        ({"relation_to_head": "1"}, "relation_to_head", "two digits"),
        ({"origin": "live"}, "origin", "LIVE, BACKFILL"),
        ({"unit_code": "330106"}, "unit_code", "12 digits"),
        ({"unit_code": "３３０１０６５２００００"}, "unit_code", "12 digits"),
        ({"division": "3301"}, "division", "6 digits"),
        ({"registration_id": "a b"}, "registration_id", "letters, digits and hyphens"),
        ({"registration_id": "33010620190701123X"}, "registration_id", "citizen ID"),
        ({"registration_id": "x" * 65}, "registration_id", "64"),
        ({"case_ref": ""}, "case_ref", "empty"),
        ({"case_ref": "x" * 257}, "case_ref", "256"),
        ({"case_ref": "\ud800"}, "case_ref", "surrogate"),
        ({"certificate_number": "1" * 257}, "certificate_number", "256"),
        ({"parents_married": 1}, "parents_married", "true nor false"),
        ({"over_six": {"visit": "yes"}}, "over_six.visit", "true nor false"),
        ({"over_six": []}, "over_six", "object"),
        ({"sealed": "AP8"}, "sealed", "base64"),
        ({"sealed": "AAAA" * 44_000}, "sealed", "128 KiB"),
        ({"categry": "ORDINARY"}, "categry", "category"),
        ({"submitter": {}}, "submitter", "token"),
    ],
)
def test_what_cannot_be_taken_is_told_with_field_and_advice(changes, field, says):
    with pytest.raises(BadField) as caught:
        filing(**changes)
    assert caught.value.field == field
    assert says in f"{caught.value.problem} {caught.value.suggestion}"
    assert caught.value.problem.endswith(".")
    assert caught.value.suggestion.endswith((".", "?"))


CITIZEN_IDS = [
    "33010620190701123X",
    "33010620190701123x",
    "330106199001011234",
    "id 330106199001011234",
    "R-330106199001011234-2",
    "330106900101123",
    "old: 330106391231123",
]
KEYS = [
    "123456789012345678",  # no date inside
    "330106199013011234",  # month 13
    "330106190001321234",  # day 32
    "330106261101001",  # division, this year's date, serial
    "330106123456789",
    "123456789012345",
    "330106-20261101-0001",
    "330106520000202611010001",
    "R330106199001011234",
    "3301061990010112345",
    "9330106199001011234",
]


@pytest.mark.parametrize("text", CITIZEN_IDS)
def test_a_citizen_id_is_seen_in_a_text_and_never_becomes_a_key(text):
    assert looks_like_citizen_id(text)
    with pytest.raises(BadField) as caught:
        filing(registration_id=text.replace(" ", "-").replace(":", "-"))
    assert "citizen ID" in caught.value.problem


@pytest.mark.parametrize("text", KEYS)
def test_keys_of_local_systems_are_no_citizen_ids(text):
    assert not looks_like_citizen_id(text)
    assert filing(registration_id=text).registration_id == text


@pytest.mark.parametrize(
    "text",
    ["330106-19900101-1234", "330106 1990 0101 123X", "ID 330106\u00a019900101—1234", "330106-900101-123"],
)
def test_one_written_apart_is_seen_where_a_number_belongs(text):
    assert looks_like_citizen_id(text, apart=True)
    assert not looks_like_citizen_id(text)


@pytest.mark.parametrize("missing", ["event_id", "unit_code", "registration_id"])
def test_missing_field(missing):
    with pytest.raises(BadField) as caught:
        from_json("filing", {k: v for k, v in FILING.items() if k != missing}, PRINCIPAL)
    assert caught.value.field == missing


def test_a_filing_needs_a_time_or_a_date():
    with pytest.raises(BadField, match="registered_on"):
        filing(registered_at=None)
    assert filing(registered_at=None, registered_on="2026-11-01").registered_on == 20_758


@pytest.mark.parametrize("obj", [None, [], "x", 3])
def test_what_is_no_object(obj):
    with pytest.raises(BadField, match="not a JSON object"):
        from_json("claim", obj, PRINCIPAL)


def test_the_name_of_an_unknown_field_is_repeated_only_when_it_looks_like_one():
    with pytest.raises(BadField) as caught:
        from_json("filing", {**FILING, "330106201907011234": 1}, PRINCIPAL)
    assert "330106201907011234" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "cause", "fits"),
    [
        ("withdrawal", "DUPLICATE", True),
        ("withdrawal", "STOLEN", False),
        ("blacklist-change", "STOLEN", True),
        ("invalidation", "EXCHANGED", True),
        ("invalidation", "STOLEN", False),
    ],
)
def test_causes_belong_to_their_record(kind, cause, fits):
    obj = {
        "event_id": EVENT,
        "certificate_number": "M330123456",
        "unit_code": "330100",
        "cause": cause,
        **{
            "withdrawal": {"registration_id": "R", "action": "REQUEST"},
            "blacklist-change": {"action": "ADD", "owner": "330100"},
            "invalidation": {"action": "VOID", "issuer": "330100"},
        }[kind],
    }
    if fits:
        assert to_json(from_json(kind, obj, PRINCIPAL))["cause"] == cause
    else:
        with pytest.raises(BadField):
            from_json(kind, obj, PRINCIPAL)


def test_an_entry_can_show_the_record_it_decided():
    entry = events.Entry(
        seq=0,
        prev=bytes(32),
        topic="birth.registrations",
        offset=1,
        received_at=2**60,
        rules=1,
        verdict=events.Verdict.ACCEPTED,
        flags=(),
        doubts=(),
        input=codec.encode(filing()),
    )
    assert to_json(entry, expand=True)["record"]["kind"] == "Filing"
    assert to_json(entry)["received_at"] == 2**60, "a clock beyond the calendar stays a number"
