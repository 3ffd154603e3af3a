"""What the demo tells: the table, three stories entry by entry, what was judged wrongly, where to look next."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from natalog.decision.codes import DOUBTS, FLAGS, REASONS
from natalog.demo.day import Played
from natalog.demo.scene import BEIJING, Step
from natalog.demo.tally import Row, Tally
from natalog.local.stackfile import StackFile

SHOWN = 30  # differences listed before the rest is only counted

STORIES = {
    "lost certificate blacklisted and tried": "A lost certificate, and somebody who found it",
    "spare of an exchange tried": "An exchanged certificate leaves a spare one behind",
    "wrong number corrected": "A child registered on the wrong certificate, and how that is put right",
}

_CHINESE = {code.code: code.zh for table in (REASONS, FLAGS, DOUBTS) for code in table}


def show_table(console: Console, tally: Tally) -> None:
    """Planted against found, code by code."""
    table = Table(title="What was planted, and what the ledger says", title_justify="left")
    for name in ("", "code", "中文"):
        table.add_column(name, no_wrap=True)
    for name in ("planted", "found", ""):
        table.add_column(name, justify="right")
    groups: list[tuple[str, dict[str, Row]]] = [
        ("verdict", tally.verdicts),
        ("reason", tally.reasons),
        ("flag", tally.flags),
        ("doubt", tally.doubts),
        ("stories", tally.subjects),
    ]
    for group, rows in groups:
        for index, (code, row) in enumerate(sorted(rows.items(), key=lambda item: -item[1].planted)):
            mark = "[green]ok[/]" if row.ok else f"[red]{row.wrong} wrong[/]"
            label = group if index == 0 else ""
            table.add_row(
                label, escape(code), _CHINESE.get(code, ""), f"{row.planted:,}", f"{row.found:,}", mark
            )
        table.add_section()
    console.print(table)


def show_stories(console: Console, day: Iterable[Played]) -> None:
    """Three planted cases from the first entry to the last."""
    played = list(day)
    for name, title in STORIES.items():
        scene = next((p.scene for p in played if p.case.name == name), None)
        if scene is None:
            continue
        console.print(f"\n[bold]{title}[/]")
        for step in scene.steps:
            _tell(console, step)


def _tell(console: Console, step: Step) -> None:
    body = step.answer.body
    person = f"{step.person.sub}: {step.note}"
    if step.kind == "status":
        usable = {True: "usable", False: "not usable"}.get(body.get("usable") or False, "")
        console.print(
            f"  [dim]{'status':>9}[/]  {step.number:<11} {escape(person)} [dim]({usable})[/]", soft_wrap=True
        )
        return
    codes = [body.get("reason"), *body.get("flags", ()), *body.get("doubts", ())]
    said = " ".join(f"{code} {_CHINESE.get(code, '')}".strip() for code in codes if code)
    color = "green" if body.get("verdict") == "ACCEPTED" else "red"
    console.print(f"  [dim]{step.answer.place:>9}[/]  {step.number:<11} {escape(person)}", soft_wrap=True)
    moment = _clock(body.get("received_at"))
    console.print(
        f"  {'':>9}  {moment:<11} [{color}]{body.get('verdict', '')}[/] {escape(said)}", soft_wrap=True
    )


def _clock(stamp: object) -> str:
    from datetime import datetime

    if not isinstance(stamp, str):
        return ""
    return datetime.fromisoformat(stamp).astimezone(BEIJING).strftime("%H:%M:%S")


def show_wrong(console: Console, tally: Tally) -> None:
    """Every expectation that failed, with the entry's place."""
    if tally.ok:
        return
    console.print("\n[bold red]Judged wrongly[/]")
    for line in [*(str(d) for d in tally.differences), *tally.failures][:SHOWN]:
        console.print(f"  {escape(line)}", soft_wrap=True)
    rest = len(tally.differences) + len(tally.failures) - SHOWN
    if rest > 0:
        console.print(f"  … and {rest} more")


def show_next(console: Console, stack: StackFile, directory: Path, number: str) -> None:
    """Where to look while the stack is up."""
    data = f"--data {directory}"
    lines = [
        ("gateway", f"{stack.gateway}/openapi.json, {stack.gateway}/metrics"),
        ("status", f"natalog status {data} {number}"),
        ("tail", f"natalog tail ledger {data} --json"),
        ("replay", f"natalog replay verify {data}"),
        ("token", f"natalog token {data} --role station --org 330106000000 --sub desk-1"),
        ("sample", "natalog sample --count 1000000 --out births.ndjson.gz"),
        ("logs", f"{directory / 'logs'}"),
    ]
    console.print("\n[bold]Where to look next[/]")
    for name, text in lines:
        if text.startswith("natalog") and find_spec(f"natalog.cli.{name}") is None:
            continue
        console.print(f"  {escape(text)}", soft_wrap=True, highlight=False)
