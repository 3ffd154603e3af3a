"""The alert rules, tried by promtool on made-up series, and the scrape configuration the local stack derives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from natalog import metrics
from natalog.local.prometheus import PrometheusNode

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
PROMTOOL = shutil.which("promtool")
RULES = sorted(DEPLOY.glob("rules/*.yml"))
TRIALS = sorted(DEPLOY.glob("tests/*.yml"))

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None and not os.environ.get("CI"), reason="promtool is missing: install Debian's prometheus"
)


def promtool(*arguments: str | Path, cwd: Path = DEPLOY) -> str:
    assert PROMTOOL is not None, "promtool is missing: install Debian's prometheus"
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
@pytest.mark.parametrize("trial", TRIALS, ids=lambda path: path.stem)
def test_rules_fire_when_they_should_and_only_then(trial: Path):
    promtool("test", "rules", trial)


@needs_promtool
def test_the_configuration_is_valid(tmp_path: Path):
    node = PrometheusNode(
        directory=tmp_path / "p", port=1, program="prometheus", targets={"registrar": "127.0.0.1:2"}
    )
    node.prepare()
    assert "SUCCESS" in promtool("check", "config", tmp_path / "p" / "prometheus.yml")
    targets = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "p" / "targets").iterdir()}
    # What does not run on this machine is no target that is down.
    assert targets == {
        "registrar": [{"targets": ["127.0.0.1:2"]}],
        "gateway": [],
        "projector": [],
        "watch": [],
    }
    node.prepare()  # a second start finds its own files


def rules() -> list[dict]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def test_every_alert_is_tried_and_says_what_to_do():
    tried = {
        (case["alertname"], bool(case["exp_alerts"]))
        for trial in TRIALS
        for test in yaml.safe_load(trial.read_text())["tests"]
        for case in test.get("alert_rule_test", [])
    }
    manual = DEPLOY.parents[1]
    for rule in rules():
        if "alert" not in rule:
            continue
        assert {(rule["alert"], True), (rule["alert"], False)} <= tried, (
            f"{rule['alert']}: fires, and does not"
        )
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "summary_zh", "description", "runbook"}
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.*)$", (manual / page).read_text(), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w\s-]", "", h).lower().replace(" ", "-") for h in headings], rule[
            "alert"
        ]


def test_rules_name_metrics_that_exist():
    declared = set()
    for metric in vars(metrics).values():
        for family in metric.collect() if isinstance(metric, MetricWrapperBase) else ():
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
            declared |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    for rule in rules():
        named = set(re.findall(r"\bnatalog_\w+", rule["expr"]))
        assert named <= declared, rule
