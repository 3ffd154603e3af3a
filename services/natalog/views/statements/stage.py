"""Temporary tables that rows are copied into, and the facts taken from them."""

from __future__ import annotations

from collections.abc import Iterable

from natalog.views.decision_row import DECISION_COLUMNS
from natalog.views.filing_columns import (
    CERTIFICATE,
    CHOICE,
    CONTENT,
    FACT,
    FILING,
    REGISTRATION,
    SHARED,
    STAGED,
    Columns,
)

_FIRST = "seq received_at partition turn counts contested wellformed kind key registration_id".split()
"""Columns that statements choose rows by come first, those of a fixed width ahead of all: to reach a column PostgreSQL
walks over those before it, row by row and in each statement."""


def _stage(name: str, columns: Columns) -> str:
    ordered = sorted(
        columns, key=lambda column: _FIRST.index(column[0]) if column[0] in _FIRST else len(_FIRST)
    )
    fields = ", ".join(f"{column} {type_}" for column, type_ in ordered)
    return f"CREATE TEMPORARY TABLE {name} ({fields}) ON COMMIT DELETE ROWS"


def _copy(table: str, columns: Iterable[str]) -> str:
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"


TABLES = (
    _stage("stage_filings", CHOICE + FACT + SHARED + CONTENT),
    _stage("stage_decisions", DECISION_COLUMNS),
)

COPY_STAGE = _copy("stage_filings", STAGED)
COPY_DECISIONS = _copy("stage_decisions", (name for name, _ in DECISION_COLUMNS))
# Of numbers that no table knew before (first_filings.py).
COPY_FILINGS = _copy("filings", FILING)
COPY_REGISTRATIONS = _copy("registrations", REGISTRATION)
COPY_CERTIFICATES = _copy("certificates", CERTIFICATE)

# No ON CONFLICT: the position that is moved in the same transaction keeps every entry from coming twice. One that is
# there all the same is a fault to be told of, not one to be passed over.
INSERT_FILINGS = f"""
INSERT INTO filings ({", ".join(FILING)}) SELECT {", ".join(FILING)} FROM stage_filings"""

_DECISION_FACTS = [name for name, _ in DECISION_COLUMNS if name not in ("contested", "wellformed")]
INSERT_DECISIONS = f"""
INSERT INTO decisions ({", ".join(_DECISION_FACTS)})
SELECT {", ".join(_DECISION_FACTS)} FROM stage_decisions"""
