"""`natalog status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from natalog.exits import Exit


def status(
    numbers: Annotated[list[str], typer.Argument(help="Certificate numbers, up to 1,000.")],
    data: Annotated[Path | None, typer.Option(help="Directory of a local stack.")] = None,
    gateway: Annotated[str | None, typer.Option(help="URL of the gateway.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with a bearer token.")] = None,
    org: Annotated[
        str, typer.Option(help="Local stack: division or unit the question is asked for.")
    ] = "330106000000",
    after: Annotated[
        str | None, typer.Option(help="Token (`Natalog-As-Of`, `as_of.token`) the answer must have seen.")
    ] = None,
    purpose: Annotated[
        str, typer.Option(help="Why; it is recorded. A reference in ASCII.")
    ] = "natalog status",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as JSON, one object a line.")
    ] = False,
) -> None:
    """Ask whether certificate numbers are unused and not blacklisted (核验).

    Every question is recorded, with who asked and why.

    Exit codes: 0 every number is usable; 1 at least one is not; 2 wrong usage; 5 the gateway cannot be reached,
    or cannot tell now (UNKNOWN), or refused the question.
    """
    import httpx
    import orjson

    from natalog.cli.target import gateway_target

    target = gateway_target(data, gateway, token_file)
    if not (purpose.isascii() and purpose.isprintable() and len(purpose) <= 128):
        raise typer.BadParameter(
            "up to 128 ASCII characters: a reference that means something to you, as in desk-check",
            param_hint="--purpose",
        )
    headers = {
        "Authorization": f"Bearer {target.token('station', org, 'natalog-status')}",
        "Natalog-Purpose": purpose,
    }
    try:
        with httpx.Client(base_url=target.gateway, trust_env=False, timeout=90) as client:
            answer = client.post(
                "/v1/certificates/check",
                json={"certificate_numbers": numbers},
                headers=headers,
                params={} if after is None else {"after": after},
            )
    except httpx.HTTPError as error:
        typer.echo(f"The gateway at {target.gateway} does not answer: {error}.", err=True)
        raise typer.Exit(Exit.UNREACHABLE) from None
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    found: list[dict[str, Any]] = body.get("certificates", [])
    if not found:
        typer.echo(body.get("detail", f"The gateway answered {answer.status_code}."), err=True)
        raise typer.Exit(Exit.UNREACHABLE)
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(one).decode())
    else:
        _table(found)
    if any(one["status"] == "UNKNOWN" for one in found):
        raise typer.Exit(Exit.UNREACHABLE)
    if not all(one["usable"] for one in found):
        raise typer.Exit(Exit.DIFFERS)


def _table(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from natalog.cli.console import output
    from natalog.gateway.status import LABELS, WARNINGS, Status

    labels = {code.code: code.zh for code in WARNINGS}
    table = Table(box=None, pad_edge=False)
    for name in ("number", "status", "usable", "notes", "as of (Beijing)"):
        table.add_column(name, no_wrap=name != "notes")
    for one in found:
        notes = [f"{code} {labels.get(code, '')}".strip() for code in one["warnings"]]
        if one["claimed_by_me"]:
            notes.insert(0, "own claim 本单位占用")
        if one.get("suggestion"):
            notes.insert(0, f"meant {one['suggestion']}?")
        table.add_row(
            one["certificate_number"],
            f"{one['status']} {LABELS[Status(one['status'])]}",
            "[green]yes 可用[/]" if one["usable"] else "[red]no 不可用[/]",
            ", ".join(notes),
            _beijing(one["as_of"]["time"]),
        )
    output().print(table)


def _beijing(time: str | None) -> str:
    """Time of day as a desk's clock shows it; the machine's own zone may be any."""
    from datetime import datetime, timedelta, timezone

    if time is None:
        return ""
    return datetime.fromisoformat(time).astimezone(timezone(timedelta(hours=8))).strftime("%m-%d %H:%M:%S")
