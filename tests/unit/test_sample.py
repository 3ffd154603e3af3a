"""The made-up population: numbers, shares, days at the desk, and what the command writes."""

from __future__ import annotations

import gzip
import itertools
import re
import tracemalloc
from collections import Counter
from datetime import date, datetime
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from natalog.cli import build
from natalog.decision import numbers
from natalog.decision.divisions import prefecture_of, province_of
from natalog.events import Principal
from natalog.sample import Kinds, Population, filings, lines
from natalog.sample.births import BIRTHS, PROVINCE_BIRTHS, quota
from natalog.sample.counties import COUNTIES
from natalog.wire.json_form import from_json

TODAY = (date(2026, 1, 1) - date(1970, 1, 1)).days


def _make(population: Population, *cut: int) -> list[dict[str, Any]]:
    return [dict(f) for f in filings(population, *cut)]


SOME = _make(Population(seed=7, count=20_000))


def _born(filing):
    return date.fromisoformat(filing["birth_date"])


def test_numbers_are_wellformed_and_unique():
    found = [f["certificate_number"] for f in SOME if "certificate_number" in f]
    assert all(numbers.is_wellformed(n) and numbers.has_letter(n) for n in found)
    assert len(set(found)) == len(found)
    assert len({f["event_id"] for f in SOME}) == len({f["registration_id"] for f in SOME}) == len(SOME)


def test_number_fits_the_birth_and_the_province():
    for filing in SOME:
        if "certificate_number" not in filing:
            continue
        number = filing["certificate_number"]
        assert _born(filing).year - numbers.print_year(number) in (0, 1)
        county = filing["division"]
        home = "66" if county.startswith("6590") else county[:2]
        assert numbers.province(number) == home


def test_numbers_stay_unique_at_the_capacity_of_a_province():
    # A million of one province: every lot of every letter is taken from the same permutation.
    population = Population(seed=1, count=1_000_000, provinces=("33",), exempt=0)
    part = _make(population, 0, 3000) + _make(population, 500_000, 503_000)
    found = [f["certificate_number"] for f in part]
    assert len(set(found)) == len(found)
    with pytest.raises(ValueError, match="more numbers than a province has"):
        list(
            filings(
                Population(seed=1, count=40_000_000, provinces=("33",), first_year=2020, last_year=2021), 0, 1
            )
        )


def test_a_lot_has_one_letter():
    """Booklets are printed in one go; one in seven is of the year before."""
    letters: dict[int, Counter[int]] = {}
    for filing in _make(Population(seed=1, count=20_000, provinces=("33",), first_year=2019, last_year=2022)):
        if number := filing.get("certificate_number"):
            lot = letters.setdefault(int(number[3:]) // 50, Counter())
            lot[_born(filing).year - numbers.print_year(number)] += 1
    assert all(len(differences) == 1 for differences in letters.values())
    old = sum(1 in differences for differences in letters.values())
    assert 0.08 < old / len(letters) < 0.22


def test_years_follow_the_published_births():
    years = Counter(_born(f).year for f in SOME)
    total = sum(BIRTHS.values())
    for year, births in BIRTHS.items():
        assert years[year] / len(SOME) == pytest.approx(births / total, rel=0.03)


def test_provinces_follow_the_published_births():
    provinces = Counter("66" if f["division"].startswith("6590") else f["division"][:2] for f in SOME)
    total = sum(PROVINCE_BIRTHS.values())
    for province, births in PROVINCE_BIRTHS.items():
        assert provinces[province] / len(SOME) == pytest.approx(births / total, abs=0.0006)


def test_province_table_adds_up_to_the_published_year():
    assert sum(PROVINCE_BIRTHS.values()) == pytest.approx(BIRTHS[2022], abs=1)
    assert set(PROVINCE_BIRTHS) == set(COUNTIES) == set(numbers.PROVINCES)


def test_quota_sums_exactly():
    assert Counter(quota({"a": 1, "b": 1, "c": 1}, 100)) == {"a": 34, "b": 33, "c": 33}


def test_every_county_has_an_owner():
    for counties in COUNTIES.values():
        for county in counties:
            assert prefecture_of(county, TODAY), county
            assert province_of(county)


def test_units_lie_in_their_division():
    for filing in SOME:
        assert re.fullmatch(r"\d{12}", filing["unit_code"])
        assert filing["unit_code"].startswith(filing["division"])


def test_most_register_within_a_month_at_a_desk():
    days = [(datetime.fromisoformat(f["registered_at"]).date() - _born(f)).days for f in SOME]
    assert min(days) >= 0
    assert 0.85 < sum(d <= 32 for d in days) / len(days) < 0.97
    at = [datetime.fromisoformat(f["registered_at"]) for f in SOME]
    assert all(8 <= t.hour < 18 for t in at)
    assert sum(t.weekday() == 6 for t in at) < 0.02 * len(at)
    assert max(t.date() for t in at) <= date(2026, 4, 2)


def test_after_six_the_proofs_are_there():
    for filing in _make(Population(seed=3, count=20_000, irregular=0)):
        years = datetime.fromisoformat(filing["registered_at"]).date().year - _born(filing).year
        if years > 6:
            assert set(filing["over_six"]) == {"visit", "face", "fingerprint", "dna", "approval_ref"}


def test_twins_share_their_parents():
    mothers = Counter(f["mother_token"] for f in SOME if "mother_token" in f)
    twins = [m for m, n in mothers.items() if n == 2]
    assert 0.005 < len(twins) / len(SOME) < 0.025
    pair = [f for f in SOME if f.get("mother_token") == twins[0]]
    assert pair[0]["birth_date"] == pair[1]["birth_date"]
    assert pair[0]["unit_code"] == pair[1]["unit_code"]
    assert pair[0]["child_token"] != pair[1]["child_token"]


def test_a_day_is_one_day_in_one_province():
    population = Population(seed=2, count=1100, provinces=("33",), day=date(2026, 3, 4), irregular=0)
    made = _make(population)
    assert {f["registered_at"][:10] for f in made} == {"2026-03-04"}
    assert {f["division"][:2] for f in made} == {"33"}
    assert {f["origin"] for f in made} == {"LIVE"}
    assert all(("gate" in f) == ("certificate_number" in f) for f in made)
    times = [f["registered_at"] for f in made]
    assert sum(a <= b for a, b in itertools.pairwise(times)) > 0.97 * len(times)


@pytest.mark.parametrize("org", ["33", "3301", "330106", "330106560000", "330100"])
def test_org_keeps_everything_inside(org):
    made = _make(Population(seed=1, count=300, org=org))
    prefix = org.removesuffix("00") if len(org) == 6 else org
    assert all(f["unit_code"].startswith(prefix) for f in made)


def test_a_day_at_the_desk_claims_before_it_files():
    made = [orjson.loads(t) for t in lines(filings(Population(1, 2000, day=date(2026, 3, 4))), Kinds.DAY)]
    kinds = Counter(m["kind"] for m in made)
    assert kinds["filing"] > 2000
    assert 600 < kinds["completion"] < 740
    claims = {m["event_id"]: m["certificate_number"] for m in made if m["kind"] == "claim"}
    seen = set()
    for record in made:
        seen.add(record["event_id"])
        if record["kind"] == "filing" and "certificate_number" in record:
            assert record["gate"] in seen
            assert claims[record["gate"]] == record["certificate_number"]


def test_memory_does_not_grow_with_the_count():
    def peak(count):
        tracemalloc.start()
        for _ in itertools.islice(lines(filings(Population(seed=1, count=count))), 5000):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(100_000_000) < 1.2 * peak(6000) + 500_000


def test_the_gateway_can_read_every_line():
    officer = Principal(sub="desk-1", org="330000", roles=("adapter",))
    day = Population(seed=9, count=2000, day=date(2026, 3, 4), irregular=0.3, exempt=0.2)
    for text in lines(filings(day), Kinds.DAY):
        record = orjson.loads(text)
        from_json(record.pop("kind"), record, officer)


def _run(*arguments):
    return CliRunner().invoke(build(["sample"]), ["sample", *arguments])


def test_command_writes_the_same_to_a_file_and_to_stdout(tmp_path):
    shown = _run("--count", "1500", "--seed", "5")
    assert shown.exit_code == 0
    assert len(shown.stdout_bytes.splitlines()) == 1500
    for name, opened in (("a.ndjson", open), ("a.ndjson.gz", gzip.open)):
        assert _run("--count", "1500", "--seed", "5", "--out", str(tmp_path / name)).exit_code == 0
        with opened(tmp_path / name, "rb") as file:
            assert file.read() == shown.stdout_bytes
    assert orjson.loads(shown.stdout_bytes.splitlines()[0])["kind"] == "filing"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--province", "99"),
        ("--org", "33010"),
        ("--org", "9999"),
        ("--from", "2011"),
        ("--from", "2020", "--to", "2019"),
        ("--origin", "OLD"),
    ],
)
def test_wrong_usage_exits_with_2(arguments):
    assert _run(*arguments).exit_code == 2


def test_nothing_is_a_population_too():
    assert _run("--count", "0").stdout_bytes == b""
