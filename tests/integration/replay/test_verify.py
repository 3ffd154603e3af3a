"""`natalog replay verify` against a running Kafka."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from dataclasses import replace

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from natalog import events
from natalog.exits import Exit
from natalog.replay import kafka_logs
from natalog.replay.finding import Kind
from natalog.replay.verify import verify
from natalog.wire.codec import decode, encode
from natalog.wire.partition import key_of
from tests.integration.registrar.records import claim, filing, listing, number, overdue, void
from tests.integration.replay.writing import Written
from tests.ledger_check import read_logs


def _day(written: Written) -> int:
    """Some of everything, a Succession across partitions and unreadable bytes among it."""
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
    code, report = written.verify()
    assert (code, report["findings"]) == (Exit.DONE, [])
    assert report["entries"] == entries
    assert report["verdicts"]["REPEATED"] == 20
    assert report["verdicts"]["UNREADABLE"] == 2
    assert {p["partition"]: (p["seq"], p["hash"]) for p in report["partitions"] if p["entries"]} == {
        p: (head.seq - 1, head.prev.hex()) for p, head in written.heads.items() if head.seq
    }


def test_one_partition(written: Written) -> None:
    _day(written)
    code, report = written.verify("--partition", "3", "--partition", "7")
    assert (code, report["findings"]) == (Exit.DONE, [])
    assert [p["partition"] for p in report["partitions"]] == [3, 7]


def test_empty_ledger(written: Written) -> None:
    code, report = written.verify()
    assert (code, report["entries"]) == (Exit.DONE, 0)


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
    code, report = written.verify()
    assert code == Exit.DIFFERS
    (found,) = report["findings"]
    assert (found["kind"], found["partition"], found["seq"], found["offset"]) == ("VOID", 5, 1, place)
    assert report["partitions"][5]["entries"] == 4


def test_forged_entry(written: Written) -> None:
    """A decision that was changed before it was written, with a right chain."""
    written.send(*(filing(number(5)) for _ in range(3)))

    def forge(value: bytes) -> bytes:
        entry = decode(value)
        assert isinstance(entry, events.Entry)
        return encode(replace(entry, delay_ms=1)) if entry.seq == 2 else value

    written.decide(forge)
    code, report = written.verify()
    assert code == Exit.DIFFERS
    (found,) = report["findings"]
    assert (found["kind"], found["partition"], found["seq"], found["field"]) == ("DECISION", 5, 2, "delay_ms")
    assert found["found"] == "1"


def test_intake_that_was_skipped(written: Written) -> None:
    written.send(*(filing(number(5)) for _ in range(3)))
    written.decide()
    written.send(filing(number(5)))
    written.heads[5].causes[0] += 1
    written.send(filing(number(5)))
    written.decide()
    code, report = written.verify()
    (found,) = report["findings"]
    assert (code, found["kind"], found["partition"], found["seq"]) == (Exit.DIFFERS, "CAUSE_MISSING", 5, 3)
    assert "birth.registrations offset 3" in found["found"]


def test_intake_that_expired(written: Written) -> None:
    entries = _day(written)
    admin = AdminClient({"bootstrap.servers": written.bootstrap})
    up_to = [TopicPartition("birth.registrations", p, -1) for p in range(12)]
    for future in admin.delete_records(up_to).values():
        future.result()
    code, report = written.verify()
    assert (code, report["findings"], report["entries"]) == (Exit.DONE, [], entries)
    assert report["expired"] > entries / 2


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
    code, report = written.verify()
    (found,) = report["findings"]
    assert (code, found["kind"], found["partition"]) == (Exit.DIFFERS, "SUCCESSION_FORGED", 9)


def test_open_transaction_is_waited_for(written: Written) -> None:
    """What is committed after the ends were sampled, but was written before, is read."""
    written.send(filing(number(5)))
    written.decide()
    stranger = written.transactional()
    stranger.begin_transaction()
    stranger.produce("ledger", b"never", b"k", 5)
    stranger.flush()
    written.send(filing(number(5)))
    written.decide()
    threading.Timer(2, stranger.abort_transaction, [30]).start()
    code, report = written.verify()
    assert (code, report["findings"]) == (Exit.DONE, [])
    assert report["partitions"][5]["entries"] == 2


def test_open_transaction_that_does_not_end(written: Written) -> None:
    written.send(filing(number(5)), filing(number(6)))
    written.decide()
    stranger = written.transactional()
    stranger.begin_transaction()
    stranger.produce("ledger", b"never", b"k", 5)
    stranger.flush()
    logs = kafka_logs.KafkaLogs(written.bootstrap, patience=1.5)
    try:
        report = verify(logs)
    finally:
        logs.close()
    stranger.abort_transaction(30)
    assert [(f.kind, f.partition) for f in report.found] == [(Kind.STALLED, 5)]
    assert [p.entries for p in report.partitions][5:7] == [1, 1]


def test_readable_output_and_exit_codes(written: Written) -> None:
    written.send(filing(number(5)))
    written.decide()
    written.put("ledger", 5, b"k", b"nonsense")

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "natalog", "replay", "verify", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    found = run("--kafka", written.bootstrap)
    assert found.returncode == Exit.DIFFERS
    assert "VOID" in found.stdout
    assert "8 bytes that are none" in found.stdout
    assert written.heads[5].prev.hex() in found.stdout
    away = run("--kafka", "127.0.0.1:9")
    assert away.returncode == Exit.UNREACHABLE
    assert "127.0.0.1:9" in away.stderr
    assert run("--kafka", written.bootstrap, "--partition", "12").returncode == Exit.USAGE
    assert run("--kafka", written.bootstrap, "--rules", "/nowhere").returncode == Exit.USAGE
    assert run("--data", str(written.directory)).returncode == Exit.UNREACHABLE
