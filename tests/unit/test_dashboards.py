"""What every panel must have, and that the committed JSON is what the code makes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.grafana.generate.__main__ import dashboards, main
from deploy.grafana.generate.panel import per_bar
from deploy.grafana.generate.provinces import PROVINCES
from natalog.decision import codes, numbers

GRAFANA = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
DASHBOARDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}
SHOWN = {
    f"{name}: {panel['title']}": panel
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
}


def test_committed_dashboards_are_what_the_code_makes(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().out
    assert set(DASHBOARDS) == {name.removesuffix(".json") for name in dashboards()}


@pytest.mark.parametrize("panel", SHOWN.values(), ids=SHOWN)
def test_a_panel_explains_itself(panel):
    defaults = panel["fieldConfig"]["defaults"]
    assert len(panel["description"]) > 20
    assert re.search(r"[\u4e00-\u9fff]", panel["title"]), "a Chinese title, since officers read it"
    assert defaults["unit"]
    assert defaults["noValue"]
    assert defaults["thresholds"]["steps"][0]["color"]
    assert panel["targets"]


def test_panels_use_the_provisioned_data_sources_and_do_not_overlap():
    provisioned = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "natalog.yml").read_text())
    known = {(source["type"], source["uid"]) for source in provisioned["datasources"]}
    for dashboard in DASHBOARDS.values():
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            assert place["x"] + place["w"] <= 24
            taken |= cells
            for target in panel.get("targets", []):
                source = target["datasource"]
                assert (source["type"], source["uid"]) in known


def test_series_from_sql_show_the_days_they_ask_for_and_these_are_beijing_s():
    """Grafana draws a series within the dashboard's six hours, unless the panel has a range of its own."""
    series = {
        title: (panel.get("timeFrom"), target["rawSql"])
        for title, panel in SHOWN.items()
        for target in panel["targets"]
        if target.get("format") == "time_series" and "rawSql" in target
    }
    assert len(series) == 1
    for title, (shown, query) in series.items():
        (days,) = re.findall(r"> \(now\(\) AT TIME ZONE 'Asia/Shanghai'\)::date - (\d+)", query)
        assert shown == f"{days}d", title
        assert "day::timestamp AT TIME ZONE 'Asia/Shanghai' AS time" in query


def test_all_provinces_have_names():
    assert set(PROVINCES) == {f"{code}0000" for code in numbers.PROVINCES} | {"unknown"}


def test_all_doubts_have_names_wherever_they_are_ranked():
    known = {doubt.code for doubt in codes.DOUBTS}
    rankings = [panel for panel in SHOWN.values() if panel["type"] == "bargauge"]
    assert len(rankings) == 2
    for panel in rankings:
        assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} == known


def test_no_panel_reads_days_of_raw_counters():
    days = r"(?:increase|rate)\(natalog_\w+(?:\{[^}]*\})?\[\d+d\]"
    for title, panel in SHOWN.items():
        for target in panel["targets"]:
            assert not re.search(days, target.get("expr", "")), title


@pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("CI"),
    reason="promtool is missing: install Debian's prometheus",
)
def test_each_event_stands_in_one_bar_and_is_one_there(tmp_path):
    """Also one that falls between two bars' samples, and those after a restart of what counts."""
    bars = {"65s": 1, "125s": 2, "185s": 2, "245s": 1, "305s": 0}
    case = {
        "interval": "15s",
        "input_series": [{"series": "c_total", "values": "0 0 0 0 1 2 2 3 3 3 3 1 2 2 2 3 3 3 3 3 3"}],
        "promql_expr_test": [
            {
                "expr": f"sum({per_bar('c_total').replace('$__interval', '1m')})",
                "eval_time": at,
                "exp_samples": [{"labels": "{}", "value": count}],
            }
            for at, count in bars.items()
        ],
    }
    trial = tmp_path / "bars.yml"
    trial.write_text(yaml.safe_dump({"evaluation_interval": "15s", "tests": [case]}))
    done = subprocess.run(["promtool", "test", "rules", trial], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
