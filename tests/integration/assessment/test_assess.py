"""`natalog assess` on a real PostgreSQL: figures known by hand, and the same bytes at the same position for ever."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from natalog.assessment import query
from natalog.cli import build
from natalog.views.database import LIVE, NEXT, OLD, connect
from natalog.views.migrate import migrate
from natalog.views.rebuild import _rename
from tests.integration.assessment.known import AFTER, HALF, PROVINCES
from tests.integration.assessment.planted import October
from tests.integration.views.tables import rows
from tests.integration.views.test_exchange import FromMemory, projector_on, run_to_the_end

FORMATS = ("table", "csv", "xlsx", "json")
LEVELS = ("province", "prefecture", "station")


def assess(url: str, *arguments: str, period: str = "2026-10"):
    call = ["assess", "--period", period, "--postgres", url, *arguments]
    return CliRunner().invoke(build(call), call)


def told(url: str, *arguments: str):
    done = assess(url, "--json", *arguments)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def file(url: str, form: str, level: str, at: str, path: Path) -> bytes:
    done = assess(url, "--format", form, "--level", level, "--at", at, "--out", str(path))
    assert done.exit_code == 0, done.stderr
    return path.read_bytes()


@dataclass(frozen=True)
class Assessed:
    """October when all of it is written; the position at its half, and the files made when that was the present."""

    month: October
    url: str
    half: str
    files: dict[tuple[str, str], bytes]


@pytest.fixture(scope="module")
def october(postgres, tmp_path_factory):
    month = October()
    month.first_half()
    url = postgres.database()
    month.write(url)
    half = told(url)["at"]
    out = tmp_path_factory.mktemp("assess") / "file"
    files = {(form, level): file(url, form, level, half, out) for form in FORMATS for level in LEVELS}
    month.second_half()
    month.write(url)
    return Assessed(month, url, half, files)


CODES = ("province", "province_name", "prefecture", "unit")


def figures(row: dict) -> dict:
    """What is not 0 or null."""
    return {key: value for key, value in row.items() if key not in CODES and value not in (0, None)}


def expected(row: dict) -> dict:
    whole = {"rules": [1], **row}
    return {key: value for key, value in whole.items() if value not in (0, None)}


@pytest.mark.parametrize(("when", "known"), [("half", HALF), ("now", AFTER)])
def test_every_figure_is_known_by_hand(october, when, known):
    found = told(october.url, "--level", "station", *(("--at", october.half) if when == "half" else ()))
    assert [row["unit"] for row in found["rows"]] == sorted(known)
    for row in found["rows"]:
        # `unit` and `figures` together tell which station is wrong
        assert (row["unit"], figures(row)) == (row["unit"], expected(known[row["unit"]]))


def test_provinces_add_their_stations_up(october):
    found = told(october.url, "--level", "province", "--at", october.half)
    assert {row["province"]: figures(row) for row in found["rows"]} == {
        code: expected(row) for code, row in PROVINCES.items()
    }
    whole = found["whole"]
    assert (whole["registered"], whole["filed"], whole["timed"], whole["on_time"]) == (14, 12, 12, 9)
    assert whole["assessed_percent"] == 90.0
    assert whole["discipline_percent"] == 81.82
    assert whole["rank"] is None


def test_prefectures_are_between_them(october):
    found = told(october.url, "--level", "prefecture", "--at", october.half)
    assert [(row["prefecture"], row["registered"], row["listed"]) for row in found["rows"]] == [
        ("310000", 3, 0),
        ("330100", 5, 1),
        ("330200", 6, 0),
    ]


def test_the_beijing_calendar_divides_months(october):
    september = told(october.url, "--at", october.half)
    assert september["whole"]["registered"] == 14
    done = assess(october.url, "--json", "--at", october.half, period="2026-09")
    assert json.loads(done.stdout)["whole"]["registered"] == 1
    done = assess(october.url, "--json", "--at", october.half, period="2026-10-01")
    assert json.loads(done.stdout)["whole"]["registered"] == 1
    done = assess(october.url, "--json", "--at", october.half, period="2026")
    assert json.loads(done.stdout)["whole"]["registered"] == 15


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_position_gives_the_same_bytes(october, form, tmp_path):
    time.sleep(2.1 if form == "xlsx" else 0)  # archives know time by two seconds
    for (made, level), before in october.files.items():
        if made == form:
            assert file(october.url, form, level, october.half, tmp_path / "again") == before
    now = told(october.url)["at"]
    assert now != october.half
    assert file(october.url, form, "station", now, tmp_path / "now") != october.files[form, "station"]


def test_the_position_names_entries_by_their_hashes(october):
    found = told(october.url, "--at", october.half)
    assert found["at"] == october.half
    assert told(october.url, "--at", october.half.partition("/")[0]) == found  # the check may be left out
    assert len(found["ledger"]) == 12
    for head in found["ledger"]:
        log = october.month.ledger.ledger[head["partition"]][: head["seq"]]
        of_entry = rows(
            october.url,
            "SELECT encode(hash, 'hex') FROM filings WHERE partition = %s AND seq = %s "
            "UNION ALL SELECT encode(hash, 'hex') FROM decisions WHERE partition = %s AND seq = %s",
            *((head["partition"], head["seq"] - 1) * 2),
        )
        assert head["hash"] == (of_entry[0][0] if log else "00" * 32)


def test_a_workbook_opens_with_headings_formats_and_its_ground(october):
    content = october.files["xlsx", "province"]
    book = load_workbook(io.BytesIO(content))
    sheet, ground = book.worksheets
    heads = {str(cell.value).partition("\n")[2]: cell.column for cell in sheet[1]}
    assert sheet.freeze_panes == "D2"
    assert "编号完整率\nnumber complete %" in {cell.value for cell in sheet[1]}
    zhejiang = next(row for row in sheet.iter_rows(min_row=2) if row[0].value == "330000")
    gross = zhejiang[heads["gross %"] - 1]
    assert (gross.value, gross.number_format) == (0.6667, "0.00%")
    assert zhejiang[heads["registered"] - 1].value == 11
    assert zhejiang[1].value == "浙江"
    assert all(sheet.column_dimensions[cell.column_letter].width >= 8 for cell in sheet[1])
    assert sheet.max_row == 4
    assert october.half in {cell.value for row in ground.iter_rows() for cell in row}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_csv_has_a_row_for_each_place_and_names_for_programs(october):
    text = october.files["csv", "prefecture"].decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["prefecture"] for row in table] == ["310000", "330100", "330200", ""]
    assert table[1]["gross_percent"] == "25.00"
    assert table[1]["contested_opened"] == "0"
    assert {row["position"] for row in table} == {october.half}
    done = assess(october.url, "--format", "csv", "--language", "zh")
    assert done.stdout_bytes.decode("utf-8-sig").startswith("省份代码,省份,登记数")


def test_a_position_that_is_not_there_is_said_so(october):
    present = told(october.url)["at"]
    heads = present.partition("/")[0]
    beyond = assess(october.url, "--at", heads.replace("11:2", "11:7"))
    assert beyond.exit_code == 1
    assert "partition 11: asked 7, reached 2" in beyond.stderr
    assert heads in beyond.stderr
    altered = assess(october.url, "--at", f"{heads}/{'0' * 16}")
    assert altered.exit_code == 1
    assert "other entries" in altered.stderr
    partial = assess(october.url, "--at", "0:1")
    assert partial.exit_code == 2
    assert "partition 1" in partial.stderr
    unknown = assess(october.url, "--at", f"{heads},12:1")
    assert unknown.exit_code == 1
    assert assess(october.url, "--at", "yesterday").exit_code == 2
    assert assess(october.url, period="2026-13").exit_code == 2


def test_a_database_without_projection_and_none_at_all(database):
    bare = assess(database)
    assert (bare.exit_code, "no projection" in bare.stderr) == (5, True)
    migrate(database, "natalog")
    empty = assess(database)
    assert (empty.exit_code, "empty" in empty.stderr) == (1, True)
    assert assess("postgresql://nobody@127.0.0.1:1/none").exit_code == 5
    wrong = assess("postgresql//nobody:secret@127.0.0.1:1/none")
    assert (wrong.exit_code, "no URL" in wrong.stderr, "secret" in wrong.stderr) == (2, True, False)


def test_tables_exchanged_while_it_asks_change_no_answer(database, monkeypatch):
    """A rebuild fills other tables after the snapshot was taken, and puts them in the place of those in use: between
    two statements the names get another meaning, and the snapshot sees none of the new rows."""
    month = October()
    month.first_half()
    month.write(database)
    before = told(database)
    assert before["whole"]["registered"] == 14
    asked = query.facts

    def exchanged_first(connection, period, position):
        monkeypatch.setattr(query, "facts", asked)
        reader = FromMemory(month.ledger, 1)
        migrate(database, NEXT)
        run_to_the_end(projector_on(database, reader, NEXT), reader)
        with connect(database, "public") as beside:
            beside.execute(_rename(LIVE, OLD))
            beside.execute(_rename(NEXT, LIVE))
        return asked(connection, period, position)

    monkeypatch.setattr(query, "facts", exchanged_first)
    assert told(database) == before
    assert query.facts is asked


def test_a_province_assesses_itself_alone(october):
    name = october.url.rpartition("/")[2]
    with psycopg.connect(october.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE z{name} LOGIN PASSWORD 'z' IN ROLE natalog_province_33")
    url = f"postgresql://z{name}:z@{october.url.partition('@')[2]}"
    found = told(url, "--at", october.half.partition("/")[0])
    assert [row["province"] for row in found["rows"]] == ["330000"]
    assert figures(found["rows"][0]) == expected({**PROVINCES["330000"], "rank": 1})
    assert found["ledger"][7]["hash"] is None  # an entry of Shanghai
    assert found["at"] == october.half.partition("/")[0]
