"""Every byte of small records replaced by every awkward one: hot codec and reference must agree on each."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest

from natalog import events
from natalog.wire import codec, hot
from natalog.wire.schemas import SCHEMAS
from tests.property.test_wire_hot import assert_agree, assert_entry_agrees, encoded

SUBMITTER = events.Principal(sub="s", org="o", roles=("station", "x"))
COMMON: dict[str, Any] = {
    "event_id": uuid.UUID(int=5),
    "certificate_number": "M1",
    "unit_code": "u",
    "submitter": SUBMITTER,
}
RECORDS: list[events.Intake] = [
    events.Claim(**COMMON, occurred_at=70),
    events.Completion(**COMMON, registration_id="R", registered_at=1_793_496_600_123),
    events.Filing(
        **COMMON,
        registration_id="R",
        registered_on=3,
        follows="é",
        over_six=events.OverSix(visit=True, approval_ref="a"),
        origin=events.Origin.BACKFILL,
        father_token="ü",
        sealed=b"\xff",
    ),
    events.Withdrawal(
        **COMMON, registration_id="R", action=events.WithdrawalAction.APPROVE, request_id=uuid.UUID(int=6)
    ),
    events.BlacklistChange(**COMMON, action=events.BlacklistAction.ADD, owner="o", effective_at=-1),
    events.Succession(**COMMON, chain=("a", "b"), ended=True),
    events.FilingOverdue(**COMMON, registration_id="R", due_at=2**62, observed_at=-(2**63)),
]
AWKWARD = [
    *([b] for b in (0, 1, 2, 3, 4, 5, 6, 0x7F, 0x80, 0x81, 0xC3, 0xFE, 0xFF)),
    [],
    *([0x80] * n + [0] for n in (1, 4, 5, 8, 9, 10)),
    *([0x82] + [0x80] * n + [0] for n in (1, 3, 4, 8, 9)),
    [0xFF] * 4 + [0x0F],
    [0xFF] * 4 + [0x1F],
    [0xFE] * 4 + [0x1F],
    [0xFF] * 8 + [0x7F],
    [0xFF] * 9 + [0x01],
    [0xFE] + [0xFF] * 8 + [0x01],
    [0xFF] * 9 + [0x02],
    [0xFF] * 9 + [0x03],
    [0xFF] * 9 + [0x7F],
    [0xFF] * 10 + [0x01],
]


def tampered(value: bytes) -> set[bytes]:
    """The value with each byte of its body replaced by each awkward sequence, one at a time."""
    return {value[:at] + bytes(new) + value[at + 1 :] for at in range(10, len(value)) for new in AWKWARD}


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_tampered_records(record):
    for value in tampered(codec.encode(record)):
        assert_agree(value)


HEAD: dict[str, Any] = {
    **dict.fromkeys(
        ("seq", "topic", "offset", "received_at", "rules", "verdict", "reason", "flags", "doubts"), 1
    ),
    **dict.fromkeys(("first", "delay_ms", "claim_expires_at"), 3),
    "prev": bytes(32),
    "key": b"k",
}


@pytest.mark.parametrize(
    "stands_in",
    [
        b"in",
        events.Repeat(event_id=uuid.UUID(int=1), content=bytes(32)),
        events.Unreadable(hash=bytes(32), length=2, sealed=b"s"),
    ],
    ids=lambda s: type(s).__name__,
)
def test_tampered_entries(stands_in):
    for value in tampered(encoded(HEAD, stands_in)):
        assert_entry_agrees(value)


BLOCKS = {
    "one block": b"\x04\x02a\x02b\x00",
    "two blocks": b"\x02\x02a\x02\x02b\x00",
    "a byte count": b"\x03\x08\x02a\x02b\x00",
    "a wrong byte count": b"\x03\x00\x02a\x02b\x00",
}


@pytest.mark.parametrize("chain", BLOCKS.values(), ids=BLOCKS.keys())
@pytest.mark.parametrize("roles", BLOCKS.values(), ids=BLOCKS.keys())
def test_array_blocks_do_not_change_what_is_said(chain, roles):
    value = b"".join(
        [
            SCHEMAS["Succession"].newest.header,
            bytes(16) + b"\x00\x02u\x00",
            b"\x02s\x02o" + roles,
            b"\x00\x00" + chain + b"\x00\x00",
        ]
    )
    assert_agree(value)
    canonical = codec.upgrade(value)
    assert hot.read_command(value).content == hot.read_command(canonical).content


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(RECORDS, 2)))
def test_the_header_alone_tells_the_kind(first, second):
    value = codec.encode(second)[:10] + codec.encode(first)[10:]
    assert_agree(value)
