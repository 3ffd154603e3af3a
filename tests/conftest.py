"""Fixtures shared by all tests, and the guard against testing something else than the sources."""

from __future__ import annotations

import importlib
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.calm", "tests.kafka_broker", "tests.postgres_server"]

# A loaded machine is no fault of the code: how long an example takes is not what these tests are about.
settings.register_profile("natalog", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("natalog")

ROOT = Path(__file__).resolve().parent.parent


LONGEST = ("tests/e2e/", "tests/integration/watch/", "tests/integration/registrar/")
"""Tests that are begun first: with a worker for each file, what is begun last runs alone."""


ONCE = frozenset(
    {
        "tests/unit/test_prometheus_rules.py",
        "tests/unit/gateway/test_connection.py",
        "tests/property/test_sample_split.py",
    }
)
"""The costly ones of those behind which nothing is compiled (tests/unit/test_once.py holds them to that): left out of
the interpreted run, where a compiled one follows."""


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out of the interpreted run what the compiled one does as well."""
    followed = (
        os.environ.get("NATALOG_TEST_HOT") == "interpreted" and not (ROOT / ".setup/interpreted").is_file()
    )
    return True if followed and collection_path.relative_to(ROOT).as_posix() in ONCE else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; the others stay as they are."""
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in LONGEST])


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a compiled extension older than its source, or the wrong of the two (NATALOG_TEST_HOT)."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["natalog"]["compiled"]
    expected = os.environ.get("NATALOG_TEST_HOT")
    for name in declared:
        source = Path(ROOT, "services", *name.split(".")).with_suffix(".py")
        if not source.is_file():
            continue
        built = next(source.parent.glob(f"{source.stem}.*.so"), None)
        if expected != "interpreted" and built and built.stat().st_mtime < source.stat().st_mtime:
            raise pytest.UsageError(f"{built.name} is older than its source: run `make setup`")
        if expected and (built or expected == "interpreted"):
            loaded = importlib.import_module(name).__file__ or ""
            if loaded.endswith(".so") != (expected == "compiled"):
                raise pytest.UsageError(f"{name} should be {expected}, but {loaded} was loaded")
