"""Temporary tables that rows are copied into, and the facts taken from them."""

from __future__ import annotations

from natalog.views.decision_row import DECISION_COLUMNS
from natalog.views.filing_row import FILING_COLUMNS

Columns = tuple[tuple[str, str], ...]

_FIRST = "seq received_at partition turn counts takes contested wellformed kind key registration_id".split()
"""Columns that statements choose rows by come first, those of a fixed width ahead of all: to reach a column PostgreSQL
walks over those before it, row by row and in each statement."""


def _stage(name: str, columns: Columns) -> str:
    ordered = sorted(
        columns, key=lambda column: _FIRST.index(column[0]) if column[0] in _FIRST else len(_FIRST)
    )
    fields = ", ".join(f"{column} {type_}" for column, type_ in ordered)
    return f"CREATE TEMPORARY TABLE {name} ({fields}) ON COMMIT DELETE ROWS"


def _copy(name: str, columns: Columns) -> str:
    return f"COPY {name} ({', '.join(column for column, _ in columns)}) FROM STDIN (FORMAT binary)"


TABLES = (_stage("stage_filings", FILING_COLUMNS), _stage("stage_decisions", DECISION_COLUMNS))

COPY_FILINGS = _copy("stage_filings", FILING_COLUMNS)
COPY_DECISIONS = _copy("stage_decisions", DECISION_COLUMNS)

_STAGE_ONLY = frozenset(["counts", "takes", "contested", "turn"])
_OF_REGISTRATION = frozenset(
    "household_kind relation_to_head follows placement_basis basis_ref birth_date parents_married paternity_evidence "
    "over_six_visit over_six_face over_six_fingerprint over_six_dna over_six_approval_ref case_ref child_token "
    "mother_token father_token sealed key_id".split()
)
"""Kept once a registration, not once a filing."""
_FACTS = [name for name, _ in FILING_COLUMNS if name not in _STAGE_ONLY | _OF_REGISTRATION]

# No ON CONFLICT: the position that is moved in the same transaction keeps every entry from coming twice. One that is
# there all the same is a fault to be told of, not one to be passed over.
INSERT_FILINGS = f"""
INSERT INTO filings ({", ".join(_FACTS)}) SELECT {", ".join(_FACTS)} FROM stage_filings"""

_DECISION_FACTS = [name for name, _ in DECISION_COLUMNS if name not in ("contested", "wellformed")]
INSERT_DECISIONS = f"""
INSERT INTO decisions ({", ".join(_DECISION_FACTS)})
SELECT {", ".join(_DECISION_FACTS)} FROM stage_decisions"""
