"""`natalog run SERVICE`: one service in the foreground, configured by the environment alone.

A service is a module `natalog.SERVICE.main` with `main(settings) -> int`, the exit code.
"""

from __future__ import annotations

import faulthandler
import importlib

import typer

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

    Exit codes: 0 stopped by a signal; 1 ended by a fault, restart it; 10 fenced, leave it down; 11 refused to
    start because the ledger could be harmed, the log says why.
    """
    _run("registrar")


@app.command()
def gateway() -> None:
    """Take submissions over HTTP and answer status queries.

    Exit codes: 0 stopped by a signal; 1 ended by a fault, restart it.
    """
    _run("gateway")


@app.command()
def watch() -> None:
    """Watch the 30 minutes: send FilingOverdue for every registration that is not filed in time.

    Exit codes: 0 stopped by a signal; 13 ended by a fault, restart it; 11 refused to start because of its rule set.
    """
    _run("watch")


def _run(service: str) -> None:
    from natalog import logs
    from natalog.settings import load

    # A crash in a native library (librdkafka, RocksDB) would end the process without a word of where.
    faulthandler.enable()

    settings = load()
    logs.configure(service, level=settings.log_level, form=settings.log_format)
    main = importlib.import_module(f"natalog.{service}.main").main
    raise typer.Exit(int(main(settings) or 0))
