"""How a cluster's topics differ from topics.yaml, and what may be done about each difference. Pure.

What would lose data is refused: a partition count is for ever (a number's partition follows from it), nothing
is deleted, and retention is only shortened where the records stand on the ledger or count for nothing later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from natalog.wire.topics import Topic

_RETENTION = ("retention.ms", "retention.bytes")
_MAY_FORGET = frozenset({"edge.reports"})
"""Topics beside intake whose retention may be shortened."""
_INTAKE_LEAST_MS = 30 * 24 * 3600 * 1000
"""Intake records stay at least this long, so that a halted partition finds them (DESIGN section 4)."""


class Action(StrEnum):
    """What `apply` does about a difference."""

    CREATE = "create"
    SET = "set"
    RESET = "reset"
    """Remove an override that topics.yaml does not know."""
    REFUSE = "refuse"
    """It would lose data, or cannot be undone."""
    BY_HAND = "by hand"
    """Harmless, but no call of the admin protocol does it."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One topic as the cluster has it."""

    partitions: int
    replication: int
    """Replicas of the partition that has fewest."""
    config: Mapping[str, str]
    """Effective configuration."""
    overrides: frozenset[str]
    """Settings made on the topic itself."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as topics.yaml says."""

    topic: str
    setting: str
    """`topic`, `partitions`, `replication` or a configuration key."""
    found: str | None
    wanted: str | None
    action: Action
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All differences of a cluster."""

    brokers: int
    replication: int
    """Replication factor asked for."""
    differences: tuple[Difference, ...]
    foreign: tuple[str, ...]
    """Topics of the cluster that topics.yaml does not know; never touched."""
    cautions: tuple[str, ...] = ()
    """What an operator should change in the cluster itself (`cautions_of`)."""

    @property
    def refused(self) -> tuple[Difference, ...]:
        """What `apply` leaves as it is."""
        return tuple(d for d in self.differences if d.action in (Action.REFUSE, Action.BY_HAND))


def wanted_config(topic: Topic, replication: int) -> dict[str, str]:
    """The topic's configuration under this replication factor: fewer replicas, no waiting for a second."""
    config = dict(topic.config)
    if replication < topic.replication_factor:
        config["min.insync.replicas"] = "1"
    return config


def compare(
    declared: Mapping[str, Topic], observed: Mapping[str, Observed], *, brokers: int, replication: int
) -> Plan:
    """The plan that leads from `observed` to `declared`. `replication` replaces topics.yaml's factor."""
    differences: list[Difference] = []
    for name, topic in declared.items():
        there = observed.get(name)
        if there is None:
            differences.append(_create(topic, brokers, replication))
        else:
            differences.extend(_shape(topic, there, replication))
            differences.extend(_config(topic, there, wanted_config(topic, replication)))
    foreign = tuple(sorted(name for name in observed if name not in declared and not name.startswith("__")))
    return Plan(brokers, replication, tuple(differences), foreign)


INTERNAL = ("__consumer_offsets", "__transaction_state")
"""Kafka's own topics that exactly-once stands on; there once somebody has used them."""
_LONGEST_TRANSACTION_MS = 60_000


def cautions_of(
    observed: Mapping[str, Observed], broker: Mapping[str, str | None], *, replication: int
) -> tuple[str, ...]:
    """Sentences about Kafka's own topics and a broker's configuration (DESIGN section 4, production settings)."""
    found = []
    insync = min(2, replication)
    for name in INTERNAL:
        there = observed.get(name)
        if there is None:
            continue
        if there.replication < replication:
            found.append(
                f"{name} has {there.replication} replicas, not {replication}: reassign its partitions."
            )
        if int(there.config.get("min.insync.replicas", 1)) < insync:
            found.append(f"{name} has min.insync.replicas below {insync}: a commit could be lost.")
        if there.config.get("unclean.leader.election.enable") == "true":
            found.append(f"{name} has unclean leader election on: a commit could be lost.")
    longest = int(broker.get("transaction.max.timeout.ms") or 0)
    if longest > _LONGEST_TRANSACTION_MS:
        found.append(
            f"The brokers' transaction.max.timeout.ms is {longest:,}: a foreign transaction could keep readers waiting "
            f"for as long. Set it to {_LONGEST_TRANSACTION_MS:,}."
        )
    return tuple(found)


def _create(topic: Topic, brokers: int, replication: int) -> Difference:
    wanted = f"{topic.partitions} partitions, {replication} replicas"
    if brokers < replication:
        why = (
            f"{replication} replicas need as many brokers, {brokers} answer; --replication 1 is for one node"
        )
        return Difference(topic.name, "topic", None, wanted, Action.REFUSE, why)
    return Difference(topic.name, "topic", None, wanted, Action.CREATE)


def _shape(topic: Topic, there: Observed, replication: int) -> list[Difference]:
    found = []
    if there.partitions != topic.partitions:
        why = "keys would move to other partitions, away from their history"
        if there.partitions > topic.partitions:
            why = "partitions cannot be taken away without their records"
        found.append(
            Difference(
                topic.name, "partitions", str(there.partitions), str(topic.partitions), Action.REFUSE, why
            )
        )
    if there.replication != replication:
        why = "move replicas with kafka-reassign-partitions"
        found.append(
            Difference(
                topic.name, "replication", str(there.replication), str(replication), Action.BY_HAND, why
            )
        )
    return found


def _config(topic: Topic, there: Observed, wanted: Mapping[str, str]) -> list[Difference]:
    found = []
    for key in sorted(wanted.keys() | there.overrides):
        have, want = there.config.get(key), wanted.get(key)
        if want is None:
            loses = _loss_by_reset(topic, key)
            action = Action.REFUSE if loses else Action.RESET
            found.append(Difference(topic.name, key, have, None, action, loses))
        elif have != want:
            loses = _loss(topic, key, have, want)
            action = Action.REFUSE if loses else Action.SET
            found.append(Difference(topic.name, key, have, want, action, loses or _harm(key, have, want)))
    return found


def _loss(topic: Topic, key: str, have: str | None, want: str) -> str:
    """Why setting this would lose records; empty when it does not."""
    if key == "cleanup.policy" and "compact" in want and "compact" not in (have or ""):
        return "compaction would drop all but the last record of a key"
    if key not in _RETENTION or not _shorter(want, have):
        return ""
    if topic.name in _MAY_FORGET:
        return ""
    if topic.intake >= 0 and key == "retention.ms" and int(want) >= _INTAKE_LEAST_MS:
        return ""
    return "records kept so far would be deleted; shorten it by hand if that is meant"


def _loss_by_reset(topic: Topic, key: str) -> str:
    if key in (*_RETENTION, "cleanup.policy") and topic.name not in _MAY_FORGET:
        return "the broker's default may delete records kept so far"
    return ""


def _harm(key: str, have: str | None, want: str) -> str:
    """What the drifted setting does while it stands."""
    if key in _RETENTION and _shorter(have or "-1", want):
        return "records are being deleted too early"
    if key == "cleanup.policy" and "compact" in (have or ""):
        return "all but the last record of a key are being dropped"
    if key == "unclean.leader.election.enable":
        return "a fallen broker's return may drop acknowledged records"
    if key == "message.timestamp.type":
        return "records carry the sender's clock instead of the broker's, or the other way round"
    return ""


def _shorter(one: str, other: str | None) -> bool:
    """Whether retention `one` keeps less than `other`; -1 keeps everything."""
    if one == "-1" or other is None:
        return False
    return other == "-1" or int(one) < int(other)
