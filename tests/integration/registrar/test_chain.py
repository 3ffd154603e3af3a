"""What stands on the ledger decides, and nobody but the registrar may extend it."""

from __future__ import annotations

import hashlib
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from natalog import events
from natalog.decision.rules import NEWEST
from natalog.exits import Exit
from natalog.ledger.head import Head
from natalog.ledger.seal import seal_with
from natalog.ledger.step import decide_batch
from natalog.ledger.store import Position, Store
from natalog.wire.codec import encode
from natalog.wire.partition import key_of
from natalog.wire.topics import INTAKE_TOPICS
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import filing, now, number
from tests.ledger_check import read_logs

LEAD = INTAKE_TOPICS.index("birth.registrations")


def foreign(bench: Bench, **settings: object) -> Producer:
    return Producer({"bootstrap.servers": bench.bootstrap, "partitioner": "murmur2_random", **settings})


def head_of(bench: Bench, partition: int) -> Head:
    """Head after what stands there now (which must all be valid)."""
    head = Head.genesis()
    for entry, record in zip(
        bench.check(complete=False).entries[partition],
        read_logs(bench.bootstrap, ["ledger"])["ledger"][partition],
        strict=True,
    ):
        head.causes[INTAKE_TOPICS.index(entry.topic)] = entry.offset
        head.seq, head.prev = entry.seq + 1, hashlib.sha256(record.value or b"").digest()
    return head


def entry_for(
    bench: Bench, partition: int, head: Head, record: events.Filing, offset: int, received_at: int
) -> tuple[bytes, bytes]:
    outcome = decide_batch(
        head,
        partition,
        [LEAD],
        [offset],
        [received_at],
        [key_of(record)],
        [encode(record)],
        {},
        NEWEST,
        seal_with(bench.seal_key),
    )
    return outcome.entries[0]


def test_void_entries_are_skipped_and_alarmed(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(2)) for _ in range(5)])
    bench.eventually(sent)
    assert registrar.stop() == Exit.DONE
    # The next by seq and prev, for a cause that is decided already.
    key, value = entry_for(bench, 2, head_of(bench, 2), filing(number(2)), 1, now())
    producer = foreign(bench)
    log = read_logs(bench.bootstrap, ["ledger"])["ledger"][2]
    producer.produce("ledger", b"no entry", b"k", 2)
    producer.produce("ledger", b"\xc3\x01 no schema we know", b"k", 2)
    producer.produce("ledger", None, None, 2)
    producer.produce("ledger", log[-1].value, log[-1].key, 2)  # an entry, but not the next
    producer.produce("ledger", value, key, 2)
    producer.flush()
    # Once from stored state and once from the first offset, where what was met before is history.
    for data, counted in (("", 5), ("fresh", 0)):
        again = bench.registrar(data=data).wait_ready()
        assert again.metric("natalog_void_entries_total", partition="2") == counted
        assert again.logged("void entries on the ledger")
        sent += bench.sender.send([filing(number(2)) for _ in range(5)])
        checked = bench.eventually_valid(sent)
        assert len(checked.void[2]) == 5
        again.kill()


def test_foreign_record_while_idle_ends_the_registrar(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(2)) for _ in range(5)])
    bench.eventually(sent)
    producer = foreign(bench)
    producer.produce("ledger", b"foreign", b"k", 2)
    producer.flush()
    assert registrar.wait_end(60) == Exit.FOREIGN_WRITER
    again = bench.registrar().wait_ready()
    assert again.metric("natalog_void_entries_total", partition="2") == 1
    sent += bench.sender.send([filing(number(2)) for _ in range(5)])
    assert len(bench.eventually_valid(sent).void[2]) == 1
    assert again.process.poll() is None


def test_foreign_valid_entry_counts_and_nothing_is_decided_twice(bench: Bench) -> None:
    """Somebody decides the next record before us. Ours for it must never be committed."""
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(2)) for _ in range(3)])
    bench.eventually(sent)
    record = filing(number(2))
    head = head_of(bench, 2)
    # Before the record exists: the registrar meets its own next place taken while writing.
    key, value = entry_for(bench, 2, head, record, 3, received_at := now())
    producer = foreign(bench)
    producer.produce("ledger", value, key, 2)
    producer.flush()
    sent += bench.sender.send([record, *(filing(number(2)) for _ in range(3))])
    assert registrar.wait_end(60) == Exit.FOREIGN_WRITER
    ledger = read_logs(bench.bootstrap, ["ledger"])["ledger"][2]
    assert len(ledger) == 4, "a batch on top of a foreign entry was committed"
    again = bench.registrar().wait_ready()
    assert again.metric("natalog_store_refolded_total") == 0, "what was not committed had reached the state"
    deadline = time.monotonic() + 60
    while (
        len(ledger := read_logs(bench.bootstrap, ["ledger"])["ledger"][2]) < 7 and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    causes = [(e.seq, e.offset) for e in bench.chain(2)]
    assert causes == [(n, n) for n in range(7)]
    assert bench.chain(2)[3].received_at == received_at, "the foreign entry is the one that counts"


def test_open_transaction_at_the_end_is_waited_out(bench: Bench) -> None:
    """A former holder is still committing: its entry lies beyond the last stable offset, but before the end."""
    record = filing(number(2))
    bench.sender.send([record])
    received_at = read_logs(bench.bootstrap, ["birth.registrations"])["birth.registrations"][2][0].timestamp
    key, value = entry_for(bench, 2, Head.genesis(), record, 0, received_at)
    former = foreign(bench, **{"transactional.id": f"{bench.group}-former", "transaction.timeout.ms": 60_000})
    former.init_transactions(30)
    former.begin_transaction()
    former.produce("ledger", value, key, 2)
    former.flush()
    registrar = bench.registrar()
    registrar.wait_for(lambda: len(registrar.report()["deciding"]) == 11, what="deciding the others")
    sent = 1 + bench.sender.send([filing(number(partition)) for partition in (2, 3)])
    time.sleep(2)
    assert 2 not in registrar.report()["deciding"]
    former.commit_transaction(30)
    registrar.wait_ready()
    checked = bench.eventually(sent)
    assert not checked.void, "decided on top of an entry it had not seen"
    assert registrar.process.poll() is None


def test_open_transaction_that_has_only_offsets_yet(bench: Bench) -> None:
    """A former holder has passed the group's fence and may still commit, but nothing of it is on the ledger yet."""
    record = filing(number(2))
    bench.sender.send([record])
    received_at = read_logs(bench.bootstrap, ["birth.registrations"])["birth.registrations"][2][0].timestamp
    key, value = entry_for(bench, 2, Head.genesis(), record, 0, received_at)
    former = foreign(bench, **{"transactional.id": f"{bench.group}-former", "transaction.timeout.ms": 60_000})
    former.init_transactions(30)
    former.begin_transaction()
    outside = Consumer({"bootstrap.servers": bench.bootstrap, "group.id": bench.group})
    former.send_offsets_to_transaction(
        [TopicPartition("birth.registrations", 2, 1)], outside.consumer_group_metadata(), 30
    )
    registrar = bench.registrar()
    registrar.wait_for(lambda: not registrar.report()["ready"], what="assigned")
    time.sleep(2)
    assert registrar.report()["deciding"] == []
    former.produce("ledger", value, key, 2)
    former.commit_transaction(30)
    outside.close()
    sent = 1 + bench.sender.send([filing(number(2)) for _ in range(3)])
    registrar.wait_ready()
    checked = bench.eventually(sent)
    assert not checked.void, "decided what the former holder had decided"


def test_open_transaction_that_is_given_up(bench: Bench) -> None:
    former = foreign(bench, **{"transactional.id": f"{bench.group}-former"})
    former.init_transactions(30)
    former.begin_transaction()
    former.produce("ledger", b"never", b"k", 2)
    former.flush()
    sent = bench.sender.send([filing(number(2)) for _ in range(3)])
    registrar = bench.registrar()
    registrar.wait_for(lambda: len(registrar.report()["deciding"]) == 11, what="deciding the others")
    former.abort_transaction(30)
    registrar.wait_ready()
    assert not bench.eventually(sent).void
    assert registrar.metric("natalog_registrar_batches_thrown_away_total") == 0


def test_state_of_a_ledger_that_was_deleted(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    bench.sender.send([filing(number()) for _ in range(40)])
    bench.eventually(40)
    assert registrar.stop() == Exit.DONE
    bench.empty()
    sent = bench.sender.send([filing(number()) for _ in range(30)])
    again = bench.registrar().wait_ready()
    assert not bench.eventually(sent).void
    assert again.metric("natalog_store_refolded_total", cause="other ledger") == 1


def test_state_that_is_not_of_this_ledger(bench: Bench) -> None:
    """As after a broker was set back from a copy: the same ids, but another last entry, or none there."""
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(partition)) for partition in (1, 2) for _ in range(5)])
    bench.eventually(sent)
    assert registrar.stop() == Exit.DONE
    store = Store(bench.directory / "r1" / "registrar", 12)
    for partition, last in ((1, 3), (2, 70)):
        position = store.shelves[partition].position()
        assert position is not None
        head = position.head
        head.seq += 1 if last == 3 else 65
        head.prev = hashlib.sha256(b"an entry that was lost").digest()
        head.offset = max(head.offset, last + 1)
        head.causes[LEAD] += 1
        store.shelves[partition].write({}, Position(head, last))
    store.close()
    del store
    sent += bench.sender.send([filing(number(partition)) for partition in (1, 2) for _ in range(5)])
    again = bench.registrar().wait_ready()
    assert not bench.eventually(sent).void
    assert again.metric("natalog_store_refolded_total", cause="disagrees") == 2
