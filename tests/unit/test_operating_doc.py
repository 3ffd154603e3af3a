"""docs/operating.md names every metric, exit code and halt cause there is, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from natalog import metrics
from natalog.exits import Exit

_TOP = Path(__file__).resolve().parents[2]
_DOC = (_TOP / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_metric_is_explained() -> None:
    declared = {m._name for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)}
    assert declared == set(re.findall(r"`(natalog_[a-z_]+)`", _DOC))


def test_every_exit_code_of_a_registrar_is_explained() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", _DOC, re.M)}
    of_commands = {Exit.DIFFERS, Exit.NOT_READY, Exit.UNREACHABLE}
    assert told == {int(code) for code in Exit if code not in of_commands}


def test_every_cause_of_a_halt_is_explained() -> None:
    causes: set[str] = set()
    for source in (_TOP / "services" / "natalog" / "registrar").glob("*.py"):
        text = source.read_text(encoding="utf-8")
        causes |= set(re.findall(r'\.halt\([^,]+, "([a-z ]+)"', text))
        causes |= set(re.findall(r'return "([a-z ]+)" if type\(sick\)', text))
        causes |= set(re.findall(r'else "([a-z ]+)"\n', text)) & {"decision failed"}
    assert causes == set(re.findall(r"^\| `([a-z ]+)` \|", _DOC, re.M))
