"""The assessment as one JSON object."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

from natalog.assessment.columns import COLUMNS
from natalog.assessment.report import Report, Row, code_values, codes, written


def as_json(report: Report) -> bytes:
    """Period, position with hashes, rows and the whole; a figure that cannot be had is null."""
    return (
        orjson.dumps(
            {
                "period": report.period.text,
                "level": report.level.value,
                "at": report.position.text,
                "ledger": [
                    {
                        "partition": head.partition,
                        "seq": head.seq,
                        "hash": None if head.hash is None else head.hash.hex(),
                    }
                    for head in report.position.heads
                ],
                "rows": [_row(report, row) for row in report.rows],
                "whole": _row(report, report.whole),
            }
        )
        + b"\n"
    )


def _row(report: Report, row: Row) -> dict[str, Any]:
    figures = zip(COLUMNS, row.figures, strict=True)
    return {
        **dict(zip(codes(report.level), code_values(row, report.level, row is report.whole), strict=True)),
        **{column.key: _plain(written(column, value)) for column, value in figures},
        "rank": row.rank,
        "rules": list(row.rules),
    }


def _plain(figure: int | Decimal | None) -> int | float | None:
    return float(figure) if isinstance(figure, Decimal) else figure
