"""Every panel of every dashboard, asked of a real Prometheus and PostgreSQL beside a demo: it parses, it has data.

Prometheus scrapes the demo's own services, all of them. The same stack is assessed by `natalog assess`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from openpyxl import load_workbook
from prometheus_client.parser import text_string_to_metric_families

from natalog import metrics
from natalog.local.postgres import find_binaries
from tests.e2e import SHORT_LIVED
from tests.ports import keep_ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        (shutil.which("prometheus") is None or find_binaries() is None) and not os.environ.get("CI"),
        reason="Prometheus or PostgreSQL is missing: install Debian's prometheus and postgresql",
    ),
]

DASHBOARDS = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "dashboards"
COMMAND = (sys.executable, "-m", "natalog", "demo", "--seed", "11", "--registrations", "60")
VARIABLES = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "1h", "${province}": "33"}
WITHIN = 200.0
"""Seconds after the demo's day until all is scraped and recorded: rules of the SLO are computed once a minute."""
SERVICES = {"registrar", "gateway", "projector", "watch"}
EMPTY = {"province: Expired claims 占用过期未登记"}
"""A claim takes two hours to expire; tests/integration/views/test_claims.py asks this panel of one that has."""


class Demo:
    """A demo that stays up, and what its stack.json says."""

    def __init__(self, data: Path, out: Path) -> None:
        self.data, self.out = data, out
        keep_ports(data)
        with out.open("wb") as said:
            self.process = subprocess.Popen(
                [*COMMAND, "--data", str(data)],
                stdout=said,
                stderr=said,
                env={**os.environ, **SHORT_LIVED},
            )

    def wait(self) -> dict[str, Any]:
        deadline = time.monotonic() + 400
        while b"Ctrl-C stops it" not in self.out.read_bytes():
            assert self.process.poll() is None, self.out.read_text()
            assert time.monotonic() < deadline, self.out.read_text()
            time.sleep(0.2)
        stack: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        return stack

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory = tmp_path_factory.mktemp("dashboards")
    demo = Demo(directory / "data", directory / "out")
    try:
        yield demo
    finally:
        demo.stop()


@pytest.fixture(scope="module")
def stack(demo: Demo) -> dict[str, Any]:
    stack = demo.wait()
    assert stack["pids"].keys() >= SERVICES, "what does not run has no panels, and nobody would notice"
    return stack


def targets(kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{path.stem}: {panel['title']}", target)
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", ())
        if target["datasource"]["type"] == kind
    ]


def filled_in(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    assert not re.search(r"\$\{?[a-z_]", text), f"a variable this test does not know: {text}"
    return text


class Prometheus:
    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def api(self, path: str, **parameters: str) -> Any:
        answer = self.http.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def has_data(self, expression: str) -> bool:
        """Whether a range of it holds a number, as a panel would draw it. Raises when it does not parse."""
        now = time.time()
        found = self.api("query_range", query=expression, start=f"{now - 120}", end=f"{now}", step="15")
        return any(value != "NaN" for series in found["result"] for _, value in series["values"])


def test_every_prometheus_panel_has_data(stack: dict[str, Any]) -> None:
    prometheus = Prometheus(stack["prometheus"])
    wanted = {
        f"{title} {target['refId']}": filled_in(target["expr"]) for title, target in targets("prometheus")
    }
    assert len(wanted) > 40
    deadline = time.monotonic() + WITHIN
    while missing := {title: e for title, e in wanted.items() if not prometheus.has_data(e)}:
        assert time.monotonic() < deadline, missing
        time.sleep(2)


def test_every_rule_is_evaluated_without_error(stack: dict[str, Any]) -> None:
    prometheus = Prometheus(stack["prometheus"])
    groups = prometheus.api("rules")["groups"]
    broken = {rule["name"]: rule["lastError"] for g in groups for rule in g["rules"] if rule.get("lastError")}
    assert sum(len(group["rules"]) for group in groups) >= 30
    assert broken == {}
    # A demo in good order wakes nobody.
    firing = [a for a in prometheus.api("alerts")["alerts"] if a["labels"]["severity"] == "page"]
    assert [alert for alert in firing if alert["state"] == "firing"] == []


def test_all_services_are_scraped(stack: dict[str, Any]) -> None:
    prometheus, deadline = Prometheus(stack["prometheus"]), time.monotonic() + WITHIN
    while True:  # on a busy machine one of them may answer a single scrape too late
        active = prometheus.api("targets", state="active")["activeTargets"]
        scraped = {target["labels"]["job"]: target["health"] for target in active}
        if scraped == dict.fromkeys(SERVICES, "up"):
            return
        assert time.monotonic() < deadline, scraped
        time.sleep(1)


def test_each_exports_its_own_metrics_and_no_other_s(stack: dict[str, Any]) -> None:
    active = Prometheus(stack["prometheus"]).api("targets", state="active")["activeTargets"]
    for target in active:
        service = target["labels"]["job"]
        told = text_string_to_metric_families(
            httpx.get(target["scrapeUrl"], trust_env=False, timeout=30).text
        )
        own = getattr(metrics, service.upper()).collect()
        assert {one.name for one in told if one.name.startswith("natalog_")} == {
            one.name for one in own if one.name.startswith("natalog_")
        }, service


def test_every_postgres_panel_has_data(stack: dict[str, Any]) -> None:
    deadline = time.monotonic() + WITHIN
    with psycopg.connect(stack["postgres"], autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = on")
        connection.execute("SET ROLE natalog_reader")  # as Grafana's login may
        while (empty := empty_panels(connection)) - EMPTY and time.monotonic() < deadline:
            time.sleep(1)  # what the projector has not copied yet
    assert empty == EMPTY


def empty_panels(connection: psycopg.Connection[Any]) -> set[str]:
    empty = set()
    for title, target in targets("grafana-postgresql-datasource"):
        rows = connection.execute(filled_in(target["rawSql"])).fetchall()
        if not rows or all(value is None for row in rows for value in row):
            empty.add(title)
    return empty


def assessed(demo: Demo, out: Path, form: str, *more: str) -> bytes:
    """What `natalog assess` writes about the year of the demo's day, from its running stack."""
    year = f"{datetime.now(UTC) + timedelta(hours=8):%Y}"
    command = [sys.executable, "-m", "natalog", "assess", "--period", year, "--data", str(demo.data)]
    done = subprocess.run(
        [*command, "--format", form, "--out", str(out), *more], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


def test_the_running_stack_is_assessed_alike_in_every_format(
    demo: Demo, stack: dict[str, Any], tmp_path: Path
) -> None:
    found = json.loads(assessed(demo, tmp_path / "json", "json"))
    assert len(found["ledger"]) == 12
    (zhejiang,) = (row for row in found["rows"] if row["province"] == "330000")
    assert zhejiang["registered"] > 50
    assert zhejiang["late_station"] > 0
    assert zhejiang["overdue_open"] > 0
    at = ("--at", found["at"])
    text = assessed(demo, tmp_path / "csv", "csv", *at).decode("utf-8-sig")
    (row,) = (row for row in csv.DictReader(io.StringIO(text)) if row["province"] == "330000")
    told = {key: value for key, value in zhejiang.items() if isinstance(value, int | float)}
    assert {key: float(row[key]) for key in told} == told
    sheet = load_workbook(io.BytesIO(assessed(demo, tmp_path / "xlsx", "xlsx", *at))).worksheets[0]
    heads = {str(cell.value).partition("\n")[2]: cell.column - 1 for cell in sheet[1]}
    (cells,) = (cells for cells in sheet.iter_rows(min_row=2) if cells[0].value == "330000")
    assert cells[heads["registered"]].value == zhejiang["registered"]
    assert round(cells[heads["discipline %"]].value * 100, 2) == zhejiang["discipline_percent"]
    table = assessed(demo, tmp_path / "table", "table", *at).decode()
    assert found["at"] in table
    assert "浙江" in table
    assert assessed(demo, tmp_path / "again", "csv", *at) == (tmp_path / "csv").read_bytes()
