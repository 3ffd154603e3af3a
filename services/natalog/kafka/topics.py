"""topics.yaml against a running cluster: look, plan, make it so."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource
from confluent_kafka.cimpl import NewTopic

from natalog.cluster import Cluster
from natalog.kafka.clients import admin_client
from natalog.kafka.plan import (
    INTERNAL,
    Action,
    Difference,
    Observed,
    Plan,
    cautions_of,
    compare,
    wanted_config,
)
from natalog.wire.topics import TOPICS, Topic

log = logging.getLogger("natalog.kafka")

_TIMEOUT = 20.0
"""Seconds an answer of the cluster may take."""


def plan(cluster: Cluster, *, replication: int | None = None, declared: Mapping[str, Topic] = TOPICS) -> Plan:
    """How the cluster differs from `declared`. Raises KafkaException when it cannot be reached.

    `replication` replaces topics.yaml's factor; below that factor min.insync.replicas becomes 1.
    """
    return _cautious_plan(_admin(cluster), replication or _declared_replication(declared), declared)


def apply(
    cluster: Cluster, *, replication: int | None = None, declared: Mapping[str, Topic] = TOPICS
) -> Plan:
    """Create and configure what `plan` says, but for what it refuses. Returns the plan it carried out.

    Configuration is altered key by key, so that a setting made at the same time by others stays. Returns when
    the cluster shows the result. Raises KafkaException when it refuses or cannot be reached.
    """
    admin = _admin(cluster)
    factor = replication or _declared_replication(declared)
    found = _cautious_plan(admin, factor, declared)
    _create(admin, [declared[d.topic] for d in found.differences if d.action is Action.CREATE], factor)
    _configure(admin, [d for d in found.differences if d.action in (Action.SET, Action.RESET)])
    for difference in found.refused:
        log.warning(
            "topic left as it is",
            extra={"topic": difference.topic, "setting": difference.setting, "why": difference.why},
        )
    _await(admin, factor, declared)
    return found


def apply_topics(bootstrap: str) -> Plan:
    """`apply` for a cluster of one node, as `natalog up` and tests start it."""
    return apply(Cluster(bootstrap), replication=1)


def observe(admin: AdminClient) -> tuple[int, dict[str, Observed]]:
    """How many brokers answer, and the cluster's topics, of Kafka's own those of INTERNAL. Raises KafkaException."""
    metadata = admin.list_topics(timeout=_TIMEOUT)
    names = [name for name in metadata.topics if name in INTERNAL or not name.startswith("__")]
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    answers = admin.describe_configs(resources, request_timeout=_TIMEOUT) if resources else {}
    found: dict[str, Observed] = {}
    for resource, future in answers.items():
        entries: dict[str, Any] = future.result(_TIMEOUT)
        partitions = metadata.topics[resource.name].partitions.values()
        found[resource.name] = Observed(
            partitions=len(partitions),
            replication=min((len(p.replicas) for p in partitions), default=0),
            config={key: entry.value for key, entry in entries.items()},
            overrides=frozenset(
                key
                for key, entry in entries.items()
                if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
            ),
        )
    return len(metadata.brokers), found


def _admin(cluster: Cluster) -> AdminClient:
    return admin_client(cluster, "natalog-topics")


def _declared_replication(declared: Mapping[str, Topic]) -> int:
    return max(topic.replication_factor for topic in declared.values())


def _plan(admin: AdminClient, replication: int, declared: Mapping[str, Topic]) -> Plan:
    brokers, found = observe(admin)
    return compare(declared, found, brokers=brokers, replication=replication)


def _cautious_plan(admin: AdminClient, replication: int, declared: Mapping[str, Topic]) -> Plan:
    brokers, found = observe(admin)
    plan = compare(declared, found, brokers=brokers, replication=replication)
    return replace(plan, cautions=cautions_of(found, _broker(admin), replication=replication))


def _broker(admin: AdminClient) -> dict[str, str | None]:
    """The configuration of one of the brokers: they should all have the same."""
    number = next(iter(admin.list_topics(timeout=_TIMEOUT).brokers))
    resource = ConfigResource(ConfigResource.Type.BROKER, str(number))
    (answer,) = admin.describe_configs([resource], request_timeout=_TIMEOUT).values()
    return {key: entry.value for key, entry in answer.result(_TIMEOUT).items()}


def _create(admin: AdminClient, topics: list[Topic], replication: int) -> None:
    if not topics:
        return
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=replication,
            config=wanted_config(topic, replication),
        )
        for topic in topics
    ]
    for future in admin.create_topics(wanted, operation_timeout=_TIMEOUT, request_timeout=_TIMEOUT).values():
        try:
            future.result()
        except KafkaException as error:
            # Somebody else applies at the same time; what differs then shows in the next plan.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _configure(admin: AdminClient, differences: list[Difference]) -> None:
    by_topic: dict[str, list[ConfigEntry]] = defaultdict(list)
    for d in differences:
        operation = AlterConfigOpType.SET if d.action is Action.SET else AlterConfigOpType.DELETE
        by_topic[d.topic].append(ConfigEntry(d.setting, d.wanted, incremental_operation=operation))
    resources = [
        ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        for topic, entries in by_topic.items()
    ]
    if resources:
        for future in admin.incremental_alter_configs(resources, request_timeout=_TIMEOUT).values():
            future.result()


def _await(admin: AdminClient, replication: int, declared: Mapping[str, Topic]) -> None:
    """Wait until brokers show what the controller has written: they learn of it a moment later."""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        left = _plan(admin, replication, declared)
        if len(left.refused) == len(left.differences) or time.monotonic() > deadline:
            return
        time.sleep(0.05)
