"""Where consumption starts: at the causes on the ledger, whatever the group has committed."""

from __future__ import annotations

import signal
import time

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import filing, listing, number


def test_lost_committed_offsets(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number()) for _ in range(100)])
    bench.eventually(sent)
    registrar.kill()
    bench.wait_until_left()
    bench.admin.delete_consumer_groups([bench.group])[bench.group].result()
    sent += bench.sender.send([filing(number()) for _ in range(100)])
    again = bench.registrar().wait_ready()
    bench.eventually(sent)
    assert again.metric("natalog_committed_offset_differs_total", topic="birth.registrations") > 0


def test_committed_offsets_set_forward_and_back(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(partition)) for partition in (1, 2) for _ in range(20)])
    bench.eventually(sent)
    registrar.kill()
    sent += bench.sender.send([filing(number(partition)) for partition in (1, 2) for _ in range(20)])
    bench.wait_until_left()
    places = [TopicPartition("birth.registrations", 1, 40), TopicPartition("birth.registrations", 2, 3)]
    request = [ConsumerGroupTopicPartitions(bench.group, places)]
    bench.admin.alter_consumer_group_offsets(request)[bench.group].result()
    again = bench.registrar().wait_ready()
    bench.eventually(sent)
    assert again.metric("natalog_committed_offset_differs_total", topic="birth.registrations") == 2


def test_no_alarm_when_offsets_are_as_left(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([record for _ in range(50) for record in (filing(number()), listing(number()))])
    bench.eventually(sent)
    registrar.kill()
    again = bench.registrar().wait_ready()
    assert again.metric("natalog_committed_offset_differs_total") == 0
    assert again.metric("natalog_store_refolded_total") == 0
    assert again.metric("natalog_void_entries_total") == 0


def test_intake_log_that_starts_too_late(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(partition)) for partition in (5, 6) for _ in range(10)])
    bench.eventually(sent)
    registrar.kill()
    bench.sender.send([filing(number(5)) for _ in range(10)])
    expire(bench, 5, 15)
    again = bench.registrar().wait_ready()
    again.wait_for(lambda: again.report()["halted"] == {"5": "intake lost"})
    assert again.metric("natalog_partition_halted", partition="5") == 1
    bench.sender.send([filing(number(6)) for _ in range(10)])
    checked = bench.eventually_valid(sent + 10, complete=False)
    assert (len(checked.entries[5]), len(checked.entries[6])) == (10, 20)


def test_intake_that_expires_while_it_is_waited_for(bench: Bench) -> None:
    """A consumer that went on at the first record there is would lose what expired, without a word."""
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(partition)) for partition in (5, 6) for _ in range(10)])
    bench.eventually(sent)
    registrar.signal(signal.SIGSTOP)
    time.sleep(0.5)  # the fetch that was under way is answered: there was nothing
    bench.sender.send([filing(number(5)) for _ in range(10)])
    expire(bench, 5, 15)
    registrar.signal(signal.SIGCONT)
    registrar.wait_for(lambda: registrar.report()["halted"] == {"5": "intake lost"})
    bench.sender.send([filing(number(6)) for _ in range(10)])
    checked = bench.eventually_valid(sent + 10, complete=False)
    assert (len(checked.entries[5]), len(checked.entries[6])) == (10, 20)


def test_intake_that_starts_too_late_for_an_empty_ledger(bench: Bench) -> None:
    bench.sender.send([filing(number(5)) for _ in range(10)])
    expire(bench, 5, 3)
    registrar = bench.registrar().wait_ready()
    registrar.wait_for(lambda: registrar.report()["halted"] == {"5": "intake lost"})
    time.sleep(1)
    assert bench.check(complete=False).count == 0


def test_decided_intake_may_expire(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    sent = bench.sender.send([filing(number(5)) for _ in range(10)])
    bench.eventually(sent)
    registrar.kill()
    expire(bench, 5, 10)
    again = bench.registrar().wait_ready()
    sent += bench.sender.send([filing(number(5)) for _ in range(10)])
    assert len(bench.eventually_valid(sent, complete=False).entries[5]) == 20
    assert again.report()["halted"] == {}


def expire(bench: Bench, partition: int, before: int) -> None:
    """As retention does: the log now starts at `before`."""
    place = TopicPartition("birth.registrations", partition, before)
    for future in bench.admin.delete_records([place]).values():
        future.result()
