"""`natalog topics`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natalog.cli.target import Kafka, KafkaProperties, kafka_target
from natalog.exits import Exit

if TYPE_CHECKING:
    from natalog.kafka.plan import Plan

app = typer.Typer(
    help="Compare topics.yaml with a cluster (plan) or make it so (apply).\n\n"
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
        typer.echo(f"Kafka at {cluster.bootstrap}: {error.args[0].str()}.", err=True)
        raise typer.Exit(Exit.UNREACHABLE) from None


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
