"""What comes in comes out: one entry per record, whatever the record is."""

from __future__ import annotations

import os
import signal
import time
import uuid
from functools import partial
from typing import Any

from natalog.events import Entry, Verdict
from natalog.wire.codec import decode, encode
from natalog.wire.partition import key_of
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import (
    claim,
    completion,
    filing,
    listing,
    now,
    number,
    overdue,
    void,
)

DECADES = 30 * 365 * 86_400_000


def test_every_topic_is_decided(bench: Bench) -> None:
    bench.registrar().wait_ready()
    sent = bench.sender.send(
        [
            *(filing(number()) for _ in range(200)),
            *(claim(number()) for _ in range(50)),
            *(filing(number(), backfill=True) for _ in range(300)),
            *(void(number()) for _ in range(40)),
            *(listing(number()) for _ in range(40)),
            *(overdue(number()) for _ in range(40)),
        ]
    )
    checked = bench.eventually(sent)
    assert {entry.verdict for entry in checked.all()} == {Verdict.ACCEPTED}
    assert not checked.void


def test_repeats_and_rivals_of_one_number(bench: Bench) -> None:
    bench.registrar().wait_ready()
    certificate = number()
    first = filing(certificate)
    bench.sender.send([first, first, filing(certificate), claim(certificate), first])
    verdicts = [entry.verdict for entry in bench.eventually(5).all()]
    assert verdicts.count(Verdict.ACCEPTED) == 1
    assert verdicts.count(Verdict.REPEATED) == 2
    assert verdicts.count(Verdict.REFUSED) == 2


def test_bad_input_becomes_an_entry_each(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    put, good = bench.sender.put, filing(number())
    put("birth.registrations", b"k", b"no record at all", 3)
    put("birth.registrations", None, b"no key", 3)
    put("birth.registrations", b"k", None, 3)
    put("birth.registrations", None, None, 3)
    put("birth.registrations", b"\xff", b"the key the store keeps its position under", 3)
    put("birth.registrations", b"\xff\xff", b"\xc3\x01 cut", 3)
    put("birth.registrations", b"wrong key", encode(good))
    put("birth.registrations", key_of(good), encode(good), (partition_of(key_of(good)) + 1) % 12)
    put("sla.alerts", key_of(good), encode(good))
    put("birth.registrations", key_of(good), encode(good)[:-9])
    put("birth.registrations", b"e:" + str(uuid.uuid4()).encode(), encode(good), 7)
    bench.sender.flush()
    citizen = "330106202306010017"  # an id where a number belongs
    ahead, behind = (filing(number(), registered_at=now() + years) for years in (DECADES, -DECADES))
    first, last = (filing(number(), registered_at=at) for at in (-(1 << 63), (1 << 63) - 1))
    bench.sender.send([good, ahead, behind, first, last, filing(citizen), claim(citizen)])
    checked = bench.eventually(18)
    entries = checked.all()
    assert [entry.verdict for entry in entries].count(Verdict.ACCEPTED) == 5
    assert [entry.verdict for entry in entries].count(Verdict.UNREADABLE) == 7
    assert [entry.reason for entry in entries].count("MISROUTED") == 4
    assert [entry.reason for entry in entries].count("MALFORMED_NUMBER") == 2
    flags = {
        record.event_id: entry.flags
        for entry in entries
        if entry.verdict is Verdict.ACCEPTED and (record := record_of(entry))
    }
    assert flags[good.event_id] == ()
    assert "CLOCK_SKEW" in flags[ahead.event_id]
    assert "CLOCK_SKEW" in flags[last.event_id]
    assert "FILED_LATE" in flags[behind.event_id]
    assert "FILED_LATE" in flags[first.event_id]
    assert registrar.report()["halted"] == {}
    # And the same again after a restart: what was folded is what was decided.
    registrar.kill()
    bench.registrar(data="fresh").wait_ready()
    bench.sender.send([filing(number()) for _ in range(30)])
    bench.eventually(48)


def record_of(entry: Entry) -> Any:
    assert isinstance(entry.input, bytes)
    return decode(entry.input)


def test_record_near_the_size_limit(bench: Bench) -> None:
    bench.registrar().wait_ready()
    large = [filing(number(), sealed=b"\x00\xff" * 120_000) for _ in range(3)]
    noise = bytes(range(256)) * 1_010
    bench.sender.send(large)
    bench.sender.put("birth.registrations", b"noise", noise, 5)
    bench.sender.flush()
    checked = bench.eventually(4)
    assert max(len(e.input) for e in checked.all() if isinstance(e.input, bytes)) > 240_000


def test_succession_comes_with_the_entry_that_calls_for_it(bench: Bench) -> None:
    bench.registrar().wait_ready()
    old, new = number(0), number(11)
    bench.sender.send([filing(old)])
    bench.eventually(1)
    bench.sender.send([void(old, replaced_by=new)])
    checked = bench.eventually(3)  # the filing, the void, the succession it brought forth
    assert [entry.topic for entry in checked.entries[11]] == ["certificate.invalidations"]
    bench.sender.send([filing(new)])
    spare = bench.eventually(4).entries[11][-1]
    assert (spare.verdict, spare.reason) == (Verdict.REFUSED, "SUCCEEDS_USED")


def test_many_successions_into_one_partition_at_once(bench: Bench) -> None:
    """Intake topics take smaller batches than the ledger; a refused one would be tried again for ever."""
    pairs = [(number(0), number(11)) for _ in range(1_800)]
    bench.sender.send([void(old, replaced_by=new) for old, new in pairs])
    registrar = bench.registrar().wait_ready()
    checked = bench.eventually(2 * len(pairs), timeout=60)
    assert len(checked.entries[11]) == len(pairs)
    # The markers of their transactions lie behind the last of them and wait for nobody.
    registrar.wait_for(lambda: registrar.metric("natalog_undecided_records") == 0)
    registrar.wait_for(lambda: registrar.metric("natalog_oldest_undecided_seconds") == 0)
    assert registrar.metric("natalog_registrar_batches_thrown_away_total") == 0


def test_an_alert_waits_for_what_came_before_it(bench: Bench) -> None:
    """sla.alerts is read in no time; the completion it is about stands behind a backlog."""
    certificate, registration = number(4), uuid.uuid4().hex
    registrar = bench.registrar().wait_ready()
    registrar.signal(signal.SIGSTOP)
    time.sleep(0.5)  # the fetch that was under way is answered: there was nothing
    sent = bench.sender.send([filing(number(4), sealed=os.urandom(2_000)) for _ in range(1_500)])
    sent += bench.sender.send([completion(certificate, registration)])
    sent += bench.sender.send([overdue(certificate, registration)])
    registrar.signal(signal.SIGCONT)
    *_, told, alert = bench.eventually(sent).entries[4]
    assert (told.topic, alert.topic) == ("birth.registrations", "sla.alerts")
    assert "OVERDUE" in alert.flags


def test_unknown_fingerprint_halts_its_partition_alone(bench: Bench) -> None:
    bench.sender.send([filing(number(4)) for _ in range(5)])
    bench.sender.put("birth.registrations", b"k", b"\xc3\x01" + b"newer..." + b"body", 4)
    bench.sender.send([filing(number(4)) for _ in range(5)])
    bench.sender.send([filing(number(partition)) for partition in range(12) if partition != 4])
    registrar = bench.registrar(at="poll:after:1", do="linger").wait_ready()
    registrar.wait_lingering("poll")
    time.sleep(0.5)  # all of it is in one batch
    registrar.go_on("poll")
    # What stands before it is decided, even of the same batch; nothing after it is.
    checked = bench.eventually(5 + 11, undecided=lambda _, partition: partition == 4)
    assert not checked.void, "what was read again after the halt was decided again"
    assert len(checked.entries[4]) == 5
    registrar.wait_for(lambda: registrar.report()["halted"] == {"4": "unknown fingerprint"})
    assert registrar.metric("natalog_partition_halted", partition="4") == 1
    assert registrar.metric("natalog_partition_halted") == 1
    assert registrar.report()["ready"], "the others go on"
    # What waits there is told by its own age: it was not the registrar that began to wait.
    time.sleep(2.5)
    registrar.wait_for(lambda: registrar.metric("natalog_undecided_records", partition="4") == 6)
    registrar.wait_for(lambda: registrar.metric("natalog_undecided_records") == 6)
    # Of 22 records: what a share of decided ones is had from.
    decided = partial(registrar.metric, "natalog_intake_decided_offset", topic="birth.registrations")
    registrar.wait_for(lambda: decided() == 5 + 11, what="decided offsets")
    assert registrar.metric("natalog_state_bytes", store="numbers") > 1_000
    registrar.wait_for(lambda: 2.5 < registrar.metric("natalog_oldest_undecided_seconds") < 600, what="age")
    registrar.kill()
    again = bench.registrar()
    again.wait_for(lambda: again.metric("natalog_undecided_records", partition="4") == 6)
    again.wait_for(lambda: again.metric("natalog_oldest_undecided_seconds", topic="birth.registrations") > 5)


def partition_of(key: bytes) -> int:
    from natalog.wire.murmur2 import partition_of as of

    return int(of(key, 12))
