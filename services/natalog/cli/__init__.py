"""The command line: one file per command, imported only when that command runs.

To add a command, write `cli/NAME.py` with either a function of the command's name or a `typer.Typer` called
`app` (for commands with subcommands), and add one line to `COMMANDS`. An entry whose file does not exist is
not listed.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer


@dataclass(frozen=True, slots=True)
class Command:
    """One line of `natalog --help`. `attribute` is what to take from `module`: a function or a Typer app."""

    name: str
    module: str
    attribute: str
    help: str


COMMANDS = (
    Command("up", "natalog.cli.up", "up", "Run the whole stack on this machine."),
    Command(
        "demo", "natalog.cli.demo", "demo", "A province's day through the gateway, checked against the plan."
    ),
    Command("run", "natalog.cli.run", "app", "Run one service: registrar, gateway, watch, projector."),
    Command(
        "topics",
        "natalog.cli.topics",
        "app",
        "Compare topics.yaml with a cluster (plan) or make it so (apply).",
    ),
    Command("token", "natalog.cli.token", "token", "Print a bearer token of the local stack."),
    Command("submit", "natalog.cli.submit", "submit", "Send a file of records (NDJSON) to the gateway."),
    Command("status", "natalog.cli.status", "status", "Ask for the status of certificate numbers."),
    Command("tail", "natalog.cli.tail", "tail", "Print the records of a topic, readable."),
    Command("replay", "natalog.cli.replay", "app", "Read the ledger again and prove it (verify)."),
    Command("assess", "natalog.cli.assess", "assess", "Assess filing discipline as of a ledger position."),
    Command(
        "sample", "natalog.cli.sample", "sample", "Make up a population that follows the published births."
    ),
)


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application for these arguments: the command they name is imported, the others are only listed."""
    wanted = next((a for a in arguments if not a.startswith("-")), None)
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_root)
    for entry in COMMANDS:
        if importlib.util.find_spec(entry.module) is None:
            continue
        if entry.name != wanted:
            app.command(entry.name, help=entry.help)(_listed)
            continue
        target = getattr(importlib.import_module(entry.module), entry.attribute)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=entry.name, short_help=entry.help, no_args_is_help=True)
        else:
            app.command(entry.name, short_help=entry.help)(target)
    return app


def _root() -> None:
    """One medical birth certificate, one household registration, provably.

    Start with `natalog demo`, or `natalog up --data DIR` and `natalog token --help`.

    Exit codes: 0 done; 1 something differs or was refused (each command says what); 2 wrong usage;
    others stand in `natalog COMMAND --help`.
    """


def _listed() -> None:
    """Stands in for a command that the arguments do not name."""


def main() -> None:
    """Entry point of the `natalog` script."""
    build(sys.argv[1:])(prog_name="natalog")
