"""Topics that are not as topics.yaml says: told of with what to do, and never a crash loop or a wrong decision."""

from __future__ import annotations

from contextlib import closing

from confluent_kafka.admin import ConfigResource
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry
from confluent_kafka.cimpl import NewPartitions

from natalog.cluster import Cluster
from natalog.replay.kafka_logs import KafkaLogs
from natalog.wire.codec import encode
from natalog.wire.partition import key_of
from tests.integration.registrar.conftest import Bench
from tests.integration.registrar.records import filing, number

LEAD = "birth.registrations"


def stamp_by(bench: Bench, whom: str) -> None:
    """Set whose time records of the lead topic carry from now on."""
    setting = ConfigEntry("message.timestamp.type", whom, incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ConfigResource.Type.TOPIC, LEAD, incremental_configs=[setting])
    for future in bench.admin.incremental_alter_configs([topic]).values():
        future.result()


def test_records_with_their_senders_time_halt_their_partition(bench: Bench) -> None:
    registrar = bench.registrar().wait_ready()
    stamp_by(bench, "CreateTime")
    sent = bench.sender.send([filing(number(6))])
    registrar.wait_for(lambda: registrar.report()["halted"] == {"6": "intake not stamped"}, 10)
    assert registrar.logged("birth.registrations offset 0: run natalog topics apply")
    stamp_by(bench, "LogAppendTime")
    sent += bench.sender.send([filing(number(5)), filing(number(6))])
    assert not bench.eventually(1, complete=False).entries[6]
    registrar.kill()
    bench.registrar(accept_sender_times=True).wait_ready()
    assert len(bench.eventually(sent).entries[6]) == 2
    with closing(KafkaLogs(Cluster(bench.bootstrap))) as logs:
        assert [record.by_broker for batch in logs.intake(LEAD, 6) for record in batch] == [False, True]


def test_partitions_that_somebody_added_are_told_of_and_the_others_go_on(bench: Bench) -> None:
    for future in bench.admin.create_partitions([NewPartitions(LEAD, 14)]).values():
        future.result()
    registrar = bench.registrar().wait_ready()
    unknown = {"12": "unknown partition", "13": "unknown partition"}
    registrar.wait_for(lambda: registrar.report()["halted"] == unknown, 10)
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
    registrar = bench.registrar()
    waiting = '"waiting for topics: see natalog topics plan, and acls","topics":{"sla.alerts":"UNKNOWN_TOPIC_OR_PART"}'
    registrar.wait_for(lambda: registrar.logged(waiting), 15, "waiting")
    bench.broker.apply_topics()
    registrar.wait_ready()
    assert registrar.times_logged("waiting for topics") == 1
