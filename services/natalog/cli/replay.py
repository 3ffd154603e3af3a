"""`natalog replay`: the auditors' commands."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natalog.cli.target import Kafka, KafkaProperties, kafka_target, unreachable
from natalog.exits import Exit

if TYPE_CHECKING:
    from natalog.decision.rules import RuleSets
    from natalog.replay.again import Seal
    from natalog.replay.kafka_logs import KafkaLogs
    from natalog.replay.report import Report

app = typer.Typer(
    help="Read the ledger again and prove it.\n\nExit codes: 0 all holds; 1 something differs; 2 wrong usage; 5 Kafka "
    "cannot be reached."
)


@app.callback()
def root() -> None:
    """Keeps `replay` a group while it has one command."""


@app.command()
def verify(
    data: Annotated[Path | None, typer.Option(help="Directory of a local stack.")] = None,
    kafka: Kafka = None,
    kafka_properties: KafkaProperties = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="Rule-set file entries were decided under; may be given more than once."),
    ] = None,
    seal_key: Annotated[
        Path | None, typer.Option(help="Key file that opens the copies of unreadable records.")
    ] = None,
    partition: Annotated[list[int] | None, typer.Option(min=0, max=11, help="Only these partitions.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Findings shown; all are counted.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Read the whole ledger and prove it: chain, causes, every decision again, one registration per number.

    Only reads, and ends where the ledger ended when it began. A local stack (--data) brings its rule sets and its
    seal key along.

    Exit codes: 0 all holds; 1 something differs, each finding with its place; 2 wrong usage; 5 Kafka cannot be
    reached or has no ledger.
    """
    from confluent_kafka import KafkaException

    from natalog.replay.kafka_logs import KafkaLogs
    from natalog.replay.show import show

    cluster = kafka_target(data, kafka, kafka_properties)
    known = _rules(data, rules or [])
    seals = _seals(data, seal_key)
    try:
        with closing(KafkaLogs(cluster, sorted(set(partition or ())))) as logs:
            report = _audit(logs, known, seals, limit)
    except KafkaException as error:
        raise unreachable(cluster, error) from None
    if as_json:
        import orjson

        typer.echo(orjson.dumps(report.to_json()).decode())
    else:
        show(report)
    raise typer.Exit(Exit.DONE if report.ok else Exit.DIFFERS)


def _audit(logs: KafkaLogs, rules: RuleSets, seals: tuple[Seal | None, Seal | None], limit: int) -> Report:
    import gc

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from natalog.replay.verify import verify as audit

    # Entries come and go by the thousand and hold no cycles: looking for some takes a third of the time by default.
    gc.set_threshold(50_000, 10, 10)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("the ledger", total=logs.offsets)
        return audit(
            logs,
            rules=rules,
            seal=seals[0],
            unseal=seals[1],
            limit=limit,
            progress=lambda offsets: bar.advance(task, offsets),
        )


def _rules(data: Path | None, files: list[Path]) -> RuleSets:
    from natalog.decision.rules import RuleSetError, RuleSets, from_json
    from natalog.ledger.rules import KEPT, remembered

    try:
        known = RuleSets() if data is None else remembered(data / KEPT)
        for file in files:
            known.add(from_json(file.read_text(encoding="utf-8")))
    except (RuleSetError, OSError) as error:
        raise _wrong(f"--rules: {error}.") from None
    return known


def _seals(data: Path | None, key: Path | None) -> tuple[Seal | None, Seal | None]:
    from natalog.ledger.seal import SealKeyError, open_with, seal_with
    from natalog.local.issuer import keys_in
    from natalog.settings import load

    if key is None:
        own = load().seal_key if data is None else keys_in(data).seal
        key = own if own is not None and own.is_file() else None
    if key is None:
        return None, None
    try:
        return seal_with(key), open_with(key)
    except SealKeyError as error:
        raise _wrong(f"--seal-key: {error}.") from None


def _wrong(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(Exit.USAGE)
