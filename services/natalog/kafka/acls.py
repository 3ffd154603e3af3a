"""The access rights each service needs and no more, derived from topics.yaml. Pure.

Kafka lets a principal that may read or write something describe it too. IdempotentWrite is not needed: since Kafka 3
whoever may write to some topic gets a producer id. Nobody gets Delete or Alter of anything, least of all of the ledger;
who applies topics.yaml is a super user.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from natalog.kafka.clients import NO_GROUP
from natalog.wire.topics import SERVICES, TOPICS, Topic


class Resource(StrEnum):
    """What a right is about, in the words of kafka-acls.sh."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


class Operation(StrEnum):
    """What may be done with it."""

    READ = "Read"
    WRITE = "Write"
    DESCRIBE = "Describe"


@dataclass(frozen=True, slots=True)
class Acl:
    """One right of one service."""

    service: str
    operation: Operation
    resource: Resource
    name: str
    why: str
    prefixed: bool = False
    """Whether `name` is only how the resource's name begins."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The consumer groups that services join (NATALOG_REGISTRAR_GROUP, NATALOG_WATCH_GROUP)."""

    registrar: str = "registrar"
    watch: str = "watch"


def acls_of(groups: Groups, declared: Mapping[str, Topic] = TOPICS) -> tuple[Acl, ...]:
    """Every right of every service: service by service, the topics in the order of the file."""
    return tuple(acl for service in SERVICES for acl in _of(service, groups, declared))


def _of(service: str, groups: Groups, declared: Mapping[str, Topic]) -> Iterator[Acl]:
    topics = declared.values()
    written = [topic.name for topic in topics if service in topic.producers]
    read = [topic.name for topic in topics if service in topic.consumers]
    for name in written:
        yield Acl(service, Operation.WRITE, Resource.TOPIC, name, "produces")
    for name in read:
        yield Acl(service, Operation.READ, Resource.TOPIC, name, "consumes")
    group = {"registrar": groups.registrar, "watch": groups.watch}.get(service)
    if group is not None:
        yield Acl(service, Operation.READ, Resource.GROUP, group, "joins, commits")
    if service == "gateway":
        yield Acl(service, Operation.DESCRIBE, Resource.GROUP, groups.registrar, "asks what it has passed")
    if read and service != "watch":  # whose client names no other group
        yield Acl(service, Operation.DESCRIBE, Resource.GROUP, NO_GROUP, "reads outside groups")
    if service == "registrar":
        yield Acl(
            service,
            Operation.WRITE,
            Resource.TRANSACTIONAL_ID,
            transactional_id(groups.registrar, ""),
            "one transaction a batch; an instance's id follows",
            prefixed=True,
        )


def transactional_id(group: str, instance: str) -> str:
    """That of a registrar: no two of a ledger share an instance, none of another ledger's has the same group."""
    return f"{group}-{instance}"


def commands(
    acls: tuple[Acl, ...], principals: Mapping[str, str], *, bootstrap: str, properties: str
) -> list[str]:
    """The calls of kafka-acls.sh that give these rights, few, for each starts a JVM.

    `principals` by service; `properties` is the file that Java's tools authenticate with.
    """
    start = f"kafka-acls.sh --bootstrap-server {shlex.quote(bootstrap)} --command-config {shlex.quote(properties)}"
    lines = []
    for (service, operation, resource, prefixed), some in groupby(
        acls, lambda acl: (acl.service, acl.operation, acl.resource, acl.prefixed)
    ):
        names = " ".join(f"--{resource} {shlex.quote(acl.name)}" for acl in some)
        pattern = " --resource-pattern-type prefixed" if prefixed else ""
        principal = shlex.quote(principals[service])
        lines.append(f"{start} --add --allow-principal {principal} --operation {operation}{pattern} {names}")
    return lines
