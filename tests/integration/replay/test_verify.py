"""`natalog replay verify` against a running Kafka."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from dataclasses import replace

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from natalog import events
from natalog.exits import Exit
from natalog.replay.finding import Kind
from natalog.wire.codec import decode, encode
from natalog.wire.partition import key_of
from tests.integration.registrar.records import claim, filing, listing, number, overdue, void
from tests.integration.replay.writing import Written
from tests.ledger_check import read_logs


def _day(written: Written) -> int:
    """Some of everything, Successions across partitions and unreadable bytes among it."""
    spares = [number() for _ in range(20)]
    for spare in spares:
        taken = number()
        registered = filing(taken)
        written.send(claim(taken), registered, registered, filing(taken), void(taken, replaced_by=spare))
        written.send(listing(number()), overdue(number()))
    written.decide()
    written.send(*(filing(spare) for spare in spares))
    written.put("blacklist.changes", 3, b"k", b"no record")
    written.put("sla.alerts", 4, b"", None)
    written.decide()
    return 20 * 9 + 2


def test_right_ledger(written: Written) -> None:
    entries = _day(written)
    report = written.audit()
    assert report.found == []
    assert report.entries == entries
    assert report.verdicts["REPEATED"] == 20
    assert report.verdicts["UNREADABLE"] == 2
    assert {p.partition: (p.seq, p.hash) for p in report.partitions if p.entries} == {
        p: (head.seq - 1, head.prev.hex()) for p, head in written.heads.items() if head.seq
    }
    some = written.audit(3, 7)
    assert some.found == []
    assert [p.partition for p in some.partitions] == [3, 7]


def test_intake_that_expired(written: Written) -> None:
    entries = _day(written)
    admin = AdminClient({"bootstrap.servers": written.bootstrap})
    up_to = [TopicPartition("birth.registrations", p, -1) for p in range(12)]
    for future in admin.delete_records(up_to).values():
        future.result()
    report = written.audit()
    assert (report.found, report.entries) == ([], entries)
    assert report.expired > entries / 2


def test_stranger_with_transactions(written: Written) -> None:
    """A void entry, and an aborted one that nobody sees."""
    written.send(*(filing(number(5)) for _ in range(3)))
    written.decide()
    stranger = written.transactional()
    copy = read_logs(written.bootstrap, ["ledger"])["ledger"][5][1]
    for ending in (stranger.abort_transaction, stranger.commit_transaction):
        stranger.begin_transaction()
        stranger.produce("ledger", copy.value, copy.key, 5)
        stranger.flush()
        ending(30)
    written.send(filing(number(5)))
    written.decide()
    place = read_logs(written.bootstrap, ["ledger"])["ledger"][5][3].offset
    report = written.audit()
    assert [(f.kind, f.partition, f.seq, f.offset) for f in report.found] == [(Kind.VOID, 5, 1, place)]
    assert report.partitions[5].entries == 4


def test_forged_entry(written: Written) -> None:
    """A decision that was changed before it was written; as the last one, it has a right chain."""
    written.send(*(filing(number(5)) for _ in range(3)))

    def forge(value: bytes) -> bytes:
        entry = decode(value)
        assert isinstance(entry, events.Entry)
        return encode(replace(entry, delay_ms=1)) if entry.seq == 2 else value

    written.decide(forge)
    (found,) = written.audit().found
    assert (found.kind, found.partition, found.seq, found.field) == (Kind.DECISION, 5, 2, "delay_ms")
    assert found.found == "1"


def test_intake_that_was_skipped(written: Written) -> None:
    written.send(*(filing(number(5)) for _ in range(3)))
    written.decide()
    written.send(filing(number(5)))
    written.heads[5].causes[0] += 1
    written.send(filing(number(5)))
    written.decide()
    (found,) = written.audit().found
    assert (found.kind, found.partition, found.seq) == (Kind.CAUSE_MISSING, 5, 3)
    assert "birth.registrations offset 3" in found.found


def test_succession_nobody_called_for(written: Written) -> None:
    used, spare = number(2), number(9)
    written.send(filing(used), void(used, replaced_by=spare))
    written.decide()
    sent = read_logs(written.bootstrap, ["certificate.invalidations"])["certificate.invalidations"][9][0]
    genuine = decode(sent.value)
    assert isinstance(genuine, events.Succession)
    forged = replace(genuine, event_id=uuid.uuid4(), registration_id="another")
    written.put("certificate.invalidations", 9, key_of(forged), encode(forged))
    written.decide()
    assert [(f.kind, f.partition) for f in written.audit().found] == [(Kind.SUCCESSION_FORGED, 9)]


def test_open_transaction(written: Written) -> None:
    """It is waited for: what was written before the ends were sampled is read. One that does not end is said."""
    written.send(filing(number(5)), filing(number(6)))
    written.decide()
    stranger = written.transactional()
    stranger.begin_transaction()
    stranger.produce("ledger", b"never", b"k", 5)
    stranger.flush()
    written.send(filing(number(5)))
    written.decide()
    stalled = written.audit(patience=3.0)
    assert [(f.kind, f.partition) for f in stalled.found] == [(Kind.STALLED, 5)]
    assert [p.entries for p in stalled.partitions][5:7] == [1, 1]
    threading.Timer(2, stranger.abort_transaction, [30]).start()
    report = written.audit()
    assert report.found == []
    assert report.partitions[5].entries == 2


def test_command_line(written: Written) -> None:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "natalog", "replay", "verify", "--kafka", written.bootstrap]
        return subprocess.run([*command, *options], capture_output=True, text=True, timeout=120)

    right = run()
    assert right.returncode == Exit.DONE
    assert "The ledger holds." in right.stdout
    written.send(filing(number(5)))
    written.decide()
    written.put("ledger", 5, b"k", b"nonsense")
    found = run("--json")
    assert found.returncode == Exit.DIFFERS
    report = json.loads(found.stdout)
    assert not report["ok"]
    assert report["findings_by_kind"] == {"VOID": 1}
    assert report["findings"][0]["found"] == "8 bytes that are none"
    assert report["partitions"][5]["hash"] == written.heads[5].prev.hex()
    assert report["partitions"][5]["verdicts"] == {"ACCEPTED": 1}
