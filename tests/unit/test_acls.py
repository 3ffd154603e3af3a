"""The access rights that follow from topics.yaml."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from natalog.cli import build
from natalog.kafka.acls import Acl, Groups, Operation, Resource, acls_of, commands
from natalog.wire.topics import INTAKE_TOPICS, SERVICES, TOPICS

ACLS = acls_of(Groups())


def who(operation: Operation, resource: Resource, name: str) -> set[str]:
    return {a.service for a in ACLS if (a.operation, a.resource, a.name) == (operation, resource, name)}


def printed(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(build(["topics"]), ["topics", "acls", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_producers_write_and_consumers_read() -> None:
    for name, topic in TOPICS.items():
        assert who(Operation.WRITE, Resource.TOPIC, name) == set(topic.producers)
        assert who(Operation.READ, Resource.TOPIC, name) == set(topic.consumers)
        assert who(Operation.DESCRIBE, Resource.TOPIC, name) == set(), "it comes with either"


def test_only_registrars_write_the_ledger_and_in_transactions() -> None:
    assert who(Operation.WRITE, Resource.TOPIC, "ledger") == {"registrar"}
    (transactional,) = (a for a in ACLS if a.resource is Resource.TRANSACTIONAL_ID)
    assert (transactional.service, transactional.name) == ("registrar", "registrar-")
    assert transactional.prefixed
    assert [a for a in ACLS if a.prefixed] == [transactional], "all other names are whole"


def test_auditors_and_the_projector_write_nothing() -> None:
    assert not [a for a in ACLS if a.service in ("replay", "projector") and a.operation is Operation.WRITE]
    assert all("replay" in TOPICS[name].consumers for name in INTAKE_TOPICS)


def test_groups_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATALOG_REGISTRAR_GROUP", "trial")
    found = json.loads(printed("--format", "json"))
    assert {
        (a["principal"], a["operation"], a["name"], a["pattern"]) for a in found if a["resource"] != "topic"
    } == {
        ("User:natalog-registrar", "Read", "trial", "literal"),
        ("User:natalog-registrar", "Write", "trial-", "prefixed"),
        ("User:natalog-gateway", "Describe", "trial", "literal"),
        ("User:natalog-watch", "Read", "watch", "literal"),
        *(
            (f"User:natalog-{service}", "Describe", "natalog-unused", "literal")
            for service in ("registrar", "gateway", "projector", "replay")
        ),
    }


def test_commands_name_every_right_once() -> None:
    principals = {service: f"User:CN={service}, O=x" for service in SERVICES}
    lines = commands(ACLS, principals, bootstrap="k1:9093", properties="op.properties")
    assert lines[0] == (
        "kafka-acls.sh --bootstrap-server k1:9093 --command-config op.properties --add "
        "--allow-principal 'User:CN=registrar, O=x' --operation Write "
        "--topic certificate.invalidations --topic ledger"
    )
    for acl in ACLS:
        assert sum(_gives(line, acl) for line in lines) == 1
    assert not [line for line in lines if "Delete" in line or "Alter" in line or "All" in line]


def _gives(line: str, acl: Acl) -> bool:
    words = f"{line} "
    return (
        f"CN={acl.service}," in words
        and f"--operation {acl.operation} " in words
        and f"--{acl.resource} {acl.name} " in words
        and ("--resource-pattern-type prefixed" in words) == acl.prefixed
    )


def test_a_principal_may_be_another() -> None:
    output = printed("--principal", "registrar=User:CN=r,O=Natalog", "--format", "commands")
    assert "--allow-principal User:CN=r,O=Natalog --operation Write" in output
    assert "natalog-registrar" not in output
    assert "User:natalog-gateway" in output


@pytest.mark.parametrize("wrong", ["registrar", "registrar=me", "clerk=User:me"])
def test_a_principal_of_nobody_is_wrong_usage(wrong: str) -> None:
    assert "SERVICE=User:NAME" in printed("--principal", wrong, code=2)


def test_the_table_says_who_may_delete_the_ledger() -> None:
    output = printed()
    assert "User:natalog-watch" in output
    assert "Nobody may delete or alter anything" in output
