"""`natalog sample`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from natalog.exits import Exit
from natalog.sample.placement import Record
from natalog.sample.stories import Kinds

BATCH = 1000  # lines per write


def sample(
    count: Annotated[int, typer.Option(min=0, help="Registrations to make up.")] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed and options, same bytes.")] = 1,
    province: Annotated[
        list[str] | None,
        typer.Option(help="Two digits of GB/T 2260; may be given several times. Default: all."),
    ] = None,
    first_year: Annotated[int, typer.Option("--from", help="First year of birth.")] = 2012,
    last_year: Annotated[int, typer.Option("--to", help="Last year of birth.")] = 2025,
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="All is registered on this day; --from and --to do not count."
        ),
    ] = None,
    kinds: Annotated[
        Kinds,
        typer.Option(help="filings: one line each. day: claims, completions and repeats as well."),
    ] = Kinds.FILINGS,
    org: Annotated[
        str, typer.Option(help="Only inside this division (2, 4, 6 digits) or police unit (12 digits).")
    ] = "",
    origin: Annotated[
        str, typer.Option(help="LIVE or BACKFILL. Default: LIVE for a day, BACKFILL for years.")
    ] = "",
    irregular: Annotated[
        float, typer.Option(min=0, max=1, help="Share of late filings and doubtful registrations.")
    ] = 0.005,
    out: Annotated[Path | None, typer.Option(help="File to write, gzip for *.gz. Default: stdout.")] = None,
) -> None:
    """Make up a population that follows the published births by year and province.

    Writes lines for `natalog submit`: the JSON form of the gateway's calls and "kind". Any size, in constant
    memory, in order of birth; the same seed and options give the same bytes.

    \b
        natalog sample --count 1000000 --out births.ndjson.gz
        natalog sample --day 2026-03-04 --province 33 --count 1100 --kinds day

    Exit codes: 0 written; 2 wrong usage.
    """
    from natalog.sample import Population, filings, lines

    if org and not re.fullmatch(r"\d{2}|\d{4}|\d{6}|\d{12}", org):
        raise typer.BadParameter("2, 4 or 6 digits for a division, 12 for a unit", param_hint="--org")
    try:
        population = Population(
            seed=seed,
            count=count,
            provinces=tuple(province or ()),
            first_year=first_year,
            last_year=last_year,
            day=day.date() if day else None,
            org=org,
            origin=origin.upper(),
            irregular=irregular,
        )
        texts = lines(_progress(filings(population), count), kinds)
        first = next(texts, b"")  # tells wrong combinations before a file is opened
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        if out is None:
            _write(sys.stdout.buffer, first, texts)
        else:
            with _open(out) as file:
                _write(file, first, texts)
    except BrokenPipeError:
        # The reader (head, less) has enough. The interpreter must not flush stdout again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.DONE) from None


def _open(path: Path) -> BinaryIO:
    if path.suffix != ".gz":
        return path.open("wb")
    import gzip
    from typing import cast

    # mtime 0: the same seed gives the same file.
    return cast(BinaryIO, gzip.GzipFile(path, "wb", compresslevel=1, mtime=0))


def _write(file: BinaryIO, first: bytes, texts: Iterator[bytes]) -> None:
    batch = [first] if first else []
    for text in texts:
        batch.append(text)
        if len(batch) >= BATCH:
            file.write(b"\n".join(batch) + b"\n")
            batch.clear()
    if batch:
        file.write(b"\n".join(batch) + b"\n")
    file.flush()


def _progress(items: Iterator[Record], total: int) -> Iterator[Record]:
    """Hand the items on and, on a terminal, show how far they are."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("registrations"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("sample", total=total)
        for done, item in enumerate(items, 1):
            yield item
            if done % BATCH == 0 or done == total:
                progress.update(task, completed=done)
