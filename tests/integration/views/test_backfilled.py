"""The panel of what was backfilled counts what the assessment counts as done, and reads one index for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from natalog.events import Origin, Principal
from tests.golden import scenes
from tests.integration.views.country import Country

UNIT, OTHER, ELSEWHERE = "330106520000", "330203530000", "310104510000"
DAY = 86_400_000
YEAR = 366 * DAY
DASHBOARD = Path(__file__).resolve().parents[3] / "deploy" / "grafana" / "dashboards" / "province.json"


def panel() -> str:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    (sql,) = (one["targets"][0]["rawSql"] for one in panels if one["title"].startswith("Backfilled, by year"))
    return str(sql).replace("${province}", "33")


@pytest.fixture
def country(database: str) -> Country:
    """Last year's of two prefectures of Zhejiang and of Shanghai, an older one, amended, one refused, one sent live."""
    country = Country(database)
    ledger = country.ledger

    def send(unit: str, ago: int, **more: object) -> None:
        adapter = Principal(sub="adapter", org=unit, roles=("adapter",))
        made = scenes.filing(ledger, ledger.number(), unit, registered_at=ledger.now - ago)
        made = replace(made, **{"submitter": adapter, "origin": Origin.BACKFILL, **more})
        country.send(made)
        if ago > YEAR + DAY:
            country.send(ledger.again(made, category="ADOPTION"))

    for unit in (UNIT, OTHER, ELSEWHERE):
        send(unit, YEAR)
    send(UNIT, 2 * YEAR)
    send(UNIT, YEAR, certificate_number="Y33")
    send(UNIT, YEAR, origin=Origin.LIVE)
    return country


def test_it_counts_what_was_accepted_as_backfill_by_year(country, database):
    with psycopg.connect(database) as connection:
        found = connection.execute(panel()).fetchall()  # type: ignore[arg-type]
    assert found == [("2025", 2, 2), ("2024", 1, 1)]


@pytest.mark.parametrize("role", ["natalog_reader", "natalog_province_33"])
def test_it_reads_one_index(country, database, role):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM natalog.filings")  # so that the index alone says which rows are there
        # So few rows are read faster from the table; who has millions has no choice.
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        connection.execute(f"SET ROLE {role}")  # type: ignore[arg-type]
        plan = connection.execute(f"EXPLAIN {panel()}").fetchall()  # type: ignore[arg-type]
    scans = [line.strip() for (line,) in plan if "Scan" in line and "Subquery" not in line]
    assert scans
    assert all("Index Only Scan using filings_" in scan for scan in scans if "pg_roles" not in scan), scans
