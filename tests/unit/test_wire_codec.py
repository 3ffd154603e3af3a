"""The reference codec: round trips, headers, and bytes that are no record."""

import json
import uuid

import pytest
from fastavro.schema import fingerprint

from natalog import events
from natalog.wire import codec, schemas
from natalog.wire.errors import UnknownFingerprint, Unreadable
from natalog.wire.schemas import SCHEMAS

PRINCIPAL = events.Principal(sub="s", org="330106", roles=("station", "adapter"))
CLAIM = events.Claim(
    event_id=uuid.UUID(int=7),
    certificate_number="M330123456",
    unit_code="330106000000",
    occurred_at=1_700_000_000_000,
    submitter=PRINCIPAL,
)
FILING = events.Filing(
    event_id=uuid.UUID(int=8),
    unit_code="330106000000",
    submitter=PRINCIPAL,
    registration_id="R-1",
    registered_on=19_000,
    over_six=events.OverSix(visit=True),
    corrects=uuid.UUID(int=9),
    sealed=b"\x00\xff",
)


@pytest.mark.parametrize(
    ("schema", "crc"),
    [  # Avro's own test data, share/test/data/schema-tests.txt
        ('"null"', 0x63DD24E7CC258F8A),
        ('"boolean"', 0x9F42FC78A4D4F764),
        ('"int"', 0x7275D51A3F395C8F),
        ('"long"', 0xD054E14493F41DB7),
        ('"bytes"', 0x4FC016DAC3201965),
        ('"string"', 0x8F014872634503C7),
    ],
)
def test_fingerprint_is_avros_in_little_endian(schema, crc):
    assert bytes.fromhex(fingerprint(schema, "CRC-64-AVRO")) == crc.to_bytes(8, "little")


def test_header_is_magic_and_fingerprint():
    assert codec.encode(CLAIM)[:10] == b"\xc3\x01" + SCHEMAS["Claim"].newest.fingerprint


@pytest.mark.parametrize("record", [CLAIM, FILING])
def test_round_trip(record):
    assert codec.decode(codec.encode(record)) == record


@pytest.mark.parametrize(
    "stands_in",
    [
        codec.encode(CLAIM),
        events.Repeat(event_id=uuid.UUID(int=1), content=bytes(32)),
        events.Unreadable(hash=bytes(32), length=3, sealed=b"abc"),
    ],
)
def test_entry_round_trip(stands_in):
    entry = events.Entry(
        seq=0,
        prev=bytes(32),
        topic="birth.registrations",
        offset=5,
        received_at=1_700_000_000_000,
        rules=1,
        verdict=events.Verdict.ACCEPTED,
        flags=("UNCHECKED",),
        doubts=(),
        first=3,
        key=b"k",
        input=stands_in,
    )
    assert codec.decode(codec.encode(entry)) == entry


def test_every_truncation_is_unreadable():
    value = codec.encode(FILING)
    for end in range(len(value)):
        with pytest.raises(Unreadable):
            codec.decode(value[:end])


def test_trailing_bytes_are_unreadable():
    with pytest.raises(Unreadable):
        codec.decode(codec.encode(CLAIM) + b"\x00")


@pytest.mark.parametrize("value", [None, b"", b"\xc3", b"{}", b"\xc3\x02" + bytes(20), bytes(10)])
def test_what_is_no_record_is_unreadable(value):
    with pytest.raises(Unreadable):
        codec.decode(value)


def test_unknown_fingerprint_is_told_apart():
    with pytest.raises(UnknownFingerprint) as caught:
        codec.decode(b"\xc3\x01abcdefgh")
    assert caught.value.fingerprint == b"abcdefgh".hex()


def with_body(*parts: bytes) -> bytes:
    """A Claim from the pieces of its body."""
    return SCHEMAS["Claim"].newest.header + b"".join(parts)


ID, UNIT, SUBMITTER = bytes(16), b"\x02u", b"\x02s\x02o\x00"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number longer than need be", with_body(ID, b"\x80\x00", UNIT, b"\x00", SUBMITTER)),
        ("array in two blocks", with_body(ID, b"\x00", UNIT, b"\x00", b"\x02s\x02o\x02\x02a\x02\x02b\x00")),
        ("block with a byte count", with_body(ID, b"\x00", UNIT, b"\x00", b"\x02s\x02o\x01\x04\x02a\x00")),
    ],
)
def test_unusual_encodings_are_read(name, value):
    assert isinstance(codec.decode(value), events.Claim)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("union index beyond the union", with_body(ID, b"\x04", UNIT, b"\x00", SUBMITTER)),
        ("negative union index", with_body(ID, b"\x03", UNIT, b"\x00", SUBMITTER)),
        ("string of negative length", with_body(ID, b"\x00", b"\x01", b"\x00", SUBMITTER)),
        ("string beyond the end", with_body(ID, b"\x00", b"\x7eu", b"\x00", SUBMITTER)),
        ("invalid UTF-8", with_body(ID, b"\x00", b"\x02\xff", b"\x00", SUBMITTER)),
        ("varint without end", with_body(ID, b"\x00", UNIT, b"\x02" + b"\xff" * 11, SUBMITTER)),
        ("long beyond 64 bits", with_body(ID, b"\x00", UNIT, b"\x02" + b"\xff" * 9 + b"\x02", SUBMITTER)),
        ("index of six bytes", with_body(ID, b"\x80" * 5 + b"\x00", UNIT, b"\x00", SUBMITTER)),
        ("array of 2^62 items", with_body(ID, b"\x00", UNIT, b"\x00", b"\x02s\x02o" + b"\xfe" * 9 + b"\x01")),
    ],
)
def test_what_avro_libraries_read_differently_is_unreadable(name, value):
    with pytest.raises(Unreadable):
        codec.decode(value)


def test_boolean_other_than_zero_and_one_is_unreadable():
    value = codec.encode(FILING)
    spoiled = value.replace(b"\x02\x01\x00\x00\x00\x00", b"\x02\x02\x00\x00\x00\x00")
    assert spoiled != value
    with pytest.raises(Unreadable):
        codec.decode(spoiled)


def test_older_published_version_is_read_into_the_newest(monkeypatch):
    newest = SCHEMAS["Claim"].newest
    fields = newest.document["fields"]
    older = schemas.Version(
        "Claim",
        0,
        json.dumps({**newest.document, "fields": [f for f in fields if f["name"] != "occurred_at"]}),
    )
    monkeypatch.setitem(schemas.BY_FINGERPRINT, older.fingerprint, older)
    value = older.header + ID + b"\x00" + UNIT + SUBMITTER
    record = codec.decode(value)
    assert record == events.Claim(
        event_id=uuid.UUID(int=0), unit_code="u", submitter=events.Principal(sub="s", org="o", roles=())
    )
    assert codec.upgrade(value)[:10] == newest.header
