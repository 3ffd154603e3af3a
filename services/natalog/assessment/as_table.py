"""The assessment for a terminal: a block of columns for each part."""

from __future__ import annotations

import io

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from natalog.assessment.columns import COLUMNS, Kind, Part
from natalog.assessment.report import HEADINGS, Language, Report, code_values, codes, heading, written

_WIDTH = 10_000  # nothing is ever folded or cut to a width: a pipe gets the same text as a terminal


def as_table(report: Report, language: Language = Language.EN) -> bytes:
    """Text in UTF-8. Counts that are nought everywhere are left out of the blocks of refusals and lateness."""
    text = io.StringIO()
    console = Console(
        file=text,
        width=_WIDTH,
        color_system=None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    rows = (*report.rows, report.whole)
    for part in Part:
        table = Table(
            title=part.value,
            title_justify="left",
            title_style="",
            box=SIMPLE_HEAD,
            pad_edge=False,
            show_header=True,
        )
        for key in codes(report.level):
            table.add_column(heading(key, *HEADINGS[key], language), no_wrap=True)
        shown = [i for i, column in enumerate(COLUMNS) if column.part is part and _shows(report, i)]
        for i in shown:
            column = COLUMNS[i]
            table.add_column(heading(column.key, column.en, column.zh, language), justify="right")
        if part is Part.TIME:
            table.add_column(heading("rank", *HEADINGS["rank"], language), justify="right")
        for row in rows:
            figures = [written(COLUMNS[i], row.figures[i]) for i in shown]
            cells = [
                *code_values(row, report.level, row is report.whole),
                *("–" if figure is None else str(figure) for figure in figures),
            ]
            if part is Part.TIME:
                cells.append("–" if row.rank is None else str(row.rank))
            table.add_row(*cells)
        console.print(table)
    rules = " ".join(map(str, report.whole.rules)) or "none"
    console.print(f"period {report.period.text} (Beijing), level {report.level.value}, rule sets {rules}")
    console.print("ledger: entries that count, and the SHA-256 of the last of them")
    for head in report.position.heads:
        console.print(
            f"  {head.partition:>2} {head.seq:>10} {'hidden' if head.hash is None else head.hash.hex()}"
        )
    console.print(f"again: --at {report.position.text}")
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()).encode()


def _shows(report: Report, i: int) -> bool:
    column = COLUMNS[i]
    rare = column.kind is Kind.COUNT and column.key.startswith(("refused_", "late_"))
    return not rare or bool(report.whole.figures[i])
