"""`topics.yaml`, the one definition of every topic, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from natalog.resources import resource

DATA_CLASSES = ("sensitive", "personal", "internal", "public")
SERVICES = ("registrar", "gateway", "watch", "projector", "replay", "notary")
"""Who may produce and consume, by the names of the commands that run them; the notary is still to come, and with it
ledger.checkpoints."""
_KNOWN = {
    "description",
    "key",
    "partitions",
    "records",
    "producers",
    "consumers",
    "intake",
    "config",
    "data_class",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as declared."""

    name: str
    description: str
    key: str
    """What the key is: number, cluster or unit."""
    data_class: str
    """How its data are to be protected: sensitive, personal, internal or public (see topics.yaml)."""
    partitions: int
    replication_factor: int
    records: tuple[str, ...]
    """Names of the records that may stand on it."""
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    intake: int
    """Place among the intake topics, -1 for others. `Entry` and state hold causes in this order."""
    config: Mapping[str, str]
    """Topic configuration, defaults merged in."""


def load(path: Path) -> dict[str, Topic]:
    """Topics by name, in the order of the file. Raises ValueError saying what is wrong with it."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    defaults = document["defaults"]
    topics: dict[str, Topic] = {}
    for name, declared in document["topics"].items():
        unknown = declared.keys() - _KNOWN
        if unknown:
            raise ValueError(f"topics.yaml: {name} has unknown settings: {', '.join(sorted(unknown))}")
        if declared.get("data_class") not in DATA_CLASSES:
            raise ValueError(f"topics.yaml: {name} needs a data_class: {', '.join(DATA_CLASSES)}")
        config = {**defaults.get("config", {}), **declared.get("config", {})}
        wrong = [key for key, value in config.items() if not isinstance(value, str)]
        if wrong:
            raise ValueError(f"topics.yaml: {name}: put {', '.join(wrong)} in quotes")
        roles = {role: tuple(declared.get(role, ())) for role in ("producers", "consumers")}
        strangers = {service for services in roles.values() for service in services} - set(SERVICES)
        if strangers:
            raise ValueError(
                f"topics.yaml: {name} names {', '.join(sorted(strangers))}; services are {', '.join(SERVICES)}"
            )
        topics[name] = Topic(
            name=name,
            description=declared["description"],
            key=declared["key"],
            data_class=declared["data_class"],
            partitions=declared["partitions"],
            replication_factor=defaults["replication_factor"],
            records=tuple(declared["records"]),
            **roles,
            intake=declared.get("intake", -1),
            config=MappingProxyType(config),
        )
    return topics


TOPICS: dict[str, Topic] = load(resource("topics.yaml"))
INTAKE_TOPICS: tuple[str, ...] = tuple(
    topic.name for topic in sorted(TOPICS.values(), key=lambda t: t.intake) if topic.intake >= 0
)
"""In the order of their `intake` numbers."""
MARKED_TOPIC = next(name for name in INTAKE_TOPICS if "registrar" in TOPICS[name].producers)
"""The one intake topic with transaction markers, which take offsets and are never delivered: registrars write to it."""
MARKED = INTAKE_TOPICS.index(MARKED_TOPIC)
