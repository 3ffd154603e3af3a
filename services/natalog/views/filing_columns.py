"""Which fields of a filing go where: the parts they are written in, and the columns of each table's row."""

from __future__ import annotations

from typing import Final

Columns = tuple[tuple[str, str], ...]

CHOICE: Final[Columns] = (
    ("counts", "boolean"),
    ("contested", "boolean"),
    ("turn", "smallint"),
)
"""What statements choose staged rows by; no table has it."""
FACT: Final[Columns] = (
    ("received_at", "timestamptz"),
    ("hash", "bytea"),
    ("rules", "integer"),
    ("verdict", "text"),
    ("reason", "text"),
    ("flags", "text[]"),
    ("doubts", "text[]"),
    ("first_seq", "bigint"),
    ("delay_ms", "bigint"),
    ("timed", "boolean"),
    ("amendment", "boolean"),
    ("event_id", "uuid"),
    ("wellformed", "boolean"),
    ("occurred_at", "timestamptz"),
    ("captured_at", "timestamptz"),
    ("attempted_at", "timestamptz"),
    ("gate", "text"),
    ("origin", "text"),
    ("corrects", "uuid"),
    ("backfill", "boolean"),
    ("lateness_cause", "text"),
)
"""What `filings` alone has."""
SHARED: Final[Columns] = (
    ("seq", "bigint"),
    ("partition", "smallint"),
    ("key", 'text COLLATE "C"'),
    ("number", 'text COLLATE "C"'),
    ("unit_code", "text"),
    ("province", "text"),
    ("prefecture", "text"),
    ("registration_id", 'text COLLATE "C"'),
    ("registered_at", "timestamptz"),
    ("registered_on", "date"),
    ("registered_day", "date"),
    ("division", "text"),
    ("category", "text"),
    ("exemption", "text"),
)
"""What `filings` and `registrations` both have; the seq under several names."""
CONTENT: Final[Columns] = (
    ("household_kind", "text"),
    ("relation_to_head", "text"),
    ("follows", "text"),
    ("placement_basis", "text"),
    ("basis_ref", "text"),
    ("birth_date", "date"),
    ("parents_married", "boolean"),
    ("paternity_evidence", "text"),
    ("over_six_visit", "boolean"),
    ("over_six_face", "boolean"),
    ("over_six_fingerprint", "boolean"),
    ("over_six_dna", "boolean"),
    ("over_six_approval_ref", "text"),
    ("case_ref", "text"),
    ("child_token", "text"),
    ("mother_token", "text"),
    ("father_token", "text"),
    ("sealed", "bytea"),
    ("key_id", "text"),
    ("content_rank", "smallint"),
    ("taken_seq", "bigint"),
)
"""What `registrations` alone has."""
STAGED: Final = [name for name, _ in CHOICE + FACT + SHARED + CONTENT]
FILING: Final = [name for name, _ in FACT + SHARED]
REGISTRATION: Final = [
    *("first_seq" if name == "seq" else name for name, _ in SHARED + CONTENT),
    "filed_seq",
    "content_seq",
]
CERTIFICATE: Final = ("number", "partition", "province", "first_seq", "last_seq", "taken_seq")
"""Columns that one filing fills, by table, in the order of the fields of its row."""
