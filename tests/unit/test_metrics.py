"""A service exports its own metrics and no other's: a stopped one would be all well by the zeros of those that run."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from natalog import metrics
from natalog.health import serve

SERVICES = Path(__file__).resolve().parents[2] / "services" / "natalog"
REGISTRIES = {"registrar": "REGISTRAR", "watch": "WATCH", "gateway": "GATEWAY", "views": "PROJECTOR"}
"""By package of the service."""
DECLARED = {name: one for name, one in vars(metrics).items() if isinstance(one, MetricWrapperBase)}


def families(registry: CollectorRegistry) -> set[str]:
    return {family.name for family in registry.collect() if family.name.startswith("natalog_")}


def test_every_metric_is_some_service_s():
    assert families(REGISTRY) == set(), "declare it with registry=, or nobody exports it"
    exported = {name for registry in REGISTRIES.values() for name in families(getattr(metrics, registry))}
    assert exported == {one._name for one in DECLARED.values()}


@pytest.mark.parametrize(("package", "registry"), REGISTRIES.items())
def test_a_service_exports_what_its_code_sets_and_nothing_else(package, registry):
    source = "".join(path.read_text() for path in (SERVICES / package).rglob("*.py"))
    used = set(re.findall(r"\bmetrics\.([A-Z_]+)", source))
    assert families(getattr(metrics, registry)) == {
        one._name for name, one in DECLARED.items() if name in used
    }
    assert used & set(REGISTRIES.values()) == {registry}


def test_metrics_are_served_with_those_of_the_process():
    port = serve("127.0.0.1", 0, metrics.WATCH, lambda: (True, {}))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        told = {family.name for family in text_string_to_metric_families(answer.read().decode())}
    assert {name for name in told if name.startswith("natalog_")} == families(metrics.WATCH)
    # What the dashboard Operations shows of every process.
    assert {"process_start_time_seconds", "process_resident_memory_bytes"} <= told
