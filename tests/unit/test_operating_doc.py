"""docs/operating.md names every metric, exit code and halt cause there is, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client.metrics import MetricWrapperBase

from natalog import metrics
from natalog.exits import Exit

_TOP = Path(__file__).resolve().parents[2]
_DOC = (_TOP / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_metric_is_explained() -> None:
    declared = {m._name for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)}
    assert declared == set(re.findall(r"`(natalog_[a-z_]+)`", _DOC))


def _alarms() -> dict[str, tuple[set[str], str]]:
    """By cell of metrics in the table: the rules its alarm names, and the alarm's text."""
    table = _DOC[_DOC.index("| metric | alarm | meaning |") :].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0]: (set(re.findall(r"`([A-Z][A-Za-z0-9]+)`", row[1])), row[1]) for row in rows}


def _rules() -> dict[str, str]:
    """Expression by alert."""
    files = (_TOP / "deploy" / "prometheus" / "rules").glob("*.yml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"] if "alert" in rule}


def test_every_alarm_is_a_rule_about_its_metric_and_every_rule_is_explained() -> None:
    rules = _rules()
    for cell, (named, text) in _alarms().items():
        if text and "(#late-filings)" not in text:
            assert named, f"{cell}: no rule carries the alarm {text!r}; leave the cell empty or name one"
        for alert in named:
            metrics_of_row = re.findall(r"`([a-z_]+)`", cell)
            assert any(re.search(rf"\b{metric}(_|\b)", rules[alert]) for metric in metrics_of_row), (
                cell,
                alert,
            )
    in_tables = {alert for named, _ in _alarms().values() for alert in named}
    in_tables |= set(re.findall(r"^\| `([A-Z][A-Za-z0-9]+)` \|", _DOC, re.M))  # burn rates
    assert in_tables == set(rules)


def test_what_is_said_to_stand_in_the_log_alone_does() -> None:
    told = [
        sentence
        for line in _DOC[_DOC.index("| log only | do |") :].split("\n\n")[0].splitlines()[2:]
        for sentence in re.findall(r"`([^`]+)`", line.split("|")[1])
    ]
    assert len(told) > 5
    source = "".join(path.read_text() for path in (_TOP / "services" / "natalog").rglob("*.py"))
    for sentence in told:
        assert f'"{sentence}"' in source, sentence


def test_every_exit_code_of_a_registrar_is_explained() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", _DOC, re.M)}
    of_commands = {Exit.NOT_READY, Exit.UNREACHABLE}
    assert told == {int(code) for code in Exit if code not in of_commands}


def test_every_cause_of_a_halt_is_explained() -> None:
    causes: set[str] = set()
    for source in (_TOP / "services" / "natalog" / "registrar").glob("*.py"):
        text = source.read_text(encoding="utf-8")
        causes |= set(re.findall(r'\.halt\([^,]+, "([a-z ]+)"', text))
        causes |= set(re.findall(r'dict\.fromkeys\([^"\n]+"([a-z ]+)"\)', text))
        causes |= set(re.findall(r'return "([a-z ]+)" if type\(sick\)', text))
        causes |= set(re.findall(r'else "([a-z ]+)"\n', text)) & {"decision failed"}
    assert causes == set(re.findall(r"^\| `([a-z ]+)` \|", _DOC, re.M))
