"""Whether two versions of a schema read each other, tried with fastavro's own resolution.

Not reasoned about but done: values that use every branch, every enum symbol, empty and filled arrays are
written with one version and read with the other. Beside that, one rule of Natalog: fields are only ever
appended, so that a record's content hash (`content.py`) never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from natalog.wire.model import Type
from natalog.wire.schemas import Version

_SAMPLES: dict[str, tuple[object, ...]] = {
    "null": (None,),
    "boolean": (True, False),
    "int": (-(2**31), 0, 2**31 - 1),
    "long": (-(2**63), 0, 2**63 - 1),
    "string": ("", "出生"),
    "bytes": (b"", b"\xff"),
}


def differences(older: Version, newer: Version) -> Iterator[str]:
    """What keeps these two from reading each other, a sentence each."""
    before = [field.name for field in older.type.fields]
    after = [field.name for field in newer.type.fields]
    if after[: len(before)] != before:
        yield (
            f"the fields of version {older.number} must come first and in their order; "
            "append new fields, keep old ones"
        )
    for writer, reader in ((older, newer), (newer, older)):
        problem = _cannot_read(writer, reader)
        if problem:
            yield f"what version {writer.number} writes, version {reader.number} cannot read: {problem}"


def _cannot_read(writer: Version, reader: Version) -> str:
    common = {f.name for f in writer.type.fields} & {f.name for f in reader.type.fields}
    for sample in samples(writer.type):
        out = BytesIO()
        schemaless_writer(out, writer.parsed, sample)
        out.seek(0)
        try:
            found: Any = schemaless_reader(out, writer.parsed, reader.parsed)
            out.seek(0)
            own: Any = schemaless_reader(out, writer.parsed)
        except Exception as error:  # fastavro raises many kinds; each is an incompatibility
            return f"{type(error).__name__}: {str(error)[:200]}"
        for name in sorted(common):
            if not _kept(own[name], found[name]):
                return f"field {name} comes out as another value"
    return ""


def _kept(written: Any, read: Any) -> bool:
    """Whether what was read is what was written; a record inside may have lost or gained fields."""
    if isinstance(written, dict) and isinstance(read, dict):
        return all(_kept(written[k], read[k]) for k in written.keys() & read.keys())
    if isinstance(written, list) and isinstance(read, list):
        return len(written) == len(read) and all(map(_kept, written, read))
    return type(written) is type(read) and bool(written == read)


def samples(type_: Type) -> list[Any]:
    """Values as fastavro takes them: one plain one, and one for every other choice a field offers."""
    match type_.kind:
        case "fixed":
            return [bytes(type_.size), b"\xff" * type_.size]
        case "enum":
            return list(type_.symbols)
        case "array":
            return [samples(type_.item), []]
        case "union":
            return [
                (f"natalog.{branch.name}" if branch.name else branch.kind, sample)
                for branch in type_.branches
                for sample in samples(branch)
            ]
        case "record":
            choices = {field.name: samples(field.type) for field in type_.fields}
            plain = {name: found[0] for name, found in choices.items()}
            return [plain] + [
                {**plain, name: other} for name, found in choices.items() for other in found[1:]
            ]
    return list(_SAMPLES[type_.kind])
