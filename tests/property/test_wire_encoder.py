"""The gateway's encoder gives exactly the bytes of the reference."""

import dataclasses
import uuid

import pytest
from hypothesis import given

from natalog import events
from natalog.wire import codec, encoder
from tests.property.wire_records import records


@given(records(*events.RECORDS))
def test_byte_identical(record):
    assert encoder.encode(record) == codec.encode(record)


CLAIM = events.Claim(
    event_id=uuid.UUID(int=1), unit_code="u", submitter=events.Principal(sub="s", org="o", roles=("x",))
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"occurred_at": 2**63},
        {"occurred_at": "x"},
        {"unit_code": None},
        {"unit_code": "\ud800"},
        {"event_id": b"x"},
        {"submitter": None},
    ],
    ids=lambda w: next(iter(w)),
)
def test_a_record_that_does_not_fit_is_an_error_not_bytes(wrong):
    with pytest.raises((ValueError, TypeError, AttributeError, OverflowError)):
        encoder.encode(dataclasses.replace(CLAIM, **wrong))


def test_a_date_beyond_32_bits_is_an_error():
    filing = events.Filing(
        event_id=uuid.UUID(int=1),
        unit_code="u",
        submitter=CLAIM.submitter,
        registration_id="R",
        birth_date=2**31,
    )
    with pytest.raises(OverflowError):
        encoder.encode(filing)
