"""A file of records, read in windows of lines."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

WINDOW = 4_000
"""Lines that are sent side by side."""

PATHS = {
    "claim": "claims",
    "release": "releases",
    "completion": "completions",
    "filing": "filings",
    "withdrawal": "withdrawals",
    "blacklist-change": "blacklist-changes",
    "invalidation": "invalidations",
}
"""Last part of the address each kind is sent to."""
_ROLES = {"withdrawal": "adapter", "blacklist-change": "province_admin", "invalidation": "health_authority"}
_BY_NAME = {"".join(part.capitalize() for part in kind.split("-")): kind for kind in PATHS}
"""Kinds by the name of their record, as verdicts name them: BlacklistChange for blacklist-change."""
_TIES = ("certificate_number", "replaced_by", "registration_id")
"""Fields by which one line's verdict may depend on another's."""


class BadLine(Exception):
    """A line that cannot be sent; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record: `body` is what is posted, without its kind."""

    number: int
    kind: str
    role: str
    """Role a token of a local stack needs for it."""
    org: str
    """Province of its unit."""
    ties: tuple[str, ...]
    body: bytes


def windows(file: Path) -> Iterator[tuple[list[Line], int]]:
    """Lines in order, a window at a time, and how many bytes of the file were read by then (0: not known).

    Raises BadLine for the first line that is no record with a kind.
    """
    raw: BinaryIO = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    with raw:
        source: Any = gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw
        window: list[Line] = []
        for number, text in enumerate(source, 1):
            if not text.strip():
                continue
            window.append(_line(number, text))
            if len(window) == WINDOW:
                yield window, _read(raw)
                window = []
        if window:
            yield window, _read(raw)


def _read(raw: BinaryIO) -> int:
    return raw.tell() if raw.seekable() else 0


def _line(number: int, text: bytes) -> Line:
    try:
        record = orjson.loads(text)
        kind = _BY_NAME.get(name := record.pop("kind"), name)
        if kind not in PATHS:
            raise KeyError(kind)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        raise BadLine(
            f'Line {number}: each line is a JSON object with "kind", one of {", ".join(PATHS)}.'
        ) from None
    ties = tuple(value for field in _TIES if isinstance(value := record.get(field), str) and value)
    return Line(
        number=number,
        kind=kind,
        role=_role(kind, record),
        org=str(record.get("unit_code", ""))[:2],
        ties=ties or (f"line {number}",),
        body=orjson.dumps(record),
    )


def _role(kind: str, record: dict[str, Any]) -> str:
    if kind == "withdrawal" and record.get("action") == "APPROVE":
        return "province_admin"
    return _ROLES.get(kind, "adapter")


def subject(line: Line) -> str:
    """Who a local stack's token speaks for: approvals need another person than their request."""
    return "natalog-submit-approver" if b'"APPROVE' in line.body else "natalog-submit"
