"""Creates the topics of topics.yaml on the local node."""

from __future__ import annotations

from typing import Any

import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from natalog.resources import resource

# Until topics.yaml is there.
_INTAKE = (
    "birth.registrations",
    "birth.backfill",
    "blacklist.changes",
    "certificate.invalidations",
    "sla.alerts",
)


def _declared() -> dict[str, dict[str, Any]]:
    try:
        text = resource("topics.yaml").read_text(encoding="utf-8")
    except FileNotFoundError:
        intake: dict[str, Any] = {
            "partitions": 12,
            "config": {"message.timestamp.type": "LogAppendTime", "compression.type": "lz4"},
        }
        return {**dict.fromkeys(_INTAKE, intake), "ledger": {"partitions": 12}}
    document = yaml.safe_load(text)
    defaults = document.get("defaults", {}).get("config", {})
    return {
        name: {**topic, "config": {**defaults, **topic.get("config", {})}}
        for name, topic in document["topics"].items()
    }


def apply_topics(bootstrap: str) -> None:
    """Create what is missing. Raises KafkaException when the node refuses."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = [
        NewTopic(
            name,
            num_partitions=int(t.get("partitions", 12)),
            replication_factor=1,
            config={
                k: str(v)
                for k, v in (t.get("config") or {}).items()
                if k != "min.insync.replicas"  # one node
            },
        )
        for name, t in _declared().items()
    ]
    for future in admin.create_topics(wanted, operation_timeout=30).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
