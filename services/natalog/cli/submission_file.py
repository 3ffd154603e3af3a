"""A file of records, read in windows of lines."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from natalog.gateway.json_text import parse
from natalog.gateway.problems import Problem

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


class Unreadable(Exception):
    """The file is no gzip as its name says, or ends early; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record: `body` is what is posted, without its kind."""

    number: int
    """Of the file, from 1."""
    kind: str
    role: str
    """Role a token of a local stack needs for it."""
    org: str
    """Province of its unit."""
    ties: tuple[str, ...]
    body: bytes
    digest: str
    """Of the line as it stands in the file: tells whether it is the one that was answered."""
    refused: bytes | None = None
    """Its answer where it is no record that could be sent: a problem as the gateway would give it."""


def windows(file: Path) -> Iterator[tuple[list[Line], int]]:
    """Lines in order, a window at a time, and how many bytes of the file were read by then (0: not known).

    Raises Unreadable.
    """
    raw: BinaryIO = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    with raw:
        source: Any = gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw
        window: list[Line] = []
        number = 0
        while text := _next(source, file, number):
            number += 1
            if not text.strip():
                continue
            window.append(_line(number, text))
            if len(window) == WINDOW:
                yield window, _read(raw)
                window = []
        if window:
            yield window, _read(raw)


def _next(source: Any, file: Path, after: int) -> bytes:
    try:
        line: bytes = source.readline()
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(
            f"{file} cannot be read after line {after:,} ({error}). What was read before may be recorded: "
            "mend the file and send all of it, nothing is recorded twice."
        ) from None
    return line


def _read(raw: BinaryIO) -> int:
    return raw.tell() if raw.seekable() else 0


def _line(number: int, text: bytes) -> Line:
    digest = sha256(text.strip()).hexdigest()[:16]
    try:
        # As the gateway reads it: taking the kind off writes the record anew, and a key given twice would be lost.
        record = parse(text)
        if not isinstance(record, dict):
            raise Problem(400, "bad-json", "This is not a JSON object. Send one for each record.")
        kind = record.pop("kind", None)
        kind = _BY_NAME.get(kind, kind) if isinstance(kind, str) else None
        if kind not in PATHS:
            raise Problem(400, "bad-field", f"A line says its kind, one of {', '.join(PATHS)}.", field="kind")
    except Problem as problem:
        problem.line = number
        return Line(number, "?", "", "", (), b"", digest, problem.body())
    ties = tuple(value for field in _TIES if isinstance(value := record.get(field), str) and value)
    return Line(
        number=number,
        kind=kind,
        role=_role(kind, record),
        org=str(record.get("unit_code", ""))[:2],
        ties=ties or (f"line {number}",),
        body=orjson.dumps(record),
        digest=digest,
    )


def _role(kind: str, record: dict[str, Any]) -> str:
    if kind == "withdrawal" and record.get("action") == "APPROVE":
        return "province_admin"
    return _ROLES.get(kind, "adapter")


def subject(line: Line) -> str:
    """Who a local stack's token speaks for: approvals need another person than their request."""
    return "natalog-submit-approver" if b'"APPROVE' in line.body else "natalog-submit"
