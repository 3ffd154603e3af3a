"""Tests that run compiled alone reach nothing that is compiled: run interpreted, they would do the same again."""

from __future__ import annotations

import tomllib

import grimp  # what import-linter looks at imports with
import pytest

from tests.conftest import ONCE, ROOT


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("natalog", "tests", include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize("path", sorted(ONCE))
def test_nothing_compiled_is_behind_it(path: str, imports: grimp.ImportGraph) -> None:
    compiled = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["natalog"]["compiled"])
    behind = imports.find_upstream_modules(path.removesuffix(".py").replace("/", "."))
    assert behind & compiled == set()
    # Nor by a name in a string, nor in another process.
    assert "importlib" not in behind
    assert "sys.executable" not in (ROOT / path).read_text(encoding="utf-8")
