"""Which division contains which: a dated table, never a prefix."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from natalog.decision.divisions import (
    CHANGES,
    contains,
    division_of,
    prefecture_of,
    province_of,
    same_prefecture,
)
from tests.unit.decision.telling import day

TODAY = day("2026-07-01")


@pytest.mark.parametrize(
    ("code", "owner"),
    [
        ("330106", "330100"),
        ("330106520000", "330100"),
        ("330100", "330100"),
        ("330000", ""),
        ("110101", "110000"),
        ("110000", "110000"),
        ("500229", "500000"),
        ("310104510000", "310000"),
        ("120225", "120000"),
        ("419001", "419001"),
        ("429004", "429004"),
        ("429021510000", "429021"),
        ("469005", "469005"),
        ("659001", "659001"),
        ("419000", ""),
        ("429000", ""),
        ("429099", ""),
        ("659099", ""),
        ("441900", "441900"),
        ("442000110000", "442000"),
        ("460302", "460300"),
        ("660106", "660100"),
        ("339906", ""),
        ("990106", ""),
        ("3301", ""),
        ("33010", ""),
        ("", ""),
        ("33010a", ""),
        ("３３０１０６", ""),
        ("3301065200000", ""),
    ],
)
def test_the_owning_prefecture(code, owner):
    assert prefecture_of(code, TODAY) == owner


@pytest.mark.parametrize(
    ("code", "old", "new", "moved"),
    [
        ("469003", "469003", "460400", "2015-02-19"),
        ("371202", "371200", "370100", "2019-01-08"),
        ("542301", "542300", "540200", "2014-06-26"),
        ("632121", "632100", "630200", "2013-02-08"),
        ("652101", "652100", "650400", "2015-04-12"),
        ("652201", "652200", "650500", "2016-02-21"),
        ("341521", "341500", "340400", "2015-12-03"),
        ("340823", "340800", "340700", "2015-10-12"),
        ("512081", "512000", "510100", "2016-05-03"),
        ("220381", "220300", "220100", "2020-06-11"),
        ("542100", "542100", "540300", "2014-10-20"),
        ("542600", "542600", "540400", "2015-03-26"),
        ("542200", "542200", "540500", "2016-02-02"),
        ("542400", "542400", "540600", "2017-07-09"),
    ],
)
def test_what_moved_moved_on_its_day(code, old, new, moved):
    assert prefecture_of(code, day(moved) - 1) == old
    assert prefecture_of(code, day(moved)) == new


def test_the_days_of_the_table_are_the_days_of_its_comments():
    """The comments give the dates for people; the table counts days."""
    import natalog.decision.divisions as module

    path = Path(module.__file__).with_name("divisions.py")
    rows = re.findall(r", (\d{5})\),  # .*(\d{4}-\d\d-\d\d)", path.read_text())
    assert len(rows) == len(CHANGES)
    for counted, written in rows:
        assert date(1970, 1, 1) + timedelta(int(counted)) == date.fromisoformat(written)


def test_a_neighbour_of_a_moved_county_stays():
    assert prefecture_of("341522", TODAY) == "341500"
    assert prefecture_of("512002", TODAY) == "512000"


@pytest.mark.parametrize(
    ("org", "code"),
    [
        ("330000", "330106520000"),
        ("330100", "330106520000"),
        ("330106", "330106520000"),
        ("330106520000", "330106520000"),
        ("330100000000", "330106520000"),
        ("330000000000", "330100"),
        ("110000", "110101520000"),
        ("420000", "429004"),
        ("429004", "429004520000"),
        ("650000", "659001"),
        ("370100", "371202"),
        ("660000", "660106"),
    ],
)
def test_contains(org, code):
    assert contains(org, code, TODAY)


@pytest.mark.parametrize(
    ("org", "code"),
    [
        ("330200", "330106"),
        ("330106", "330100"),
        ("330100", "330000"),
        ("330106520000", "330106510000"),
        ("330106520000", "330106"),
        ("110101", "110102"),
        ("110101", "110000"),
        ("420100", "429004"),
        ("429004", "429005"),
        ("650100", "659001"),
        ("371200", "370100"),
        ("330000", "320100"),
        ("990000", "990106"),
        ("", "330106"),
        ("330100", ""),
        ("", ""),
        ("33", "330106"),
        ("", "990106"),
        ("33", "990106"),
        ("330000", "33"),
    ],
)
def test_does_not_contain(org, code):
    assert not contains(org, code, TODAY)


def test_province():
    assert [province_of(c) for c in ("330106520000", "110101", "990000", "", "6590")] == [
        "330000",
        "110000",
        "",
        "",
        "",
    ]


def test_division():
    assert [division_of(c) for c in ("330106520000", "330106", "33", "33010６")] == [
        "330106",
        "330106",
        "",
        "",
    ]


def test_one_prefecture():
    assert same_prefecture("330106520000", "330105", TODAY)
    assert not same_prefecture("330106520000", "330203", TODAY)
    assert same_prefecture("110101", "110102", TODAY)
    assert not same_prefecture("429004", "429005", TODAY)
    assert same_prefecture("341521", "340402", day("2015-12-03"))
    assert not same_prefecture("341521", "340402", day("2015-12-02"))
    assert not same_prefecture("990106", "990107", TODAY)
    assert same_prefecture("990106", "990106", TODAY)
