"""`natalog demo`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from natalog.exits import Exit

WIDTH = 110  # columns


def demo(
    once: Annotated[bool, typer.Option("--once", help="End by itself instead of staying up.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the stack, kept; a stack that runs there is used. Default: a fresh one."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same day. Default: 1, or by chance with --data.")
    ] = None,
    province: Annotated[str, typer.Option(help="Two digits of a province with ordinary prefectures.")] = "33",
    registrations: Annotated[int, typer.Option(min=10, help="Ordinary registrations of the day.")] = 2000,
) -> None:
    """Play a made-up day of one province through the gateway and compare every verdict with the rules.

    Starts a stack (`natalog up`) in a directory of its own, registers some 2,000 children and, in between,
    hundreds of planted stories: used and blacklisted numbers tried, certificates exchanged, late filings,
    slips of the pen, corrections, each of the seven doubts and everything legal that looks like one. Then a
    table of what was planted and found, three stories entry by entry, and `natalog replay verify`.

    Exit codes: 0 all was judged as planted and the ledger verifies; 1 something was judged wrongly (each is
    named with the entry's place) or the stack could not be started; 2 wrong usage; 3 the directory is in use.
    """
    from natalog.cli.console import output
    from natalog.demo.run import AlreadyPlayed, run
    from natalog.demo.stack import DidNotStart

    if len(province) != 2 or not _suits(province):
        raise typer.BadParameter("no province with several ordinary prefectures", param_hint="--province")
    if seed is None:
        seed = 1 if data is None else secrets.randbelow(1_000_000)
    try:
        code = run(
            once=once,
            data=data,
            seed=seed,
            province=province,
            registrations=registrations,
            console=output(width=WIDTH),
        )
    except DidNotStart as reason:
        typer.echo(str(reason), err=True)
        raise typer.Exit(
            Exit.ALREADY_RUNNING if reason.code == Exit.ALREADY_RUNNING else Exit.DIFFERS
        ) from None
    except AlreadyPlayed:
        typer.echo(f"The day of seed {seed} was played on {data} before: choose another --seed.", err=True)
        raise typer.Exit(Exit.USAGE) from None
    except KeyboardInterrupt:
        raise typer.Exit(Exit.DIFFERS) from None
    raise typer.Exit(code)


def _suits(province: str) -> bool:
    """Whether the planted cases work there: units in several prefectures, none directly under the province."""
    from natalog.sample.counties import COUNTIES

    prefectures = {county[:4] for county in COUNTIES.get(province, ())}
    # The sparsely settled end of a province's table gets few units: two prefectures are not enough to choose from.
    direct = province in ("41", "42", "46", "65", "66")
    return len(prefectures) >= 3 and not direct and province not in ("11", "12", "31", "50")
