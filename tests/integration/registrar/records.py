"""Intake records for tests, and a producer that puts them where the gateway would."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterable

from confluent_kafka import Producer

from natalog import events
from natalog.wire.codec import encode
from natalog.wire.murmur2 import partition_of
from natalog.wire.partition import key_of

STATION = events.Principal(sub="desk-1", org="330106000000", roles=("station",))
ISSUER = events.Principal(sub="issuer-1", org="330000", roles=("health_authority",))
ADMIN = events.Principal(sub="admin-1", org="330100", roles=("prefecture_admin",))
UNIT = "330106000000"
_serial = itertools.count()


def now() -> int:
    return int(time.time() * 1000)


def number(partition: int | None = None) -> str:
    """A certificate number no test has used before, of this partition if one is given."""
    while True:
        candidate = f"Y{33_000_0000 + next(_serial):09d}"
        if partition is None or partition_of(candidate.encode(), 12) == partition:
            return candidate


def filing(
    certificate: str,
    *,
    registration: str | None = None,
    registered_at: int | None = None,
    backfill: bool = False,
    sealed: bytes = b"",
) -> events.Filing:
    days = 400 if backfill else 0
    return events.Filing(
        event_id=uuid.uuid4(),
        certificate_number=certificate,
        unit_code=UNIT,
        occurred_at=now(),
        submitter=events.Principal(sub="adapter-1", org="330100", roles=("adapter",))
        if backfill
        else STATION,
        registration_id=registration or uuid.uuid4().hex,
        registered_at=now() - 60_000 - days * 86_400_000 if registered_at is None else registered_at,
        category="ORDINARY",
        household_kind="FAMILY",
        relation_to_head="20",
        follows="BOTH",
        birth_date=20_400 - days,
        parents_married=True,
        gate=str(uuid.uuid4()),
        origin=events.Origin.BACKFILL if backfill else events.Origin.LIVE,
        sealed=sealed or None,
        key_id="k1" if sealed else None,
    )


def claim(certificate: str) -> events.Claim:
    return events.Claim(
        event_id=uuid.uuid4(),
        certificate_number=certificate,
        unit_code=UNIT,
        occurred_at=now(),
        submitter=STATION,
    )


def void(certificate: str, *, replaced_by: str | None = None) -> events.Invalidation:
    return events.Invalidation(
        event_id=uuid.uuid4(),
        certificate_number=certificate,
        unit_code="330000000000",
        occurred_at=now(),
        submitter=ISSUER,
        action=events.InvalidationAction.VOID,
        issuer="330000",
        cause="EXCHANGED" if replaced_by else "ERROR",
        replaced_by=replaced_by,
    )


def listing(certificate: str) -> events.BlacklistChange:
    return events.BlacklistChange(
        event_id=uuid.uuid4(),
        certificate_number=certificate,
        unit_code=UNIT,
        occurred_at=now(),
        submitter=ADMIN,
        action=events.BlacklistAction.ADD,
        cause="LOST",
        owner="330100",
    )


def completion(certificate: str, registration: str) -> events.Completion:
    return events.Completion(
        event_id=uuid.uuid4(),
        certificate_number=certificate,
        unit_code=UNIT,
        occurred_at=now(),
        submitter=STATION,
        registration_id=registration,
        registered_at=now(),
    )


def overdue(certificate: str, registration: str | None = None) -> events.FilingOverdue:
    return events.FilingOverdue(
        event_id=uuid.uuid4(),
        certificate_number=certificate,
        unit_code=UNIT,
        occurred_at=now(),
        submitter=events.Principal(sub="watch", org="", roles=("watch",)),
        registration_id=registration or uuid.uuid4().hex,
        due_at=now(),
        observed_at=now(),
    )


TOPIC_OF = {
    events.Claim: "birth.registrations",
    events.Completion: "birth.registrations",
    events.Filing: "birth.registrations",
    events.Invalidation: "certificate.invalidations",
    events.BlacklistChange: "blacklist.changes",
    events.FilingOverdue: "sla.alerts",
}


class Sender:
    """Sends intake records. `send` waits until the broker has them."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "log_level": 0,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.max.bytes": 262_144,
                "batch.size": 200_000,
            }
        )

    def send(self, records: Iterable[events.Intake], *, topic: str | None = None) -> int:
        count = 0
        for record in records:
            bulk = isinstance(record, events.Filing) and record.origin is events.Origin.BACKFILL
            where = topic or ("birth.backfill" if bulk else TOPIC_OF[type(record)])
            self.put(where, key_of(record), encode(record))
            count += 1
        self.flush()
        return count

    def put(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        where = -1 if partition is None else partition  # -1: by the key
        while True:
            try:
                self._producer.produce(topic, value, key, where, _delivered)
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0


def _delivered(error: object, _message: object) -> None:
    assert error is None, error
