"""Transaction markers at the end of certificate.invalidations expire with it; records there must not."""

from __future__ import annotations

import time

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.process import RegistrarProcess
from tests.integration.registrar.records import filing, number, void

TOPIC = "certificate.invalidations"
FROM, TO = 2, 5
"""Partitions of a voided number and of the number that takes its place."""


def succession(bench: Bench) -> int:
    """Have a Succession decided, the last record of its log; the entries that makes."""
    old = number(FROM)
    sent = bench.sender.send([filing(old), void(old, replaced_by=number(TO))])
    bench.eventually(sent + 1)
    return sent + 1


def committed(bench: Bench, topic: str = TOPIC, partition: int = TO) -> int:
    """What the group has committed."""
    request = [ConsumerGroupTopicPartitions(bench.group, [TopicPartition(topic, partition)])]
    answer = bench.admin.list_consumer_group_offsets(request)[bench.group].result()
    return int(answer.topic_partitions[0].offset)


def commit_by_hand(bench: Bench, offset: int) -> None:
    """As kafka-consumer-groups.sh does."""
    request = [ConsumerGroupTopicPartitions(bench.group, [TopicPartition(TOPIC, TO, offset)])]
    bench.admin.alter_consumer_group_offsets(request)[bench.group].result()


def wait_until_passed(bench: Bench, registrar: RegistrarProcess) -> None:
    """Until the group knows that nothing but the Succession's marker follows it."""
    registrar.wait_for(lambda: committed(bench) == 2, what="marker passed")


def expire(bench: Bench, before: int = -1) -> None:
    """As retention does: the log now starts at `before`, or is empty."""
    for future in bench.admin.delete_records([TopicPartition(TOPIC, TO, before)]).values():
        future.result()


def test_markers_may_expire(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    succession(bench)
    wait_until_passed(bench, registrar)
    registrar.kill()
    expire(bench)
    again = bench.registrar("r2").wait_ready()
    again.wait_deciding(12)
    assert again.metric("natalog_committed_offset_differs_total") == 0
    bench.sender.send([void(number(TO))])
    again.wait_for(lambda: [entry.offset for entry in bench.chain(TO)] == [0, 2], what="decided")
    again.kill()
    bench.registrar("r2").wait_deciding(12)


def test_markers_that_are_still_there_raise_no_alarm(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    succession(bench)
    wait_until_passed(bench, registrar)
    time.sleep(11)
    assert not registrar.logged("intake stalled"), "markers are not taken for records that wait"
    registrar.kill()
    again = bench.registrar().wait_ready()
    again.wait_deciding(12)
    assert again.metric("natalog_committed_offset_differs_total") == 0
    assert committed(bench) == 2


def test_record_that_expires_behind_a_marker_is_lost(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    succession(bench)
    wait_until_passed(bench, registrar)
    registrar.kill()
    bench.sender.send([void(number(TO))])
    expire(bench)
    again = bench.registrar().wait_ready()
    again.wait_for(lambda: again.report()["halted"] == {str(TO): "intake lost"})


def test_lost_proof_halts_until_people_have_looked(bench: Bench) -> None:
    """So does one that was never made: by a build that knew nothing of it, or a registrar that ended before."""
    registrar = bench.registrar(without="markers looked at").wait_ready()
    succession(bench)
    assert committed(bench) < 2, "not past the marker"
    registrar.kill()
    expire(bench)
    again = bench.registrar().wait_ready()
    again.wait_for(lambda: again.report()["halted"] == {str(TO): "intake lost"})
    again.stop()
    bench.wait_until_left()
    commit_by_hand(bench, 2)  # as docs/operating.md says
    bench.registrar().wait_deciding(12)


def test_committed_offset_is_not_believed_of_what_can_be_read(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    count = succession(bench)
    wait_until_passed(bench, registrar)
    registrar.kill()
    bench.sender.send([void(number(TO)) for _ in range(3)])
    bench.wait_until_left()
    commit_by_hand(bench, 4)
    bench.registrar().wait_ready()
    checked = bench.eventually(count + 3)
    assert [entry.offset for entry in checked.entries[TO]] == [0, 2, 3, 4]


def test_committed_offsets_are_told_again(bench: Bench) -> None:
    """Kafka forgets those of topics the group does not subscribe to, a week after they were committed last."""
    registrar = bench.registrar(vouch="1").wait_ready()
    registrar.wait_for(lambda: committed(bench, "blacklist.changes", 7) == 0, what="offsets told")
    sent = bench.sender.send([filing(number()) for _ in range(50)])
    bench.eventually(sent)
    registrar.kill()
    again = bench.registrar().wait_ready()
    assert again.metric("natalog_committed_offset_differs_total") == 0
