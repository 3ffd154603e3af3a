"""A typed view of an Avro schema, for everything that walks schemas: codec, JSON, generator, checks.

Types compare by identity, so that they are cheap keys of what is built once per type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "null",
    "boolean",
    "int",
    "long",
    "bytes",
    "string",
    "fixed",
    "enum",
    "array",
    "record",
    "union",
]
"""The Avro types Natalog uses; there are no floats and no maps."""

_PRIMITIVES: tuple[Kind, ...] = ("null", "boolean", "int", "long", "bytes", "string")


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """One Avro type. Only the attributes of its kind are set."""

    kind: Kind
    name: str = ""
    """Name of a record, enum or fixed, without namespace."""
    doc: str = ""
    logical: str = ""
    """`logicalType`, which is documentation here: values stay plain ints."""
    size: int = 0
    symbols: tuple[str, ...] = ()
    items: Type | None = None
    fields: tuple[Field, ...] = ()
    branches: tuple[Type, ...] = ()

    @property
    def nullable(self) -> bool:
        """Whether null is allowed."""
        return any(b.kind == "null" for b in self.branches)

    @property
    def plain(self) -> Type:
        """The one branch beside null of a nullable type, else the type itself."""
        others = [b for b in self.branches if b.kind != "null"]
        return others[0] if self.nullable and len(others) == 1 else self

    @property
    def item(self) -> Type:
        """The items' type of an array."""
        if self.items is None:
            raise TypeError(f"{self.kind} has no items")
        return self.items


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of a record. `default` is the JSON default; look at `has_default` first."""

    name: str
    type: Type
    doc: str
    has_default: bool
    default: object


def read(document: Any) -> Type:
    """The typed view of a parsed .avsc. Raises ValueError for what Natalog's schemas do not use."""
    return _read(document, {})


def walk(type_: Type) -> Iterator[Type]:
    """The type and every type inside it, each named type once."""
    seen: set[str] = set()

    def visit(t: Type) -> Iterator[Type]:
        if t.name:
            if t.name in seen:
                return
            seen.add(t.name)
        yield t
        for inner in (*t.branches, *((t.items,) if t.items else ()), *(f.type for f in t.fields)):
            yield from visit(inner)

    yield from visit(type_)


def _read(node: Any, named: dict[str, Type]) -> Type:
    if isinstance(node, list):
        return Type("union", branches=tuple(_read(n, named) for n in node))
    if isinstance(node, str):
        if node in _PRIMITIVES:
            return Type(node)
        if node.rsplit(".", 1)[-1] in named:
            return named[node.rsplit(".", 1)[-1]]
        raise ValueError(f"type {node} is not one that Natalog's schemas use")
    kind = node["type"]
    if kind in _PRIMITIVES:
        return Type(kind, logical=node.get("logicalType", ""))
    if kind == "array":
        return Type("array", items=_read(node["items"], named))
    name, doc = node.get("name", "").rsplit(".", 1)[-1], node.get("doc", "")
    if kind == "fixed":
        made = Type("fixed", name, doc, size=node["size"])
    elif kind == "enum":
        made = Type("enum", name, doc, symbols=tuple(node["symbols"]))
    elif kind == "record":
        made = Type("record", name, doc, fields=tuple(_field(f, named) for f in node["fields"]))
    else:
        raise ValueError(f"type {kind} is not one that Natalog's schemas use")
    named[name] = made
    return made


def _field(node: Any, named: dict[str, Type]) -> Field:
    return Field(
        node["name"], _read(node["type"], named), node.get("doc", ""), "default" in node, node.get("default")
    )
