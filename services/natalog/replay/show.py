"""A report for people: findings with their places, then counts, heads and how far the audit could look."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from natalog.decision.codes import VERDICTS
from natalog.replay.finding import MEANING
from natalog.replay.report import Report

_SHORTENED = 20  # characters of a hash in a table


def show(report: Report, console: Console | None = None) -> None:
    """Print it to standard output."""
    console = console or Console(highlight=False)
    if not report.ok:
        _findings(report, console)
    _partitions(report, console)
    _limits(report, console)
    rate = f"{report.entries:,} entries in {report.seconds:.1f} s, {report.rate:,.0f} a second"
    if report.ok:
        console.print(f"[bold green]The ledger holds.[/] {rate}.")
    else:
        console.print(f"[bold red]{report.findings.total:,} findings.[/] {rate}.")


def _findings(report: Report, console: Console) -> None:
    table = Table(title="Findings", title_justify="left", show_lines=True)
    table.add_column("what", no_wrap=True)
    table.add_column("where", no_wrap=True)
    table.add_column("expected, found", overflow="fold")
    for one in report.found:
        where = [f"partition {one.partition}"]
        where += [] if one.seq is None else [f"seq {one.seq}"]
        where += [] if one.offset is None else [f"offset {one.offset}"]
        where += [one.field] if one.field else []
        said = f"expected {_short(one.expected)}\nfound {_short(one.found)}"
        if one.detail:
            said += f"\n{one.detail}"
        table.add_row(one.kind.value, Text("\n".join(where)), Text(said))
    console.print(table)
    hidden = report.findings.total - len(report.found)
    if hidden:
        console.print(f"… and {hidden:,} more (--limit).")
    for kind, count in report.findings.counts.items():
        console.print(Text(f"{kind.value} ({count:,}): {MEANING[kind]}."))
    console.print()


def _partitions(report: Report, console: Console) -> None:
    names = ("partition", "entries", *(verdict.lower() for verdict in VERDICTS), "void", "last seq")
    lines = ["  ".join([*names, "and its SHA-256"])]
    for one in report.partitions:
        counts = (f"{one.verdicts[verdict]:,}" for verdict in VERDICTS)
        seq = "—" if one.seq < 0 else str(one.seq)
        cells = (str(one.partition), f"{one.entries:,}", *counts, str(one.void), seq)
        row = [cell.rjust(len(name)) for cell, name in zip(cells, names, strict=True)]
        lines.append("  ".join([*row, one.hash]))
    # Whole hashes, whatever the terminal's width: they are for comparing with those noted elsewhere.
    console.print("\n".join(lines), soft_wrap=True)


def _limits(report: Report, console: Console) -> None:
    waiting: Counter[str] = Counter()
    for log in report.undecided:
        waiting[log.topic] += log.records
    for topic, records in waiting.items():
        console.print(f"{records:,} records of {topic} came in and wait for their entry.")
    if report.pending_successions:
        console.print(f"{report.pending_successions:,} Successions wait on the intake for their entry.")
    if report.unchecked_successions:
        console.print(f"{report.unchecked_successions:,} Successions cross to partitions that were not read.")
    if report.expired:
        console.print(
            f"{report.expired:,} entries are older than the intake: decided again from what they hold."
        )
    if report.shape_only:
        console.print(
            f"{report.shape_only:,} unreadable records are gone from the intake and cannot be opened "
            "without the seal key: only the form of their entries was judged."
        )


def _short(text: str) -> str:
    words = (
        word[:_SHORTENED] + "…" if len(word) == 64 and word.isalnum() else word for word in text.split(" ")
    )
    return " ".join(words)
