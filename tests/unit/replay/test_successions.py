"""Successions: called for on one partition, decided on another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from natalog import events
from natalog.events import Principal
from natalog.replay.finding import Kind
from natalog.replay.report import Report
from natalog.replay.source import MemorySource
from natalog.replay.verify import verify
from natalog.wire.codec import decode, encode
from tests.golden.memory_ledger import START, SUCCESSIONS, MemoryLedger
from tests.golden.scenes import filing, void


class Tampering(MemoryLedger):
    """What becomes of a Succession on its way is `fate`."""

    def __init__(self, fate: str = "") -> None:
        super().__init__()
        self.fate = fate

    def put(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> Any:
        if partition is None or topic != SUCCESSIONS or not self.fate:
            return super().put(topic, key, value, partition)
        if self.fate == "lost":
            return None
        if self.fate == "waits":
            return self.append(topic, partition, key, value)
        record = decode(value)
        assert isinstance(record, events.Succession)
        return super().put(topic, key, encode(replace(record, registration_id="another")), partition)


def _exchange(ledger: MemoryLedger) -> tuple[str, str]:
    """A used number of partition 2 is exchanged for one of partition 9: its third entry calls for a Succession."""
    used, spare = ledger.number(2), ledger.number(9)
    ledger.send(filing(ledger, ledger.number(2)))
    ledger.send(filing(ledger, used))
    ledger.send(void(ledger, used, spare))
    return used, spare


def _audit(ledger: MemoryLedger) -> Report:
    return verify(ledger.source(), now=START)


def test_right():
    ledger = Tampering()
    _exchange(ledger)
    assert _audit(ledger).found == []


def test_never_sent():
    ledger = Tampering("lost")
    _, spare = _exchange(ledger)
    (found,) = _audit(ledger).found
    assert (found.kind, found.partition, found.seq, found.offset) == (Kind.SUCCESSION_UNSENT, 2, 2, 4)
    assert spare in found.expected


def test_waiting_for_its_entry():
    ledger = Tampering("waits")
    _exchange(ledger)
    report = _audit(ledger)
    assert report.found == []
    assert report.pending_successions == 1


def test_waiting_with_other_bytes():
    ledger = Tampering("waits")
    _exchange(ledger)
    log = ledger.intake[SUCCESSIONS, 9]
    record = decode(log[0].value)
    assert isinstance(record, events.Succession)
    log[0] = log[0]._replace(value=encode(replace(record, ended=True)))
    assert [f.kind for f in _audit(ledger).found] == [Kind.SUCCESSION_UNSENT]


def test_other_than_called_for():
    ledger = Tampering("altered")
    _exchange(ledger)
    (found,) = _audit(ledger).found
    assert (found.kind, found.partition, found.seq) == (Kind.SUCCESSION_DIFFERS, 9, 0)
    assert found.field == "input.registration_id"
    assert found.detail == "called for by partition 2, seq 2"


@pytest.mark.parametrize("origin", ["predecessor", None])
def test_forged(origin):
    ledger = Tampering()
    used, spare = ledger.number(2), ledger.number(9)
    ledger.send(filing(ledger, spare))
    forged = events.Succession(
        event_id=ledger.id(),
        certificate_number=spare,
        unit_code="330000000000",
        submitter=Principal(sub="registrar", org="", roles=("registrar",)),
        predecessor=used if origin else None,
        registration_id="reg-x",
        chain=(used,),
    )
    ledger.send(forged)
    (found,) = _audit(ledger).found
    assert (found.kind, found.partition, found.seq, found.field) == (
        Kind.SUCCESSION_FORGED,
        9,
        1,
        "input.event_id",
    )


def test_partitions_not_read_are_not_judged():
    ledger = Tampering()
    _exchange(ledger)
    for partition in (2, 9):
        report = verify(MemorySource({partition: ledger.ledger[partition]}, ledger.intake))
        assert report.found == []
        assert report.unchecked_successions == 1


def test_decided_after_the_ends_were_sampled():
    """Its cause may lie beyond the sampled end of another partition."""
    ledger = Tampering()
    _exchange(ledger)

    class Running(MemorySource):
        def settled(self, partition: int) -> int:
            return 0

    ledger.ledger[2].pop()
    source = Running(ledger.ledger, ledger.intake)
    assert verify(source, now=START).found == []
    assert [f.kind for f in verify(ledger.source(), now=START).found] == [Kind.SUCCESSION_FORGED]
