"""`natalog assess`: figures of filing discipline as of a ledger position."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natalog.assessment.facts import Level
from natalog.assessment.report import Language
from natalog.exits import Exit

if TYPE_CHECKING:
    from natalog.assessment.period import Period
    from natalog.assessment.position import Asked
    from natalog.assessment.report import Report


class Format(StrEnum):
    """Of the output."""

    TABLE = "table"
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


def assess(
    period: Annotated[str, typer.Option(help="Beijing year, month or day: 2026, 2026-10, 2026-10-31.")],
    level: Annotated[Level, typer.Option(help="What a row stands for.")] = Level.PROVINCE,
    at: Annotated[
        str | None,
        typer.Option(help="Ledger position, P:SEQ,…[/CHECK]; the projection's present one if not given."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Of the output.")] = Format.TABLE,
    language: Annotated[
        Language | None,
        typer.Option(help="Of headings. Left out: en for table, keys for csv, both for xlsx."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if not given.")] = None,
    data: Annotated[Path | None, typer.Option(help="Directory of a local stack.")] = None,
    postgres: Annotated[str | None, typer.Option(help="URL of the projection's database.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Assess provinces, prefectures or stations: filing discipline, checks, doubts and upkeep of a period.

    The same call at the same position gives the same file, byte for byte. The position is printed (on standard error)
    so that the call can be repeated. Every column is defined in docs/assessment.md.

    Exit codes: 0 done; 1 the projection cannot answer as of that position, or --out cannot be written; 2 wrong usage;
    5 PostgreSQL cannot be reached or has no projection.
    """
    import psycopg

    from natalog.assessment.period import Period
    from natalog.assessment.position import Asked, BadPosition, NotThere

    form = Format.JSON if as_json else form
    try:
        wanted = Period.parse(period)
        asked = None if at is None else Asked.parse(at)
    except ValueError as wrong:
        raise _end(f"{wrong}.", Exit.USAGE) from None
    if form is Format.XLSX and out is None and sys.stdout.isatty():
        raise _end("A workbook needs a file: --out FILE.xlsx.", Exit.USAGE)
    url = _database(data, postgres)
    try:
        found = _read(url, wanted, level, asked)
    except BadPosition as wrong:
        raise _end(f"{wrong}.", Exit.USAGE) from None
    except NotThere as wrong:
        raise _end(f"Not as of this position: {wrong}.", Exit.DIFFERS) from None
    except psycopg.errors.UndefinedTable:
        raise _end(
            "This database has no projection: `natalog run projector` makes it.", Exit.UNREACHABLE
        ) from None
    except psycopg.Error as error:
        if error.sqlstate is None and isinstance(error, psycopg.ProgrammingError):
            # Its own text repeats the URL, the password with it.
            from natalog.settings import POSTGRES_URL

            raise _end(f"This is no URL of a database: {POSTGRES_URL}.", Exit.USAGE) from None
        raise _end(f"PostgreSQL: {str(error).strip()}", Exit.UNREACHABLE) from None
    content = _rendered(found, form, language)
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        try:
            out.write_bytes(content)
        except OSError as error:
            raise _end(f"{out} cannot be written: {error.strerror}.", Exit.DIFFERS) from None
    typer.echo(f"as of {found.position.text}", err=True)


def _database(data: Path | None, postgres: str | None) -> str:
    from natalog.cli.target import local_stack
    from natalog.settings import load

    if postgres:
        return postgres
    if data is not None:
        url = local_stack(data).postgres
        if url is None:
            raise _end(f"The stack on {data} runs without PostgreSQL.", Exit.UNREACHABLE)
        return url
    url = load().postgres
    if not url:
        raise _end(
            "Say where the projection is: --data DIR for a local stack, or --postgres URL.", Exit.USAGE
        )
    return url


def _read(url: str, period: Period, level: Level, asked: Asked | None) -> Report:
    from natalog.assessment import query
    from natalog.assessment.report import report

    position, facts = query.answer(url, period, asked)
    return report(facts, period, level, position)


def _rendered(report: Report, form: Format, language: Language | None) -> bytes:
    if form is Format.CSV:
        from natalog.assessment.as_csv import as_csv

        return as_csv(report, language or Language.KEYS)
    if form is Format.XLSX:
        from natalog.assessment.as_xlsx import as_xlsx

        return as_xlsx(report, language or Language.BOTH)
    if form is Format.JSON:
        from natalog.assessment.as_json import as_json

        return as_json(report)
    from natalog.assessment.as_table import as_table

    return as_table(report, language or Language.EN)


def _end(sentence: str, code: Exit) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(code)
