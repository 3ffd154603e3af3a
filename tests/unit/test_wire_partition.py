"""Keys and partitions: what Java's client computes, and what the key of a record is."""

import uuid

import pytest

from natalog import events
from natalog.wire.partition import key_of, murmur2, partition_of

PRINCIPAL = events.Principal(sub="s", org="330106", roles=("station",))
EVENT = uuid.UUID("01890c5e-1f2a-7bbb-8000-000000000001")


@pytest.mark.parametrize(
    ("data", "signed"),
    [  # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_equals_javas(data, signed):
    assert murmur2(data) == signed & 0xFFFFFFFF


def test_partition_drops_the_sign_bit_like_java():
    assert partition_of(b"foobar", 12) == ((-790332482) & 0x7FFFFFFF) % 12


def filing(**fields):
    return events.Filing(
        **{
            "event_id": EVENT,
            "certificate_number": None,
            "unit_code": "330106000000",
            "submitter": PRINCIPAL,
            "registration_id": "R-1",
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("M330123456", b"M330123456"),
        ("330123456", b"330123456"),
        ("33012345", b"r:R-1"),
        ("M33O123456", b"r:R-1"),
        ("", b"r:R-1"),
        (None, b"r:R-1"),
    ],
)
def test_key_is_the_wellformed_number_else_the_registration(number, key):
    assert key_of(filing(certificate_number=number)) == key


def test_key_without_number_and_registration_is_the_event():
    claim = events.Claim(
        event_id=EVENT, certificate_number="x", unit_code="330106000000", submitter=PRINCIPAL
    )
    assert key_of(claim) == b"e:" + str(EVENT).encode()
