"""The schemas of `schemas/`: the newest text of every record and every version ever published.

A record's value starts with `C3 01` and the schema's fingerprint: CRC-64-AVRO over its Parsing Canonical
Form, little-endian (Avro specification, "Single-object encoding"). So a value names its own schema, and no
registry is needed to read it ten years later.

`schemas/<Record>.avsc` is the newest text, `schemas/published/<Record>/<n>-<fingerprint>.avsc` every
published one, n counting from 1. `python -m natalog.wire.check` holds them against each other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from natalog.resources import resource
from natalog.wire import model

MAGIC = b"\xc3\x01"
HEADER_SIZE = 10
"""Bytes of `MAGIC` and fingerprint before the body."""


@dataclass(frozen=True)
class Version:
    """One text of one record's schema."""

    record: str
    number: int
    """Place among the published versions, from 1; a text not yet published has the next one."""
    text: str

    @cached_property
    def document(self) -> Any:
        """The parsed JSON, `logicalType`s and all."""
        return json.loads(self.text)

    @cached_property
    def parsed(self) -> Any:
        """What fastavro reads and writes with. Without `logicalType`s: values stay plain ints."""
        return parse_schema(_without_logical_types(self.document), {})

    @cached_property
    def type(self) -> model.Type:
        """The typed view."""
        return model.read(self.document)

    @cached_property
    def fingerprint(self) -> bytes:
        """CRC-64-AVRO, 8 bytes as they stand in a header."""
        return fingerprint_of(self.document)

    @cached_property
    def header(self) -> bytes:
        """The ten bytes a value of this version starts with."""
        return MAGIC + self.fingerprint


@dataclass(frozen=True)
class Schema:
    """All versions of one record, oldest first."""

    name: str
    versions: tuple[Version, ...]

    @property
    def newest(self) -> Version:
        """The version in which values are written."""
        return self.versions[-1]


def fingerprint_of(document: Any) -> bytes:
    """CRC-64-AVRO of a schema (parsed JSON), 8 bytes, little-endian as in a header."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(document), "CRC-64-AVRO"))


def load(directory: Path) -> dict[str, Schema]:
    """All schemas below `directory`, by record name. Raises ValueError or OSError when one cannot be read."""
    found: dict[str, Schema] = {}
    for path in sorted(directory.glob("*.avsc")):
        text = path.read_text(encoding="utf-8")
        versions = _published(directory, path.stem)
        newest = Version(path.stem, len(versions) + 1, text)
        if versions and versions[-1].text == text:
            newest = versions.pop()
        found[path.stem] = Schema(path.stem, (*versions, newest))
    return found


def _published(directory: Path, record: str) -> list[Version]:
    numbered = [
        (int(path.stem.split("-", 1)[0]), path)
        for path in (directory / "published" / record).glob("*-*.avsc")
    ]
    return [Version(record, n, path.read_text(encoding="utf-8")) for n, path in sorted(numbered)]


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_logical_types(n) for n in node]
    if isinstance(node, dict):
        return {k: _without_logical_types(v) for k, v in node.items() if k != "logicalType"}
    return node


SCHEMAS: dict[str, Schema] = load(resource("schemas"))
BY_FINGERPRINT: dict[bytes, Version] = {
    version.fingerprint: version for schema in SCHEMAS.values() for version in schema.versions
}
