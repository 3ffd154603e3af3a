"""`natalog topics plan|apply` against a real Kafka whose topics have drifted."""

from __future__ import annotations

import dataclasses
import json

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewPartitions
from typer.testing import CliRunner

from natalog.cli import build
from natalog.cluster import Cluster
from natalog.kafka import topics
from natalog.kafka.clients import admin_client
from natalog.kafka.plan import Action
from natalog.wire.topics import TOPICS
from tests.kafka_broker import Broker
from tests.waiting import until


def run(*arguments: str):
    """One call of `natalog topics …`."""
    return CliRunner().invoke(build(["topics"]), ["topics", *arguments])


def configure(admin: AdminClient, topic: str, **settings: str | None) -> None:
    """Set topic configuration (dots as underscores), or remove it with None."""
    entries = [
        ConfigEntry(
            key.replace("_", "."),
            value,
            incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
        )
        for key, value in settings.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()


def is_there(admin: AdminClient, topic: str) -> bool:
    """Whether a topic is seen; while it is going, the broker may name it and not know it any more."""
    try:
        return topic in topics.observe(admin)[1]
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise
        return True


def config_of(admin: AdminClient, topic: str) -> dict[str, str]:
    return dict(topics.observe(admin)[1][topic].config)


def test_an_empty_cluster_is_planned_made_and_then_differs_no_more(own_kafka: Broker):
    bootstrap = own_kafka.bootstrap
    planned = run("plan", "--kafka", bootstrap, "--replication", "1", "--json")
    assert planned.exit_code == 1
    document = json.loads(planned.stdout)
    assert {d["topic"] for d in document["differences"]} == TOPICS.keys()
    assert {d["action"] for d in document["differences"]} == {"create"}
    assert topics.observe(admin_client(Cluster(bootstrap), "test"))[1] == {}, "plan changes nothing"
    assert document["cautions"] == []
    printed = run("plan", "--kafka", bootstrap, "--replication", "1").stdout
    assert all(name in printed for name in TOPICS), "whole names, also in a pipe"

    assert run("apply", "--kafka", bootstrap, "--replication", "1").exit_code == 0
    again = run("plan", "--kafka", bootstrap, "--replication", "1")
    assert again.exit_code == 0
    assert "what topics.yaml says" in again.stdout
    _, there = topics.observe(admin_client(Cluster(bootstrap), "test"))
    for name, topic in TOPICS.items():
        assert there[name].partitions == topic.partitions
        assert there[name].replication == 1
        for key, value in topic.config.items():
            assert there[name].config[key] == ("1" if key == "min.insync.replicas" else value), (name, key)


def test_three_replicas_are_not_created_on_one_broker(own_kafka: Broker):
    applied = run("apply", "--kafka", own_kafka.bootstrap, "--replication", "3")
    assert applied.exit_code == 1
    assert "--replication 1" in applied.stdout
    assert topics.observe(admin_client(Cluster(own_kafka.bootstrap), "test"))[1] == {}


def test_drift_is_shown_and_mended_and_what_would_lose_data_is_left(own_kafka: Broker):
    bootstrap = own_kafka.bootstrap
    own_kafka.apply_topics()
    admin = admin_client(Cluster(bootstrap), "test")
    configure(admin, "ledger", retention_ms="604800000", cleanup_policy="compact")
    configure(admin, "birth.registrations", message_timestamp_type="CreateTime", segment_bytes="1048576")
    configure(admin, "sla.alerts", max_message_bytes=None)
    configure(admin, "queries.audit", retention_ms="-1")
    for future in admin.create_partitions([NewPartitions("edge.reports", 24)]).values():
        future.result()
    own_kafka.create_topics(["somebody.elses"], partitions=1)
    for future in admin.delete_topics(["blacklist.changes"]).values():
        future.result()
    # The controller has it; the broker, which answers, learns in the same order a moment later.
    until(lambda: not is_there(admin, "blacklist.changes"))

    planned = json.loads(run("plan", "--kafka", bootstrap, "--replication", "1", "--json").stdout)
    assert {(d["topic"], d["setting"], d["action"]) for d in planned["differences"]} == {
        ("ledger", "retention.ms", "set"),
        ("ledger", "cleanup.policy", "set"),
        ("birth.registrations", "message.timestamp.type", "set"),
        ("birth.registrations", "segment.bytes", "reset"),
        ("sla.alerts", "max.message.bytes", "set"),
        ("queries.audit", "retention.ms", "refuse"),
        ("edge.reports", "partitions", "refuse"),
        ("blacklist.changes", "topic", "create"),
    }
    assert planned["foreign"] == ["somebody.elses"]

    applied = run("apply", "--kafka", bootstrap, "--replication", "1")
    assert applied.exit_code == 1, "something was refused"
    assert "somebody.elses" in applied.stdout
    left = topics.plan(Cluster(bootstrap), replication=1)
    assert {(d.topic, d.setting) for d in left.differences} == {
        ("queries.audit", "retention.ms"),
        ("edge.reports", "partitions"),
    }
    assert config_of(admin, "ledger")["retention.ms"] == "-1"
    assert config_of(admin, "queries.audit")["retention.ms"] == "-1", "refused means untouched"
    assert topics.observe(admin)[1]["edge.reports"].partitions == 24


def test_a_topics_yaml_with_a_shorter_ledger_is_refused(own_kafka: Broker):
    own_kafka.apply_topics()
    ledger = dataclasses.replace(
        TOPICS["ledger"], partitions=24, config={**TOPICS["ledger"].config, "retention.ms": "1000"}
    )
    applied = topics.apply(Cluster(own_kafka.bootstrap), replication=1, declared={**TOPICS, "ledger": ledger})
    assert {(d.setting, d.action) for d in applied.refused} == {
        ("retention.ms", Action.REFUSE),
        ("partitions", Action.REFUSE),
    }
    assert topics.plan(Cluster(own_kafka.bootstrap), replication=1).differences == ()


def test_mending_one_key_leaves_the_others(own_kafka: Broker):
    """Alteration is incremental: a whole-resource AlterConfigs would reset what it does not name."""
    own_kafka.apply_topics()
    admin = admin_client(Cluster(own_kafka.bootstrap), "test")
    configure(admin, "ledger", retention_ms="1000000")
    until(lambda: config_of(admin, "ledger")["retention.ms"] == "1000000")
    applied = topics.apply_topics(own_kafka.bootstrap)
    assert [(d.topic, d.setting) for d in applied.differences] == [("ledger", "retention.ms")]
    assert topics.plan(Cluster(own_kafka.bootstrap), replication=1).differences == ()


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_kafka_away_is_a_sentence_and_an_exit_code(command, monkeypatch):
    monkeypatch.setattr(topics, "_TIMEOUT", 1.0)
    result = run(command, "--kafka", "127.0.0.1:1")
    assert result.exit_code == 5
    assert "Traceback" not in result.output
    assert "127.0.0.1:1" in result.output
