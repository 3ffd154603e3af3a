"""Every sentence the gateway can say in a problem, as it stands in the sources, with {} for what is filled in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_SERVICES = Path(__file__).resolve().parents[3] / "services" / "natalog"
SOURCES = [
    # Examples hold sentences with their gaps filled in.
    *(path for path in sorted((_SERVICES / "gateway").glob("*.py")) if path.name != "examples.py"),
    *(_SERVICES / "wire" / name for name in ("json_form.py", "json_values.py", "fields.py")),
]
_CALLS = {"Problem", "BadField", "Rule", "_bad"}


def sentences() -> set[str]:
    return {text for path in SOURCES for text in _of_module(ast.parse(path.read_text(encoding="utf-8")))}


def _of_module(tree: ast.Module) -> Iterator[str]:
    constants: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            constants[node.target.id] = node.value
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            values = [*node.args, *(k.value for k in node.keywords if k.arg in ("problem", "suggestion"))]
            for value in values:
                for text in _texts(value, constants):
                    if text.strip().endswith((".", "?")) and " " in text:
                        yield text


def _texts(value: ast.expr, constants: dict[str, ast.expr]) -> Iterator[str]:
    """Wordings an expression can have."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(body, constants)
            yield from _texts(other, constants)
        case ast.Name(id=name) if name in constants:
            yield from _texts(constants[name], constants)
        case ast.JoinedStr(values=parts):
            made = ""
            for part in parts:
                if isinstance(part, ast.Constant):
                    made += str(part.value)
                elif (
                    isinstance(part, ast.FormattedValue)
                    and isinstance(part.value, ast.Name)
                    and isinstance(inner := constants.get(part.value.id), ast.Constant)
                    and isinstance(inner.value, str)
                    and inner.value.endswith(".")
                ):
                    made += inner.value
                else:
                    made += "{}"
            yield made
