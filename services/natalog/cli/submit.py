"""`natalog submit`."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natalog.exits import Exit

if TYPE_CHECKING:
    from natalog.cli.submission_file import Line
    from natalog.cli.submission_sender import Sender
    from natalog.cli.verdict_file import VerdictFile

_SHOWN_PROBLEMS = 10


def submit(
    file: Annotated[Path, typer.Argument(help='NDJSON, gzip for *.gz; "-" reads standard input.')],
    data: Annotated[Path | None, typer.Option(help="Directory of a local stack.")] = None,
    gateway: Annotated[str | None, typer.Option(help="URL of the gateway.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with a bearer token.")] = None,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for what is late, and for a gateway that is away.")
    ] = 60.0,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Requests at a time.")] = 8,
    verdicts: Annotated[
        Path | None,
        typer.Option(help="Write every answer here, one a line; with an earlier one, go on where it ends."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every answer as JSON, one a line, in the file's order.")
    ] = False,
) -> None:
    """Send a file of records to the gateway and show the verdicts.

    Each line is the JSON form of a record and its "kind": claim, release, completion, filing, withdrawal,
    blacklist-change or invalidation. Records about one number or registration are sent in the file's order, others
    side by side. Sending a file again is safe: what was recorded is answered with its original verdict. With
    --verdicts OUT.ndjson a run that was stopped goes on where OUT.ndjson ends. A line that is no such record is
    answered here, as NOT RECORDED; mend it and send it in a file of its own. A line with a "range" is answered once
    its records are taken; GET /v1/ranges/ID counts their verdicts.

    The token's file is read again for each request, so it may be renewed during a run.

    On a local stack (--data) tokens are signed here for the province of each line's unit and the role its kind needs.

    Exit codes: 0 all accepted; 1 something was refused, is not recorded, or still has no verdict; 2 wrong usage, or
    the gateway does not take the request at all (the token, the address); 5 the gateway cannot be reached.
    """
    from natalog.cli.submission_file import Unreadable
    from natalog.cli.submission_sender import Sender, Stopped
    from natalog.cli.target import gateway_target
    from natalog.cli.verdict_file import OtherFile, VerdictFile

    if str(file) != "-" and not file.is_file():
        raise typer.BadParameter(f"{file} does not exist", param_hint="FILE")
    target = gateway_target(data, gateway, token_file)
    tally = Tally()
    size = None if str(file) == "-" else file.stat().st_size
    try:
        with VerdictFile(verdicts) if verdicts is not None else nullcontext() as kept:
            sender = Sender(target.gateway, target.token, patience=patience, connections=connections)
            asyncio.run(_run(file, size, sender, tally, kept, as_json))
    except (OtherFile, Unreadable) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(Exit.USAGE) from None
    except Stopped as error:
        if tally.lines:
            tally.show()
        typer.echo(str(error), err=True)
        raise typer.Exit(error.code) from None
    tally.show()
    if not tally.all_accepted:
        raise typer.Exit(Exit.DIFFERS)


async def _run(
    file: Path, size: int | None, sending: Sender, tally: Tally, verdicts: VerdictFile | None, as_json: bool
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from natalog.cli.submission_file import windows

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("records sent", total=None)
        async with sending as sender:
            for window, read in windows(file):
                answers = [] if verdicts is None else list(verdicts.earlier(window))
                unsent = window[len(answers) :]
                fresh = await sender.send(unsent)
                if verdicts is not None:
                    verdicts.write(unsent, fresh)
                for line, answer in zip(window, answers + fresh, strict=True):
                    tally.count(line, answer)
                    if as_json:
                        sys.stdout.write(answer.decode() + "\n")
                done = tally.lines
                total = done if size is None or not read else int(done * max(1.0, size / read))
                progress.update(task, completed=done, total=total)


class Tally:
    """Answers counted as they come; nothing of the records is kept."""

    def __init__(self) -> None:
        self.lines = 0
        self._verdicts: Counter[tuple[str, str, str]] = Counter()
        self._flags: Counter[str] = Counter()
        self._doubts: Counter[str] = Counter()
        self._problems: list[tuple[int, dict[str, Any]]] = []

    def count(self, line: Line, body: bytes) -> None:
        """One answer: a verdict, a problem, or that it is still pending."""
        import orjson

        from natalog.cli.submission_sender import is_final

        self.lines += 1
        answer = orjson.loads(body)
        if "verdict" in answer:
            self._verdicts[line.kind, answer["verdict"], answer["reason"] or ""] += 1
            self._flags.update(answer["flags"])
            self._doubts.update(answer["doubts"])
        elif "type" in answer:
            # Only a refusal of the line itself says that nothing was recorded.
            told = "NOT RECORDED" if is_final(body) else "OUTCOME UNKNOWN"
            self._verdicts[line.kind, told, answer["type"].rsplit(":", 1)[-1]] += 1
            if len(self._problems) < _SHOWN_PROBLEMS:
                self._problems.append((line.number, answer))
        elif "range_id" in answer:
            self._verdicts[line.kind, "RANGE TAKEN", f"{answer['count']:,} numbers"] += 1
        else:
            self._verdicts[line.kind, "PENDING", ""] += 1

    @property
    def all_accepted(self) -> bool:
        """Whether every line was accepted, or is a range that was taken."""
        return all(verdict in ("ACCEPTED", "RANGE TAKEN") for _, verdict, _ in self._verdicts)

    def show(self) -> None:
        """The table of verdicts, flags and doubts, and the first problems, on standard error."""
        from rich.console import Console
        from rich.table import Table

        from natalog.decision.codes import DOUBTS, FLAGS, REASONS

        zh = {code.code: code.zh for table in (REASONS, FLAGS, DOUBTS) for code in table}
        console = Console(stderr=True)
        table = Table(box=None, pad_edge=False)
        for name in ("kind", "verdict", "reason"):
            table.add_column(name)
        table.add_column("count", justify="right")
        for (kind, verdict, reason), count in sorted(self._verdicts.items()):
            colour = {"ACCEPTED": "green", "RANGE TAKEN": "green", "REFUSED": "yellow"}.get(verdict, "red")
            words = f"{reason} {zh.get(reason, '')}".strip()
            table.add_row(kind, f"[{colour}]{verdict}[/]", words, f"{count:,}")
        for name, counts in (("flag", self._flags), ("doubt", self._doubts)):
            for code, count in counts.most_common():
                table.add_row(name, "", f"{code} {zh.get(code, '')}", f"{count:,}")
        console.print(table)
        for number, problem in self._problems:
            hint = f" {problem['suggestion']}" if problem.get("suggestion") else ""
            field = f" {problem['field']}:" if problem.get("field") else ""
            console.print(f"line {number}:{field} {problem['detail']}{hint}", markup=False)
