"""`natalog run SERVICE`: one service in the foreground, configured by the environment alone.

A service is a module `natalog.SERVICE.main` (the projector's is `natalog.views.main`) with `main(settings) -> int`, the
exit code.
"""

from __future__ import annotations

import faulthandler
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natalog.cli.target import check, local_stack
from natalog.exits import Exit

if TYPE_CHECKING:
    from natalog.settings import Settings

app = typer.Typer(
    help="Run one service in the foreground. Settings come from NATALOG_* (natalog/settings.py). SIGTERM "
    "stops it. A supervisor should restart it, except after exit codes 10 (fenced: another process with the "
    "same instance id took over) and 11 (refused to start: people must look)."
)


@app.callback()
def root() -> None:
    """Keeps `run` a group while it has one command."""


@app.command()
def registrar() -> None:
    """Decide intake records and write the ledger.

    Exit codes: 0 stopped by a signal; 1 ended by a fault, restart it; 2 a setting is wrong, the line says which; 3
    another process uses its directory; 10 fenced, leave it down; 11 refused to start because the ledger could be
    harmed, the log says why; 12 somebody else wrote to the ledger, restart it; 13 Kafka did not say what became of a
    transaction, restart it; 14 its directory cannot be read or written, the log says why.
    """
    _run("registrar")


@app.command()
def gateway() -> None:
    """Take submissions over HTTP and answer status queries.

    Exit codes: 0 stopped by a signal; 1 or 13 ended by a fault, restart it; 2 a setting is wrong, the line says which;
    3 another process uses its directory; 11 refused to start: no keys to verify tokens with are set; 14 its directory
    cannot be read or written, the log says why.
    """
    _run("gateway")


@app.command()
def watch() -> None:
    """Watch the 30 minutes: send FilingOverdue for every registration that is not filed in time.

    Exit codes: 0 stopped by a signal; 1 or 13 ended by a fault, restart it; 2 a setting is wrong, the line says which;
    11 refused to start because of its rule set.
    """
    _run("watch")


@app.command()
def projector(
    rebuild: Annotated[
        bool,
        typer.Option(
            help="Fold the whole ledger into a new schema beside the one in use, put it in that one's place in one "
            "step, and end. Readers, and a projector that runs, just go on."
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Directory of a local stack, for Kafka and PostgreSQL from its stack.json."),
    ] = None,
) -> None:
    """Keep the PostgreSQL tables in step with the ledger (NATALOG_POSTGRES).

    Exit codes: 0 stopped by a signal, or rebuilt; 1 or 13 ended by a fault, restart it; 2 a setting is wrong, the line
    says which; 5 the local stack has no PostgreSQL; 11 refused to start: no database is set, it was folded from another
    ledger or migrated by a newer build, and the log says what to do.
    """
    from natalog.ledger.rules import KEPT
    from natalog.settings import load

    settings = load()
    if data is not None:
        stack = local_stack(data)
        if not stack.postgres:
            typer.echo(f"The stack on {data} runs without PostgreSQL.", err=True)
            raise typer.Exit(Exit.UNREACHABLE)
        settings = settings.model_copy(
            update={
                "kafka": stack.kafka,
                "kafka_properties": None,
                "postgres": stack.postgres,
                "rules_kept": data / KEPT,
            }
        )
    _run("projector", module="natalog.views.main", settings=settings, rebuild=rebuild)


def _run(service: str, *, module: str = "", settings: Settings | None = None, **options: bool) -> None:
    from natalog import logs
    from natalog.settings import load

    settings = settings or load()
    if settings.kafka_properties is not None:
        check(settings.cluster, settings.kafka_properties)
    # A crash in a native library (librdkafka, RocksDB) would end the process without a word of where.
    faulthandler.enable()
    logs.configure(service, level=settings.log_level, form=settings.log_format)
    main = importlib.import_module(module or f"natalog.{service}.main").main
    raise typer.Exit(int(main(settings, **options) or 0))
