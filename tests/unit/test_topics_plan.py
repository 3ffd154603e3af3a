"""What a plan says of every kind of difference, and what it refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from natalog.kafka.plan import INTERNAL, Action, Observed, Plan, cautions_of, compare, wanted_config
from natalog.wire.topics import TOPICS


def observed(**changes: Any) -> dict[str, Observed]:
    """A cluster that is as topics.yaml says on three brokers, but for `changes` to `topic` (default: ledger)."""
    cluster = {
        name: Observed(topic.partitions, 3, dict(topic.config), frozenset(topic.config))
        for name, topic in TOPICS.items()
    }
    name = changes.pop("topic", "ledger")
    config = {**cluster[name].config, **changes.pop("config", {})}
    cluster[name] = dataclasses.replace(cluster[name], config=config, overrides=frozenset(config), **changes)
    return cluster


def plan(cluster: dict[str, Observed], *, brokers: int = 3, replication: int = 3) -> Plan:
    return compare(TOPICS, cluster, brokers=brokers, replication=replication)


def only(found: Plan) -> Any:
    assert len(found.differences) == 1, found.differences
    return found.differences[0]


def test_nothing_differs():
    assert plan(observed()).differences == ()


def test_an_empty_cluster_gets_every_topic():
    found = plan({})
    assert {d.topic for d in found.differences} == TOPICS.keys()
    assert {d.action for d in found.differences} == {Action.CREATE}
    assert found.refused == ()


def test_replication_beyond_the_brokers_is_refused_not_lowered_in_silence():
    found = plan({}, brokers=1)
    assert {d.action for d in found.differences} == {Action.REFUSE}
    assert "--replication 1" in found.differences[0].why


def test_one_node_by_request_needs_no_second_replica():
    assert plan({}, brokers=1, replication=1).refused == ()
    assert wanted_config(TOPICS["ledger"], 1)["min.insync.replicas"] == "1"
    assert wanted_config(TOPICS["ledger"], 3)["min.insync.replicas"] == "2"


@pytest.mark.parametrize("partitions", [6, 24])
def test_another_partition_count_is_refused(partitions):
    difference = only(plan(observed(partitions=partitions)))
    assert (difference.setting, difference.action) == ("partitions", Action.REFUSE)
    assert difference.why


def test_another_replication_factor_is_left_to_people():
    difference = only(plan(observed(replication=2)))
    assert (difference.setting, difference.action) == ("replication", Action.BY_HAND)


DAY = 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("topic", "key", "have", "want", "action"),
    [
        ("ledger", "retention.ms", str(7 * DAY), "-1", Action.SET),
        ("ledger", "retention.bytes", "1000", "-1", Action.SET),
        ("ledger", "cleanup.policy", "compact", "delete", Action.SET),
        ("ledger", "min.insync.replicas", "1", "2", Action.SET),
        ("ledger", "unclean.leader.election.enable", "true", "false", Action.SET),
        ("birth.registrations", "message.timestamp.type", "CreateTime", "LogAppendTime", Action.SET),
        ("birth.registrations", "retention.ms", str(DAY), str(30 * DAY), Action.SET),
        ("birth.registrations", "retention.ms", str(90 * DAY), str(30 * DAY), Action.SET),
        ("birth.registrations", "retention.ms", "-1", str(30 * DAY), Action.SET),
        ("edge.reports", "retention.ms", "-1", str(30 * DAY), Action.SET),
        ("queries.audit", "retention.ms", "-1", str(365 * DAY), Action.REFUSE),
    ],
)
def test_configuration_towards_topics_yaml(topic, key, have, want, action):
    assert TOPICS[topic].config[key] == want
    difference = only(plan(observed(topic=topic, config={key: have})))
    assert (difference.setting, difference.found, difference.wanted) == (key, have, want)
    assert difference.action is action


@pytest.mark.parametrize(
    ("topic", "key", "want"),
    [
        ("ledger", "retention.ms", str(3650 * DAY)),
        ("ledger", "retention.bytes", "1000000000000"),
        ("ledger", "cleanup.policy", "compact"),
        ("ledger", "cleanup.policy", "compact,delete"),
        ("ledger.checkpoints", "retention.ms", str(365 * DAY)),
        ("birth.registrations", "retention.ms", str(29 * DAY)),
        ("birth.registrations", "cleanup.policy", "compact"),
    ],
)
def test_a_topics_yaml_that_would_lose_data_is_refused(topic, key, want):
    changed = dataclasses.replace(TOPICS[topic], config={**TOPICS[topic].config, key: want})
    found = compare({**TOPICS, topic: changed}, observed(), brokers=3, replication=3)
    difference = only(found)
    assert (difference.setting, difference.action) == (key, Action.REFUSE)
    assert found.refused == (difference,)


def test_an_override_that_topics_yaml_does_not_know_is_removed():
    difference = only(plan(observed(config={"segment.bytes": "1048576"})))
    assert (difference.setting, difference.wanted, difference.action) == ("segment.bytes", None, Action.RESET)


def test_retention_that_topics_yaml_left_out_is_not_reset():
    config = {k: v for k, v in TOPICS["ledger"].config.items() if k != "retention.ms"}
    declared = {**TOPICS, "ledger": dataclasses.replace(TOPICS["ledger"], config=config)}
    difference = only(compare(declared, observed(), brokers=3, replication=3))
    assert (difference.setting, difference.action) == ("retention.ms", Action.REFUSE)


def test_ledger_retention_that_drifted_is_told_as_loss_now():
    assert "deleted too early" in only(plan(observed(config={"retention.ms": str(DAY)}))).why


def test_foreign_topics_are_told_and_no_difference():
    there = Observed(1, 1, {}, frozenset())
    found = plan({**observed(), "somebody.elses": there, "__consumer_offsets": there})
    assert found.foreign == ("somebody.elses",)
    assert found.differences == ()


SAFE = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}


@pytest.mark.parametrize(
    ("replicas", "config", "broker", "told"),
    [
        (3, {}, {}, ()),
        (3, {}, {"transaction.max.timeout.ms": "60000"}, ()),
        (3, {}, {"transaction.max.timeout.ms": "900000"}, ("transaction.max.timeout.ms is 900,000",)),
        (1, {}, {}, ("__consumer_offsets has 1 replicas", "__transaction_state has 1 replicas")),
        (3, {"min.insync.replicas": "1"}, {}, ("min.insync.replicas below 2",) * 2),
        (3, {"unclean.leader.election.enable": "true"}, {}, ("unclean leader election",) * 2),
    ],
)
def test_kafkas_own_topics_and_brokers_are_looked_at(replicas, config, broker, told):
    own = {name: Observed(50, replicas, {**SAFE, **config}, frozenset()) for name in INTERNAL}
    found = cautions_of(own, broker, replication=3)
    assert len(found) == len(told)
    assert all(part in sentence for part, sentence in zip(told, found, strict=True))
    assert compare(TOPICS, {**observed(), **own}, brokers=3, replication=3) == plan(observed())


def test_one_node_needs_no_second_replica_of_kafkas_own():
    own = {name: Observed(4, 1, {"min.insync.replicas": "1"}, frozenset()) for name in INTERNAL}
    assert cautions_of(own, {}, replication=1) == ()
