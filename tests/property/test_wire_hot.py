"""The generated codec takes and gives exactly what the reference does, whatever the bytes are."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from natalog import events
from natalog.decision.codes import DOUBTS, FLAGS, REASONS, VERDICTS, mask_of, names
from natalog.decision.commands import ROLE_BITS, OverSix
from natalog.decision.numbers import is_wellformed
from natalog.wire import codec, content, hot
from natalog.wire.errors import UnknownCode, UnknownFingerprint, Unreadable
from natalog.wire.schemas import BY_FINGERPRINT, SCHEMAS
from natalog.wire.topics import INTAKE_TOPICS
from tests.property.wire_records import records, unusual, values

COMMANDS = records(*events.INTAKE)


def as_record_says(record: events.Intake, name: str) -> Any:
    """What a command's attribute must be, by the record."""
    if name == "number":
        return record.certificate_number
    if name in ("sub", "org"):
        return getattr(record.submitter, name)
    if name == "roles":
        return sum({ROLE_BITS.get(role, 0) for role in record.submitter.roles})
    if name == "numbered":
        return record.certificate_number is not None and is_wellformed(record.certificate_number)
    if name == "content":
        return content.content_of(record)
    if name == "backfill":
        return getattr(record, "origin") is events.Origin.BACKFILL  # noqa: B009
    value = getattr(record, name)
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, events.OverSix):
        return [getattr(value, f.name) for f in dataclasses.fields(value)]
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, events.WithdrawalAction | events.BlacklistAction | events.InvalidationAction):
        return list(type(value)).index(value)
    return value


def attributes(command: object) -> list[str]:
    """Names of a command's attributes, compiled or not."""
    init = type(command).__init__
    names_ = init.__code__.co_varnames if hasattr(init, "__code__") else None
    if names_ is not None:
        return [n for n in names_[: init.__code__.co_argcount] if n != "self"]
    return [n for n in dir(command) if not n.startswith("_")]


def assert_agree(value: bytes | None) -> None:
    """hot.read_command and the reference say the same of these bytes."""
    try:
        record = codec.decode(value)
        expected: type[Exception] | None = None if isinstance(record, events.INTAKE) else Unreadable
    except (Unreadable, UnknownFingerprint) as error:
        expected = type(error)
    if expected is not None:
        with pytest.raises(expected):
            hot.read_command(value)
        return
    assert isinstance(record, events.INTAKE)
    command = hot.read_command(value)
    assert type(command).__name__ == type(record).__name__
    for name in attributes(command):
        found = getattr(command, name)
        if isinstance(found, OverSix):
            found = [getattr(found, n) for n in ("visit", "face", "fingerprint", "dna", "approval_ref")]
        assert found == as_record_says(record, name), name


@given(COMMANDS)
def test_canonical_values(record):
    assert_agree(codec.encode(record))


@given(COMMANDS, st.data())
def test_unusual_encodings_give_the_same_command_and_hash(record, data):
    value = unusual(record, data.draw)
    assert codec.decode(value) == record
    assert_agree(value)
    assert hot.read_command(value).content == hot.read_command(codec.encode(record)).content


@given(COMMANDS, st.data())
def test_flipped_bytes(record, data):
    value = bytearray(unusual(record, data.draw) if data.draw(st.booleans()) else codec.encode(record))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(10, len(value) - 1))] = data.draw(
            st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 2, 3, 4, 0x80, 0xFF]))
        )
    assert_agree(bytes(value))


@given(COMMANDS, st.data())
def test_truncated_and_lengthened(record, data):
    value = codec.encode(record)
    assert_agree(value[: data.draw(st.integers(0, len(value)))])
    assert_agree(value + data.draw(st.binary(min_size=1, max_size=3)))


@given(st.sampled_from(sorted(BY_FINGERPRINT)), st.binary(max_size=120))
def test_random_bodies_under_every_known_header(fingerprint, body):
    assert_agree(b"\xc3\x01" + fingerprint + body)


@given(st.one_of(st.none(), st.binary(max_size=60)))
@example(None)
@example(b"")
@example(b"\xc3\x01" + bytes(8))
def test_random_bytes(value):
    assert_agree(value)


@given(COMMANDS, st.data())
def test_content_leaves_out_who_sent_it_when_and_what_is_sealed(record, data):
    type_ = SCHEMAS[type(record).__name__].newest.type
    field = data.draw(st.sampled_from(type_.fields))
    changed = dataclasses.replace(record, **{field.name: data.draw(values(field.type))})
    same = hot.read_command(codec.encode(changed)).content == hot.read_command(codec.encode(record)).content
    assert same == (field.name in content.LEFT_OUT or changed == record)


def test_equal_fields_of_two_kinds_are_two_contents():
    fields: dict[str, Any] = {
        "event_id": uuid.UUID(int=1),
        "unit_code": "330106520000",
        "submitter": events.Principal(sub="s", org="o", roles=()),
    }
    claim, release = events.Claim(**fields), events.Release(**fields)
    assert content.content_of(claim) != content.content_of(release)


POSITIVE = st.one_of(st.just(-1), st.integers(0, 2**63 - 1), st.integers(0, 100_000))
HEADS = st.fixed_dictionaries(
    {
        "seq": st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 300_000_000)),
        "prev": st.binary(min_size=32, max_size=32),
        "topic": st.integers(0, len(INTAKE_TOPICS) - 1),
        "offset": st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 300_000_000)),
        "received_at": st.integers(-(2**63), 2**63 - 1),
        "rules": st.integers(-(2**31), 2**31 - 1),
        "verdict": st.integers(0, len(VERDICTS) - 1),
        "reason": st.integers(0, len(REASONS) - 1),
        "flags": st.integers(0, (1 << len(FLAGS)) - 1),
        "doubts": st.integers(0, (1 << len(DOUBTS)) - 1),
        "first": POSITIVE,
        "delay_ms": POSITIVE,
        "claim_expires_at": POSITIVE,
        "key": st.one_of(st.none(), st.binary(max_size=40)),
    }
)
REPEATS = values(SCHEMAS["Entry"].newest.type.fields[-1].type.branches[1])
UNREADABLES = values(SCHEMAS["Entry"].newest.type.fields[-1].type.branches[2])


def entry_of(head: dict[str, Any], stands_in: Any) -> events.Entry:
    """The record those numbers mean."""
    return events.Entry(
        **{
            **head,
            "topic": INTAKE_TOPICS[head["topic"]],
            "verdict": events.Verdict(VERDICTS[head["verdict"]]),
            "reason": REASONS[head["reason"]].code or None,
            "flags": tuple(names(FLAGS, head["flags"])),
            "doubts": tuple(names(DOUBTS, head["doubts"])),
            **{n: None for n in ("first", "delay_ms", "claim_expires_at") if head[n] < 0},
        },
        input=stands_in,
    )


def encoded(head: dict[str, Any], stands_in: Any) -> bytes:
    """The same by the hot codec."""
    if isinstance(stands_in, bytes):
        return hot.encode_entry(**head, input=stands_in)
    if isinstance(stands_in, events.Repeat):
        return hot.encode_repeat_entry(**head, event_id=stands_in.event_id.bytes, content=stands_in.content)
    return hot.encode_unreadable_entry(
        **head, hash=stands_in.hash, length=stands_in.length, sealed=stands_in.sealed
    )


@given(HEADS, st.one_of(st.binary(max_size=300), REPEATS, UNREADABLES))
def test_entries_are_byte_identical_and_read_back(head, stands_in):
    value = encoded(head, stands_in)
    assert value == codec.encode(entry_of(head, stands_in))
    assert_entry_agrees(value)


def test_a_large_input_is_byte_identical():
    head = {
        **dict.fromkeys(
            ("seq", "topic", "offset", "received_at", "rules", "verdict", "reason", "flags", "doubts"), 0
        ),
        **dict.fromkeys(("first", "delay_ms", "claim_expires_at"), -1),
        "prev": bytes(32),
        "key": None,
    }
    for size in (0, 63, 64, 8191, 8192, 262_144, 1_048_575, 1_048_576, 3_000_000):
        value = encoded(head, bytes(size))
        assert value == codec.encode(entry_of(head, bytes(size)))
        assert hot.read_entry(value).input == bytes(size)


def assert_entry_agrees(value: bytes | None) -> None:
    """hot.read_entry and the reference say the same; what numbers cannot hold is an error of its own."""
    try:
        record = codec.decode(value)
        expected: type[Exception] | None = None if isinstance(record, events.Entry) else Unreadable
    except (Unreadable, UnknownFingerprint) as error:
        expected = type(error)
    if expected is not None:
        with pytest.raises((expected, UnknownCode)):
            hot.read_entry(value)
        return
    assert isinstance(record, events.Entry)
    if min(record.first or 0, record.delay_ms or 0, record.claim_expires_at or 0) < 0:
        with pytest.raises((Unreadable, UnknownCode)):
            hot.read_entry(value)
        return
    try:
        places = [
            INTAKE_TOPICS.index(record.topic),
            [None, *(r.code for r in REASONS[1:])].index(record.reason),
        ]
        masks = [mask_of(FLAGS, list(record.flags)), mask_of(DOUBTS, list(record.doubts))]
    except (ValueError, KeyError):
        with pytest.raises(UnknownCode):
            hot.read_entry(value)
        return
    view = hot.read_entry(value)
    assert [view.topic, view.reason] == places
    assert [view.flags, view.doubts] == masks
    assert view.verdict == list(events.Verdict).index(record.verdict)
    for name in ("seq", "prev", "offset", "received_at", "rules", "key"):
        assert getattr(view, name) == getattr(record, name)
    for name in ("first", "delay_ms", "claim_expires_at"):
        assert getattr(view, name) == (-1 if getattr(record, name) is None else getattr(record, name))
    stands_in = record.input
    if isinstance(stands_in, bytes):
        assert (view.kind, view.input) == (hot.RECORD_INPUT, stands_in)
    elif isinstance(stands_in, events.Repeat):
        assert view.kind == hot.REPEAT_INPUT
        assert (view.event_id, view.content) == (stands_in.event_id.bytes, stands_in.content)
    else:
        assert view.kind == hot.UNREADABLE_INPUT
        assert (view.hash, view.length, view.sealed) == (stands_in.hash, stands_in.length, stands_in.sealed)


@given(HEADS, st.one_of(st.binary(max_size=30), REPEATS, UNREADABLES), st.data())
def test_unusual_and_flipped_entries(head, stands_in, data):
    value = bytearray(unusual(entry_of(head, stands_in), data.draw))
    assert_entry_agrees(bytes(value))
    value[data.draw(st.integers(10, len(value) - 1))] = data.draw(st.integers(0, 255))
    assert_entry_agrees(bytes(value))
    assert_entry_agrees(bytes(value[: data.draw(st.integers(0, len(value)))]))


@given(records(events.Entry, events.Claim), st.data())
def test_any_entry_and_any_other_record(record, data):
    assert_entry_agrees(codec.encode(record))


@pytest.mark.parametrize(
    "wrong",
    [{"flags": 1 << len(FLAGS)}, {"doubts": -1}, {"reason": len(REASONS)}, {"topic": len(INTAKE_TOPICS)}],
)
def test_a_code_beyond_its_table_is_an_error_not_an_entry(wrong):
    head = {
        **dict.fromkeys(
            ("seq", "topic", "offset", "received_at", "rules", "verdict", "reason", "flags", "doubts"), 0
        ),
        **dict.fromkeys(("first", "delay_ms", "claim_expires_at"), -1),
        "prev": bytes(32),
        "key": None,
    }
    with pytest.raises((ValueError, IndexError)):
        encoded({**head, **wrong}, b"")
