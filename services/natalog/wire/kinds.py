"""The names of records in HTTP and files: `blacklist-change` for BlacklistChange."""

from __future__ import annotations

import re

from natalog import events

RECORD_OF_KIND: dict[str, type[events.Record]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "-", record.__name__).lower(): record for record in events.RECORDS
}
"""Record class by kind."""
KIND_OF_RECORD: dict[type[events.Record], str] = {record: kind for kind, record in RECORD_OF_KIND.items()}
"""Kind by record class."""
SUBMITTED: tuple[str, ...] = (
    "claim",
    "release",
    "completion",
    "filing",
    "withdrawal",
    "blacklist-change",
    "invalidation",
    "heartbeat",
    "daily-count",
)
"""Kinds a client may send; the others Natalog makes itself."""
