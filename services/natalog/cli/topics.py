"""`natalog topics`."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natalog.cli.target import Kafka, KafkaProperties, kafka_target, unreachable
from natalog.exits import Exit

if TYPE_CHECKING:
    from natalog.kafka.acls import Acl
    from natalog.kafka.plan import Plan

app = typer.Typer(
    help="Compare topics.yaml with a cluster (plan), make it so (apply), or print the access rights that "
    "follow from it (acls).\n\n"
    "Exit codes: 0 nothing differs; 1 something differs (plan) or was refused (apply); 2 wrong usage; "
    "5 Kafka cannot be reached."
)

Data = Annotated[Path | None, typer.Option(help="Directory of a local stack, which has one broker.")]
Replication = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Replicas of each partition instead of topics.yaml's; below that, min.insync.replicas is 1.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="One JSON object: brokers, replication, differences, foreign, cautions."),
]


@app.command()
def plan(
    data: Data = None,
    kafka: Kafka = None,
    kafka_properties: KafkaProperties = None,
    replication: Replication = None,
    as_json: AsJson = False,
) -> None:
    """Show how a cluster's topics differ from topics.yaml. Changes nothing.

    Topics that topics.yaml does not know are listed as foreign; they are no difference and never touched. What should
    be otherwise about Kafka's own topics and the brokers is told as a caution; no command of Natalog's changes it.

    Exit codes: 0 no difference; 1 something differs; 2 wrong usage; 5 Kafka cannot be reached.
    """
    found = _run(data, kafka, kafka_properties, replication, change=False)
    _show(found, as_json=as_json, done=False)
    if found.differences:
        raise typer.Exit(Exit.DIFFERS)


@app.command()
def apply(
    data: Data = None,
    kafka: Kafka = None,
    kafka_properties: KafkaProperties = None,
    replication: Replication = None,
    as_json: AsJson = False,
) -> None:
    """Make a cluster's topics what topics.yaml says, and show what was done.

    Creates topics and sets their configuration, key by key. Refuses what would lose data: another partition
    count, shorter retention, compaction, deletion; and leaves a replication factor to kafka-reassign-partitions.
    The rest is done all the same.

    Exit codes: 0 all is as topics.yaml says; 1 something was refused; 2 wrong usage; 5 Kafka cannot be reached.
    """
    found = _run(data, kafka, kafka_properties, replication, change=True)
    _show(found, as_json=as_json, done=True)
    if found.refused:
        raise typer.Exit(Exit.DIFFERS)


class Format(StrEnum):
    """How access rights are printed."""

    TABLE = "table"
    COMMANDS = "commands"
    JSON = "json"


@app.command()
def acls(
    principal: Annotated[
        list[str] | None,
        typer.Option(
            help="SERVICE=PRINCIPAL, as in registrar=User:CN=registrar,O=Natalog; may be given for each service. "
            "Otherwise User:natalog-SERVICE."
        ),
    ] = None,
    form: Annotated[
        Format,
        typer.Option("--format", help="A table, calls of kafka-acls.sh, or a list of objects."),
    ] = Format.TABLE,
    kafka: Annotated[
        str | None, typer.Option(help="Bootstrap servers for --format commands, host:port; or NATALOG_KAFKA.")
    ] = None,
    command_config: Annotated[
        str, typer.Option(help="File with which kafka-acls.sh authenticates, in Java's words.")
    ] = "operator.properties",
) -> None:
    """Print the least access rights of each service, as topics.yaml names its producers and consumers.

    Asks no cluster and changes nothing. Groups and transactional ids follow NATALOG_REGISTRAR_GROUP and
    NATALOG_WATCH_GROUP: set them here as for the services. Read and Write bring Describe along. Nobody gets Delete or
    Alter of anything, the ledger above all: who applies topics.yaml is a super user, and no service has his name.

    With --format json: a list of {"principal","service","operation","resource","name","pattern","why"}.

    Exit codes: 0 printed; 2 wrong usage.
    """
    from natalog.kafka.acls import Groups, acls_of, commands
    from natalog.settings import load

    settings = load()
    found = acls_of(Groups(registrar=settings.registrar_group, watch=settings.watch_group))
    principals = _principals(principal or [])
    if form is Format.TABLE:
        _show_acls(found, principals)
    elif form is Format.JSON:
        typer.echo(json.dumps([_acl_object(acl, principals) for acl in found], ensure_ascii=False))
    else:
        lines = commands(found, principals, bootstrap=kafka or settings.kafka, properties=command_config)
        typer.echo("\n".join(lines))


def _principals(given: list[str]) -> dict[str, str]:
    """By service. Ends the command when one is given to no service or without its type."""
    from natalog.wire.topics import SERVICES

    principals = {service: f"User:natalog-{service}" for service in SERVICES}
    for text in given:
        service, _, principal = text.partition("=")
        if service not in principals or ":" not in principal:
            raise typer.BadParameter(
                f"{text}: write SERVICE=User:NAME; services are {', '.join(SERVICES)}",
                param_hint="--principal",
            )
        principals[service] = principal
    return principals


def _acl_object(acl: Acl, principals: dict[str, str]) -> dict[str, str]:
    return {
        "principal": principals[acl.service],
        "service": acl.service,
        "operation": acl.operation,
        "resource": acl.resource,
        "name": acl.name,
        "pattern": "prefixed" if acl.prefixed else "literal",
        "why": acl.why,
    }


def _show_acls(found: tuple[Acl, ...], principals: dict[str, str]) -> None:
    from rich.table import Table

    from natalog.cli.console import output

    console = output()
    table = Table("principal", "may", "", "", "why", box=None)
    told = ""
    for acl in found:
        principal = principals[acl.service]
        name = f"{acl.name}…" if acl.prefixed else acl.name
        table.add_row(principal if principal != told else "", acl.operation, acl.resource, name, acl.why)
        told = principal
    console.print(table, highlight=False)
    console.print(
        "Nobody may delete or alter anything, the ledger above all: apply topics as a super user. "
        "`--format commands` prints calls of kafka-acls.sh.",
        highlight=False,
    )


def _run(
    data: Path | None, kafka: str | None, properties: Path | None, replication: int | None, *, change: bool
) -> Plan:
    from confluent_kafka import KafkaException

    from natalog.kafka import topics
    from natalog.settings import load

    cluster = kafka_target(data, kafka, properties)
    factor = replication or (1 if data is not None else load().replication)
    try:
        return (topics.apply if change else topics.plan)(cluster, replication=factor)
    except KafkaException as error:
        raise unreachable(cluster, error) from None


def _show(found: Plan, *, as_json: bool, done: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    from rich.table import Table

    from natalog.cli.console import output

    console = output()
    if found.differences:
        table = Table(
            "topic", "setting", "found", "wanted", "done" if done else "apply will", "why", box=None
        )
        for d in found.differences:
            style = "red" if d in found.refused else None
            table.add_row(
                d.topic, d.setting, d.found or "–", d.wanted or "–", d.action.value, d.why, style=style
            )
        console.print(table)
    else:
        console.print("The cluster's topics are what topics.yaml says.")
    if found.foreign:
        console.print(f"Not in topics.yaml, left alone: {', '.join(found.foreign)}.", highlight=False)
    for caution in found.cautions:
        console.print(f"[yellow]Caution:[/] {caution}", highlight=False)
