"""Which key a record demands, and which partition a key demands."""

from __future__ import annotations

from natalog import events
from natalog.decision.numbers import is_wellformed
from natalog.wire.murmur2 import murmur2, partition_of

__all__ = ["key_for", "key_of", "murmur2", "partition_of"]


def key_of(record: events.Intake) -> bytes:
    """The Kafka key of an intake record: its number, else its registration id, else its event id."""
    registration_id: str | None = getattr(record, "registration_id", None)
    return key_for(record.certificate_number, registration_id, record.event_id.bytes)


def key_for(number: str | None, registration_id: str | None, event_id: bytes) -> bytes:
    """The key in UTF-8: the well-formed number; `r:` + registration id; `e:` + event id (lower-case UUID).

    `number` is in its normal form. It depends on syntax alone: whether nine bare digits are plausible for
    the birth year is the decision's business.
    """
    if number is not None and is_wellformed(number):
        return number.encode()
    if registration_id is not None:
        return b"r:" + registration_id.encode()
    hex_ = event_id.hex()
    return f"e:{hex_[:8]}-{hex_[8:12]}-{hex_[12:16]}-{hex_[16:20]}-{hex_[20:]}".encode()
