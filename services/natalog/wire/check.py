"""Holds schemas, topics, examples, dataclasses and the generated codec against each other.

    python -m natalog.wire.check            # a table of findings; exit code 1 when there are any
    python -m natalog.wire.check --publish  # adds the present texts to schemas/published

A published text is never edited or removed: values on the ledger name it for ever. `--publish` only adds.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

from natalog import events
from natalog.resources import resource
from natalog.wire import codec, compatibility, generate, topics
from natalog.wire.json_form import parse, to_json
from natalog.wire.kinds import KIND_OF_RECORD
from natalog.wire.model import Field, Type, walk
from natalog.wire.schemas import Schema, Version, load


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit."""

    where: str
    problem: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What is held against each other."""

    directory: Path
    """`schemas/`."""
    topics: Path
    """`topics.yaml`."""
    classes: ModuleType
    """`natalog.events`."""
    hot: Path
    """`hot.py`."""


def parts() -> Parts:
    """Those of this checkout or package."""
    return Parts(resource("schemas"), resource("topics.yaml"), events, generate.HOT)


def findings(given: Parts) -> list[Finding]:
    """Everything that does not fit, in a fixed order."""
    schemas = load(given.directory)
    return [
        *_published(given.directory, schemas),
        *_fingerprints(schemas),
        *_compatible(schemas),
        *_documented(schemas),
        *_topics(given.topics, schemas),
        *_examples(given.directory, schemas),
        *_classes(given.classes, schemas),
        *_generated(given.hot, schemas),
    ]


def publish(directory: Path) -> list[Path]:
    """Add every present text that is not published yet. Raises ValueError where its fingerprint is taken."""
    added = []
    for name, schema in load(directory).items():
        newest = schema.newest
        if _file(directory, newest).is_file():
            continue
        if any(v.fingerprint == newest.fingerprint for v in schema.versions[:-1]):
            raise ValueError(
                f"{name}: another text with this fingerprint is published; change the schema itself"
            )
        path = _file(directory, newest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(newest.text, encoding="utf-8")
        added.append(path)
    return added


def _file(directory: Path, version: Version) -> Path:
    return directory / "published" / version.record / f"{version.number}-{version.fingerprint.hex()}.avsc"


def _published(directory: Path, schemas: dict[str, Schema]) -> Iterator[Finding]:
    for name, schema in schemas.items():
        for version in schema.versions[:-1]:
            if not _file(directory, version).is_file():
                yield Finding(
                    f"published/{name}", f"version {version.number} was edited: its text gives another name"
                )
        if not _file(directory, schema.newest).is_file():
            yield Finding(
                f"{name}.avsc", "this text is not published: run python -m natalog.wire.check --publish"
            )
        numbers = [version.number for version in schema.versions]
        if numbers != list(range(1, len(numbers) + 1)):
            yield Finding(
                f"published/{name}", "versions are not numbered 1, 2, 3 …: one was removed or added twice"
            )
    for path in sorted((directory / "published").glob("*")):
        if path.name not in schemas:
            yield Finding(
                f"published/{path.name}", "published, but its schema is gone: old values could not be read"
            )


def _fingerprints(schemas: dict[str, Schema]) -> Iterator[Finding]:
    texts: dict[bytes, list[Version]] = defaultdict(list)
    for schema in schemas.values():
        for version in schema.versions:
            texts[version.fingerprint].append(version)
    for fingerprint, versions in texts.items():
        if len(versions) > 1:
            names = ", ".join(f"{v.record} {v.number}" for v in versions)
            yield Finding(
                names, f"two texts share the fingerprint {fingerprint.hex()}: change the schema itself"
            )


def _compatible(schemas: dict[str, Schema]) -> Iterator[Finding]:
    for name, schema in schemas.items():
        for older in schema.versions[:-1]:
            for problem in compatibility.differences(older, schema.newest):
                yield Finding(f"{name}.avsc", problem)


def _documented(schemas: dict[str, Schema]) -> Iterator[Finding]:
    for name, schema in schemas.items():
        for type_ in walk(schema.newest.type):
            if type_.kind in ("record", "enum"):
                yield from _bilingual(f"{name}.avsc: {type_.name}", type_.doc)
            for field in type_.fields:
                yield from _bilingual(f"{name}.avsc: {type_.name}.{field.name}", field.doc)


def _bilingual(where: str, doc: str) -> Iterator[Finding]:
    if not re.search(r"[A-Za-z]{2}", doc):
        yield Finding(where, "no English doc")
    if not re.search(r"[\u4e00-\u9fff]", doc):
        yield Finding(where, "no Chinese term in its doc")


def _topics(path: Path, schemas: dict[str, Schema]) -> Iterator[Finding]:
    try:
        declared = topics.load(path)
    except (ValueError, KeyError) as error:
        yield Finding("topics.yaml", f"cannot be read: {error}")
        return
    carried = {record for topic in declared.values() for record in topic.records}
    for topic in declared.values():
        for record in topic.records:
            if record not in schemas:
                yield Finding(f"topics.yaml: {topic.name}", f"carries {record}, which has no schema")
        if not topic.records:
            yield Finding(f"topics.yaml: {topic.name}", "carries no records")
        if not topic.producers or not topic.consumers:
            yield Finding(f"topics.yaml: {topic.name}", "nobody writes it or nobody reads it")
    for name in schemas:
        if name not in carried:
            yield Finding(f"{name}.avsc", "stands on no topic")
    places = sorted(topic.intake for topic in declared.values() if topic.intake >= 0)
    if places != list(range(len(places))):
        yield Finding("topics.yaml", "intake numbers must be 0, 1, 2 …, each once")


def _examples(directory: Path, schemas: dict[str, Schema]) -> Iterator[Finding]:
    there = {path.stem: path for path in sorted((directory / "examples").glob("*.json"))}
    for name in schemas:
        if name not in there:
            yield Finding(f"{name}.avsc", f"has no example: write examples/{name}.json")
    for name, path in there.items():
        where = f"examples/{path.name}"
        if name not in schemas or not hasattr(events, name):
            yield Finding(where, "has no schema")
            continue
        try:
            form = json.loads(path.read_text(encoding="utf-8"))
            record = parse(KIND_OF_RECORD[getattr(events, name)], form)
        except ValueError as error:
            yield Finding(where, f"does not fit its schema: {error}")
            continue
        if to_json(record) != form:
            yield Finding(where, "comes back from its record as another JSON form")
        if codec.decode(codec.encode(record)) != record:
            yield Finding(where, "comes back from its bytes as another record")


def _classes(module: ModuleType, schemas: dict[str, Schema]) -> Iterator[Finding]:
    for name in sorted({record.__name__ for record in events.RECORDS} - schemas.keys()):
        yield Finding(f"events.{name}", "has no schema")
    seen: set[str] = set()
    for schema in schemas.values():
        for type_ in walk(schema.newest.type):
            if type_.kind not in ("record", "enum") or type_.name in seen:
                continue
            seen.add(type_.name)
            class_ = getattr(module, type_.name, None)
            if class_ is None:
                yield Finding(f"{schema.name}.avsc: {type_.name}", "has no class in natalog.events")
            elif type_.kind == "enum":
                if [member.value for member in class_] != list(type_.symbols):
                    yield Finding(f"events.{type_.name}", "differs from the enum's symbols")
            else:
                yield from _fields(class_, type_)


def _fields(class_: type, type_: Type) -> Iterator[Finding]:
    where = f"events.{type_.name}"
    found = {field.name: field for field in dataclasses.fields(class_)}
    if list(found) != [field.name for field in type_.fields]:
        yield Finding(where, "has other fields, or in another order, than its schema")
        return
    for field in type_.fields:
        have = found[field.name]
        if have.type != _annotation(field.type):
            yield Finding(
                f"{where}.{field.name}", f"is {have.type}, its schema says {_annotation(field.type)}"
            )
        if (have.default is not dataclasses.MISSING) != field.has_default or (
            field.has_default and have.default != _default(field)
        ):
            yield Finding(f"{where}.{field.name}", "has another default than its schema")


def _annotation(type_: Type) -> str:
    match type_.kind:
        case "union":
            others = [_annotation(b) for b in type_.branches if b.kind != "null"]
            return " | ".join([*others, *(["None"] if type_.nullable else [])])
        case "array":
            return f"tuple[{_annotation(type_.item)}, ...]"
        case "fixed":
            return "uuid.UUID" if type_.name == "Uuid" else "bytes"
        case "record" | "enum":
            return type_.name
    return {"boolean": "bool", "int": "int", "long": "int", "string": "str", "bytes": "bytes"}[type_.kind]


def _default(field: Field) -> object:
    return tuple(field.default) if isinstance(field.default, list) else field.default


def _generated(hot: Path, schemas: dict[str, Schema]) -> Iterator[Finding]:
    try:
        text = generate.generate(schemas)
    except ValueError as error:
        yield Finding("wire/hot.py", f"cannot be generated: {error}")
        return
    if not hot.is_file() or hot.read_text(encoding="utf-8") != text:
        yield Finding("wire/hot.py", "is not up to date: run python -m natalog.wire.generate")


def main(arguments: list[str]) -> int:
    """Print the findings. Exit code 0 when there are none, 1 otherwise."""
    console = Console()
    given = parts()
    if "--publish" in arguments:
        for path in publish(given.directory):
            console.print(f"published {path.relative_to(given.directory)}")
    found = findings(given)
    if not found:
        console.print("Schemas, topics, examples, classes and the generated codec fit each other.")
        return 0
    table = Table("where", "problem", title=f"{len(found)} findings")
    for finding in found:
        table.add_row(finding.where, finding.problem)
    console.print(table)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
