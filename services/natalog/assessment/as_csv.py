"""The assessment as CSV (RFC 4180, UTF-8): one row for each place and a last one for the whole."""

from __future__ import annotations

import csv
import io

from natalog.assessment.columns import COLUMNS
from natalog.assessment.report import HEADINGS, Language, Report, code_values, codes, heading, written

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def as_csv(report: Report, language: Language = Language.KEYS) -> bytes:
    """The file. Headings for people come after a byte order mark, by which spreadsheets know UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    beside = ("rank", "rules", "position")
    headings = [
        *(heading(key, *HEADINGS[key], language) for key in codes(report.level)),
        *(heading(column.key, column.en, column.zh, language) for column in COLUMNS),
        *(heading(key, *HEADINGS[key], language) for key in beside),
    ]
    writer.writerow(text.replace("\n", " ") for text in headings)
    for row in (*report.rows, report.whole):
        figures = (written(column, value) for column, value in zip(COLUMNS, row.figures, strict=True))
        writer.writerow(
            [
                *code_values(row, report.level, row is report.whole),
                *("" if figure is None else str(figure) for figure in figures),
                "" if row.rank is None else row.rank,
                " ".join(map(str, row.rules)),
                report.position.text,
            ]
        )
    mark = "" if language is Language.KEYS else _BOM
    return (mark + out.getvalue()).encode()
