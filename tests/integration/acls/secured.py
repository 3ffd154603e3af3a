"""A Kafka that asks everybody who he is and lets nobody do what no ACL allows, and all services on it.

The operator alone is a super user; brokers know him from their configuration. The services are users that he makes.
Each has the rights that `natalog.kafka.acls` derives for it, and no other. To see a test fail for the want of one, name
it in ACLS_WITHOUT: "gateway Read ledger", or "registrar Write registrar-".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from natalog.cluster import Cluster
from natalog.kafka.acls import Acl, Groups, Operation, Resource, acls_of
from natalog.kafka.clients import admin_client
from natalog.local.kafka import KafkaNode
from natalog.wire.topics import SERVICES
from tests.integration.gateway.stack import Service, Stack
from tests.ports import free_port
from tests.waiting import until

OPERATOR = "operator"
GROUPS = Groups(registrar="registrar", watch="watch")
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def password_of(user: str) -> str:
    return f"{user}, s3cret=yes"


def security_of(user: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN" if user == OPERATOR else "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password_of(user),
    }


def user_of(service: str) -> str:
    return f"natalog-{service}"


class SecuredNode(KafkaNode):
    """Its controller and its broker know each other as the operator."""

    def _configuration(self) -> dict[str, str]:
        password = password_of(OPERATOR)
        login = f'{_PLAIN} username="{OPERATOR}" password="{password}" user_{OPERATOR}="{password}";'
        return {
            **KafkaNode._configuration(self),
            "listener.security.protocol.map": "BROKER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.broker.scram-sha-512.sasl.jaas.config": _SCRAM,
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.broker.plain.sasl.jaas.config": login,
            "listener.name.controller.plain.sasl.jaas.config": login,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{OPERATOR}",
        }

    def is_ready(self) -> bool:
        if not self.answers():
            return False
        try:
            admin = admin_client(Cluster(self.bootstrap, security_of(OPERATOR)), "ready")
            return len(admin.list_topics(timeout=5).brokers) == 1
        except KafkaException:
            return False


def make_users(cluster: Cluster) -> None:
    """All services' users, as the operator of `cluster`."""
    wanted = [
        UserScramCredentialUpsertion(
            user_of(service),
            ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
            password_of(user_of(service)).encode(),
        )
        for service in SERVICES
    ]
    admin = admin_client(cluster, "users")  # it must outlive its question
    for future in admin.alter_user_scram_credentials(wanted).values():
        future.result()


def allow(cluster: Cluster) -> None:
    """Give every service its rights, as the operator of `cluster`."""
    without = os.environ.get("ACLS_WITHOUT")
    acls = acls_of(GROUPS)
    left = [acl for acl in acls if f"{acl.service} {acl.operation} {acl.name}" != without]
    assert without is None or len(left) < len(acls), f"there is no right such as {without}"
    admin = admin_client(cluster, "allow")
    for future in admin.create_acls([_binding(acl) for acl in left], request_timeout=30).values():
        future.result()
    # The broker goes by them a little later, and by the users made before them no later than that.
    until(lambda: len(admin.describe_acls(_ANY).result()) == len(left))


_ANY = AclBindingFilter(
    ResourceType.ANY,
    None,  # type: ignore[arg-type]
    ResourcePatternType.ANY,
    None,  # type: ignore[arg-type]
    None,  # type: ignore[arg-type]
    AclOperation.ANY,
    AclPermissionType.ANY,
)
_RESOURCES = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    Operation.READ: AclOperation.READ,
    Operation.WRITE: AclOperation.WRITE,
    Operation.DESCRIBE: AclOperation.DESCRIBE,
}


def _binding(acl: Acl) -> AclBinding:
    return AclBinding(
        _RESOURCES[acl.resource],
        acl.name,
        ResourcePatternType.PREFIXED if acl.prefixed else ResourcePatternType.LITERAL,
        f"User:{user_of(acl.service)}",
        "*",
        _OPERATIONS[acl.operation],
        AclPermissionType.ALLOW,
    )


class SecuredStack(Stack):
    """Registrar, gateway, watch and, with a `database`, projector, each as its own user."""

    def __init__(self, bootstrap: str, directory: Path, database: str, **settings: Any) -> None:
        for user in (OPERATOR, *map(user_of, SERVICES)):
            lines = (f"{name}={value}\n" for name, value in security_of(user).items())
            (directory / f"{user}.properties").write_text("".join(lines))
        self.postgres = database
        ports = {name: free_port() for name in ("watch", "projector")}
        super().__init__(
            bootstrap,
            directory,
            registrar_group=GROUPS.registrar,
            watch_group=GROUPS.watch,
            watch_metrics_port=ports["watch"],
            projector_metrics_port=ports["projector"],
            postgres=database,
            **settings,
        )
        self.watch = self._service("watch", self._base, f"http://127.0.0.1:{ports['watch']}")
        self.projector = self._service("projector", self._base, f"http://127.0.0.1:{ports['projector']}")

    @property
    def services(self) -> tuple[Service, ...]:
        return self.registrar, self.gateway, self.watch, self.projector

    def properties(self, user: str) -> Path:
        """The file that authenticates `user`."""
        return self.directory / f"{user}.properties"

    def cluster(self, user: str) -> Cluster:
        return Cluster(self.bootstrap, security_of(user))

    def _own_settings(self, name: str) -> dict[str, Any]:
        return {"kafka_properties": self.properties(user_of(name))}

    def start(self) -> SecuredStack:
        for service in self.services:
            service.start()
        for service in self.services:
            service.wait_ready()
        return self

    def close(self) -> None:
        for service in (self.watch, self.projector):
            if service.process is not None:
                service.process.kill()
                service.process.wait()
        super().close()
