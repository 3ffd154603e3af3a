"""Contests of a number: whose they are, who sees them, and that a later one counts as the first did."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from natalog.assessment.period import Period
from natalog.assessment.query import facts, opened, position_of
from natalog.views import open_cases
from tests.golden.scenes import UNIT, filing, person, void, withdrawal
from tests.integration.views.country import Country

SHANGHAI, BEIJING, GUANGDONG = "310104510000", "110105510000", "440305510000"
PANELS = Path(__file__).resolve().parents[3] / "deploy" / "grafana" / "dashboards" / "province.json"
LISTED = "SELECT number, province, units FROM contested_numbers ORDER BY opened_at, number"


@pytest.fixture
def country(database: str) -> Country:
    return Country(database)


class Number:
    """A number issued in Beijing, taken in Zhejiang."""

    def __init__(self, country: Country) -> None:
        self._country = country
        self.text = country.ledger.number(start="Y11")
        self.file(UNIT, "R1")

    def file(self, unit: str, name: str) -> None:
        self._country.send(filing(self._country.ledger, self.text, unit, registration_id=name))

    def withdraw(self, name: str, org: str = "330100") -> None:
        ledger = self._country.ledger
        request = withdrawal(ledger, self.text, name, person("first", org))
        self._country.send(request)
        self._country.send(withdrawal(ledger, self.text, name, person("second", org), request.event_id))


def seen(url: str, role: str, query: str = LISTED) -> list[tuple]:
    with psycopg.connect(url, options="-c search_path=natalog") as connection:
        connection.execute(f"SET ROLE {role}")
        return connection.execute(query).fetchall()


def panel(url: str, province: str) -> list[str]:
    """Numbers that the dashboard Province lists."""
    (query,) = (
        panel["targets"][0]["rawSql"]
        for panel in json.loads(PANELS.read_text())["panels"]
        if panel["title"].startswith("Contested numbers") and panel["type"] == "table"
    )
    return [row[0] for row in seen(url, "natalog_reader", query.replace("${province}", province))]


def counted(url: str, ledger, role: str = "natalog_reader") -> dict[str, tuple[int, int]]:
    """Opened and closed by province, as `natalog assess` counts them for the year."""
    with opened(url) as connection:
        connection.execute(f"SET ROLE {role}")
        found = facts(connection, Period.parse("2026"), position_of(connection, None))
    sums: dict[str, tuple[int, int]] = {}
    for place, one in found.items():
        begun, done = sums.get(place.province, (0, 0))
        sums[place.province] = (
            begun + one.counts["contested_opened"],
            done + one.counts["contested_closed"],
        )
    return {province: both for province, both in sums.items() if any(both)}


def test_gauge_list_and_assessment_say_the_same_of_whose_it_is(country, database):
    number = Number(country)
    number.file(SHANGHAI, "R2")
    number.file(BEIJING, "R3")
    assert country.open(open_cases._CONTESTED) == {"310000": 1}
    assert [row[:2] for row in seen(database, "natalog_reader")] == [(number.text, "310000")]
    assert (panel(database, "31"), panel(database, "11"), panel(database, "33")) == ([number.text], [], [])
    assert counted(database, country.ledger) == {"310000": (1, 0)}


def test_a_number_contested_again_after_a_withdrawal_is_open_again(country, database):
    number = Number(country)
    number.file(SHANGHAI, "R2")
    number.withdraw("R1")
    assert country.open(open_cases._CONTESTED) == {}
    assert seen(database, "natalog_reader") == []
    assert counted(database, country.ledger) == {"310000": (1, 1)}
    number.file(SHANGHAI, "R2")
    assert country.open(open_cases._CONTESTED) == {}
    number.file(BEIJING, "R3")
    assert country.open(open_cases._CONTESTED) == {"110000": 1}
    assert panel(database, "11") == [number.text]
    assert counted(database, country.ledger) == {"310000": (1, 1), "110000": (1, 0)}
    number.withdraw("R2", "310000")
    assert country.open(open_cases._CONTESTED) == {}
    assert counted(database, country.ledger) == {"310000": (1, 1), "110000": (1, 1)}


def test_parties_see_it_and_nobody_else(country, database):
    number = Number(country)
    number.file(SHANGHAI, "R2")
    number.file(GUANGDONG, "R3")
    assert seen(database, "natalog_reader") == [(number.text, "310000", [SHANGHAI, UNIT, GUANGDONG])]
    # Of the others' registrations a province sees none.
    for code, own in (("33", UNIT), ("31", SHANGHAI), ("44", GUANGDONG)):
        assert seen(database, f"natalog_province_{code}") == [(number.text, "310000", [own])]
    assert seen(database, "natalog_province_11") == []
    # But it is Shanghai's in the figures of each.
    assert counted(database, country.ledger, "natalog_province_31") == {"310000": (1, 0)}
    assert counted(database, country.ledger, "natalog_province_33") == {}


def test_an_exchanged_certificate_that_another_used_is_listed_too(country, database):
    old, new = Number(country), Number(country)
    new.withdraw("R1")
    new.file(SHANGHAI, "R9")
    country.send(void(country.ledger, old.text, replaced_by=new.text))
    listed = {number for number, _, _ in seen(database, "natalog_reader")}
    assert listed == {old.text, new.text}
    assert country.open(open_cases._CONTESTED) == {"330000": 2}  # the issuer's record showed it
    assert sorted(panel(database, "33")) == sorted(listed)
    assert [row[0] for row in seen(database, "natalog_province_31")] == [new.text]
