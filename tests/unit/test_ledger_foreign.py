"""What this build cannot read on the ledger: the next entry of a newer build halts, a stranger's bytes are void."""

from __future__ import annotations

import uuid

import pytest

from natalog import events
from natalog.decision.rules import NEWEST
from natalog.ledger.head import Head
from natalog.ledger.step import decide_batch, fold_batch
from natalog.wire.codec import encode
from natalog.wire.errors import UnknownCode, UnknownFingerprint
from natalog.wire.murmur2 import partition_of
from natalog.wire.partition import key_of

NEWER = b"\xc3\x01" + b"newer..."
HEADER_SIZE = len(NEWER)


def claim() -> events.Claim:
    return events.Claim(
        event_id=uuid.uuid4(),
        certificate_number="Y330000001",
        unit_code="330106000000",
        occurred_at=1,
        submitter=events.Principal(sub="desk-1", org="330106000000", roles=("station",)),
    )


RECORDS = [claim() for _ in range(4)]
KEY = key_of(RECORDS[0])
PARTITION = int(partition_of(KEY, 12))
ENTRIES = [
    value
    for _, value in decide_batch(
        Head.genesis(),
        PARTITION,
        [0] * len(RECORDS),
        list(range(len(RECORDS))),
        [1_000] * len(RECORDS),
        [KEY] * len(RECORDS),
        [encode(record) for record in RECORDS],
        {},
        NEWEST,
        bytes,
    ).entries
]


def void_among(*values: bytes) -> list[int]:
    """Offsets of the void ones, folding from the first entry on."""
    folded = fold_batch(
        Head.genesis(), PARTITION, list(range(len(values))), [KEY] * len(values), list(values), {}
    )
    return folded.void


def newer(entry: bytes) -> bytes:
    """As a build with a field more before all others would write it."""
    return NEWER + b"\x10" + entry[HEADER_SIZE:]


def coded(entry: bytes) -> bytes:
    """From a topic that no build has had yet."""
    assert b"birth.registrations" in entry
    return entry.replace(b"birth.registrations", b"birth.registrationz")


@pytest.mark.parametrize(
    "foreign", [NEWER, NEWER + b"anything" * 20, newer(ENTRIES[3]), newer(ENTRIES[0]), coded(ENTRIES[3])]
)
def test_bytes_that_cannot_be_the_next_entry_are_void(foreign: bytes) -> None:
    assert void_among(ENTRIES[0], ENTRIES[1], foreign, ENTRIES[2]) == [2]


@pytest.mark.parametrize(
    ("foreign", "error"), [(newer(ENTRIES[2]), UnknownFingerprint), (coded(ENTRIES[2]), UnknownCode)]
)
def test_next_entry_of_a_newer_build_halts(foreign: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        void_among(ENTRIES[0], ENTRIES[1], foreign)


def test_first_entry_of_a_newer_build_halts() -> None:
    with pytest.raises(UnknownFingerprint):
        void_among(newer(ENTRIES[0]))
    assert void_among(NEWER + b"short", *ENTRIES) == [0]
