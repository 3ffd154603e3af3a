"""What every panel must have, and that the committed JSON is what the code makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from deploy.grafana.generate.__main__ import dashboards, main
from deploy.grafana.generate.provinces import PROVINCES
from natalog.decision import numbers

GRAFANA = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
DASHBOARDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]


def test_committed_dashboards_are_what_the_code_makes(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().out
    assert set(DASHBOARDS) == {name.removesuffix(".json") for name in dashboards()}


@pytest.mark.parametrize("panel", PANELS)
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


def test_all_provinces_have_names():
    assert set(PROVINCES) == {f"{code}0000" for code in numbers.PROVINCES} | {"unknown"}
