"""Topics that are not as topics.yaml says: told of with what to do, and never a crash loop or a wrong decision."""

from __future__ import annotations

import time
from contextlib import closing

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Producer
from confluent_kafka.admin import ConfigResource
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry
from confluent_kafka.cimpl import NewPartitions

from natalog.cluster import Cluster
from natalog.kafka.identity import missing_topics
from natalog.replay.kafka_logs import KafkaLogs
from natalog.wire.codec import encode
from natalog.wire.partition import key_of
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import filing, number
from tests.waiting import until

LEAD = "birth.registrations"


def stamp_by(bench: Bench, whom: str, kind: int) -> int:
    """Set whose time records of the lead topic carry, and send to partition 6 until one does: how many that took.

    The broker does as it is told a little after it said so.
    """
    setting = ConfigEntry("message.timestamp.type", whom, incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ConfigResource.Type.TOPIC, LEAD, incremental_configs=[setting])
    for future in bench.admin.incremental_alter_configs([topic]).values():
        future.result()
    producer = Producer({"bootstrap.servers": bench.bootstrap})
    stamps: list[int] = []
    deadline = time.monotonic() + 30
    while kind not in stamps:
        assert time.monotonic() < deadline
        record = filing(number(6))
        producer.produce(
            LEAD,
            encode(record),
            key_of(record),
            6,
            on_delivery=lambda _error, message: stamps.append(message.timestamp()[0]),
        )
        assert producer.flush(10) == 0
    return len(stamps)


def test_records_with_their_senders_time_halt_their_partition(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    decided = stamp_by(bench, "CreateTime", TIMESTAMP_CREATE_TIME) - 1
    registrar.wait_for(lambda: registrar.report()["halted"] == {"6": "intake not stamped"})
    assert registrar.logged(f"birth.registrations offset {decided}: run natalog topics apply")
    left = stamp_by(bench, "LogAppendTime", TIMESTAMP_LOG_APPEND_TIME)
    bench.sender.send([filing(number(5))])
    assert len(bench.eventually(decided + 1, complete=False).entries[6]) == decided
    registrar.kill()
    bench.registrar(accept_sender_times=True).wait_ready()
    bench.eventually(decided + 1 + 1 + left)
    with closing(KafkaLogs(Cluster(bench.bootstrap))) as logs:
        by_broker = [record.by_broker for batch in logs.intake(LEAD, 6) for record in batch]
    assert by_broker == [True] * decided + [False] * left + [True]


def test_partitions_that_somebody_added_are_told_of_and_the_others_go_on(bench: Bench) -> None:
    for future in bench.admin.create_partitions([NewPartitions(LEAD, 14)]).values():
        future.result()
    until(lambda: len(bench.admin.list_topics(LEAD, 10).topics[LEAD].partitions) == 14)
    registrar = bench.registrar().wait_ready()
    unknown = {"12": "unknown partition", "13": "unknown partition"}
    registrar.wait_for(lambda: registrar.report()["halted"] == unknown)
    assert registrar.metric("natalog_partition_halted", partition="12") == 1
    for partition in range(12):  # as the gateway does; the client would choose among fourteen
        record = filing(number(partition))
        bench.sender.put(LEAD, key_of(record), encode(record), partition)
    bench.sender.flush()
    bench.eventually(12)
    registrar.stop()


def test_a_topic_that_is_missing_is_waited_for(bench: Bench) -> None:
    for future in bench.admin.delete_topics(["sla.alerts"], operation_timeout=30).values():
        future.result()
    until(lambda: "sla.alerts" in missing_topics(bench.admin, ["sla.alerts"]))
    registrar = bench.registrar()
    waiting = '"waiting for topics: see natalog topics plan, and acls","topics":{"sla.alerts":"UNKNOWN_TOPIC_OR_PART"}'
    registrar.wait_for(lambda: registrar.logged(waiting), what="waiting")
    bench.broker.apply_topics()
    registrar.wait_ready()
    assert registrar.times_logged("waiting for topics") == 1
