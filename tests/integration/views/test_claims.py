"""Which claims are reported: those that expired, and after which their unit was heard of no more."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psycopg
import pytest

from natalog.events import Claim, Completion, Filing, Principal, Release
from tests.integration.views.country import Country
from tests.integration.views.tables import rows

UNIT, OTHER = "330106520000", "310104510000"
HOUR = 3_600_000
DASHBOARD = Path(__file__).resolve().parents[3] / "deploy" / "grafana" / "dashboards" / "province.json"
REPORTED = "SELECT number, unit_code, expires_at - claimed_at FROM expired_claims"


class Desk:
    """Claims one number three hours ago: that has expired, after two, an hour ago."""

    def __init__(self, country: Country, unit: str = UNIT, ago: float = 3) -> None:
        self._country = country
        self.head = {
            "certificate_number": country.ledger.number(),
            "unit_code": unit,
            "submitter": Principal(sub="desk", org=unit, roles=("station",)),
        }
        self.claim(ago)

    def of(self, unit: str) -> Desk:
        """Another desk, at the same number."""
        other = object.__new__(Desk)
        other._country = self._country
        submitter = Principal(sub="desk", org=unit, roles=("station",))
        other.head = {**self.head, "unit_code": unit, "submitter": submitter}
        return other

    def send(self, kind: type, ago: float, **more: object) -> None:
        """A record of this desk about its number, received so many hours ago."""
        ledger = self._country.ledger
        ledger.now = now() - round(ago * HOUR)
        self._country.send(kind(event_id=ledger.id(), **self.head, **more))

    def claim(self, ago: float) -> None:
        self.send(Claim, ago)

    def file(self, ago: float, **more: object) -> None:
        at = now() - round(ago * HOUR)
        self.send(Filing, ago, registration_id="R1", registered_at=at, sealed=b"x", key_id="k", **more)


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def country(database: str) -> Country:
    return Country(database)


def reported(url: str) -> list[tuple[str, str]]:
    return [(number, unit) for number, unit, _ in rows(url, REPORTED)]


def test_a_claim_that_expired_and_nothing_came_is_reported(country, database):
    desk = Desk(country)
    assert reported(database) == [(desk.head["certificate_number"], UNIT)]
    ((_, _, held),) = rows(database, REPORTED)
    assert held.total_seconds() == 7_200
    Desk(country, ago=1.9)  # this one is still open
    assert len(reported(database)) == 1


def test_it_is_expired_at_the_very_moment_of_its_expiry(country, database):
    Desk(country, ago=1)
    with psycopg.connect(database, options="-c search_path=natalog") as connection:
        for later, count in (("1 microsecond", 0), ("0", 1)):
            connection.execute("UPDATE claims SET expires_at = now() + %s::interval", (later,))
            assert connection.execute("SELECT count(*) FROM expired_claims").fetchall() == [(count,)]


@pytest.mark.parametrize("ago", [2.5, 0.5], ids=["before it expires", "after it expired"])
@pytest.mark.parametrize("kind", [Release, Completion, Filing])
def test_whatever_its_unit_says_next_answers_it(country, database, kind, ago):
    desk = Desk(country)
    if kind is Filing:
        desk.file(ago)
    elif kind is Completion:
        desk.send(Completion, ago, registration_id="R1", registered_at=now())
    else:
        desk.send(Release, ago)
    assert reported(database) == []
    assert rows(database, "SELECT closed_by FROM claims") == [(kind.__name__.upper(),)]


def test_a_refused_filing_answers_too(country, database):
    desk = Desk(country)
    desk.of(OTHER).file(0.9)
    desk.file(0.5)
    assert rows(database, "SELECT reason FROM filings ORDER BY seq") == [(None,), ("USED",)]
    assert reported(database) == []


def test_anothers_filing_ends_a_claim_that_is_open_and_does_not_excuse_one_that_expired(country, database):
    in_time, too_late = Desk(country), Desk(country)
    in_time.of(OTHER).file(2)
    too_late.of(OTHER).file(0.5)
    assert reported(database) == [(too_late.head["certificate_number"], UNIT)]
    assert rows(database, "SELECT closed_by FROM claims WHERE closed_seq IS NOT NULL") == [("TAKEN",)]


def test_claimed_again_only_the_last_claim_counts(country, database):
    renewed, again = Desk(country, ago=4), Desk(country, ago=6)
    renewed.claim(2.5)
    again.claim(1)
    ((number, _, held),) = rows(database, REPORTED)
    assert (number, held.total_seconds()) == (renewed.head["certificate_number"], 7_200)


def test_the_panel_of_the_province_lists_them(country, database):
    desk = Desk(country)
    Desk(country, unit=OTHER)
    (query,) = (
        panel["targets"][0]["rawSql"]
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        if panel["title"].startswith("Expired claims")
    )
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE natalog_reader")
        found = connection.execute(query.replace("${province}", "33")).fetchall()
    assert [desk.head["certificate_number"] in row for row in found] == [True]
