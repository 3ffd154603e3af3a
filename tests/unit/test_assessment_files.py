"""What others write into a unit code must neither break a file nor run in a spreadsheet; nothing is a file too."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

import pytest
from openpyxl import load_workbook

from natalog.assessment.as_csv import as_csv
from natalog.assessment.as_json import as_json
from natalog.assessment.as_table import as_table
from natalog.assessment.as_xlsx import as_xlsx
from natalog.assessment.facts import Facts, Level, Place
from natalog.assessment.period import Period
from natalog.assessment.position import GENESIS, Head, Position
from natalog.assessment.report import Language, Report, report
from natalog.decision.codes import REASONS

UNITS = [
    "=1+1",
    "@SUM(A1)",
    "＋1",
    "[bold]x[/bold]",
    "a\x01\x0bb\nc",
    '一,二"三',
    ":smile:",
    "x" * 300,
    "330106520000",
]


def made(units: list[str]) -> Report:
    facts = {
        Place("", "", unit): Facts(counts=Counter(registered=1, filed=1, timed=1), delays=[5])
        for unit in units
    }
    position = Position((Head(0, 0, GENESIS),))
    return report(facts, Period.parse("2026-10"), Level.STATION, position)


@pytest.fixture(scope="module")
def hostile() -> Report:
    return made(UNITS)


def codes(found: list[str]) -> bool:
    assert len(found) == len(UNITS)
    assert not [
        code for code in found if code.startswith(("=", "+", "-", "@", "＋")) or not code.isprintable()
    ]
    assert {"330106520000", "'=1+1", "[bold]x[/bold]", "a��b�c", '一,二"三', "x" * 40} <= set(found)
    return True


def test_csv(hostile):
    table = list(csv.DictReader(io.StringIO(as_csv(hostile).decode(), newline="")))
    assert codes([row["unit"] for row in table[:-1]])


def test_workbook(hostile):
    sheet = load_workbook(io.BytesIO(as_xlsx(hostile))).worksheets[0]
    cells = [row[3] for row in sheet.iter_rows(min_row=2, max_row=len(UNITS) + 1)]
    assert codes([str(cell.value) for cell in cells])
    assert {cell.data_type for cell in cells} == {"s"}


def test_each_printed_page_says_who_is_meant(hostile):
    figures, ground = load_workbook(io.BytesIO(as_xlsx(hostile))).worksheets
    assert (figures.print_title_rows, figures.print_title_cols) == ("$1:$1", "$A:$D")
    for sheet, paper, wide in ((figures, "8", 4), (ground, "9", 1)):
        page = sheet.page_setup
        assert (page.orientation, str(page.paperSize)) == ("landscape", paper)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (page.fitToWidth, page.fitToHeight) == (wide, 0)


def test_json(hostile):
    assert codes([row["unit"] for row in json.loads(as_json(hostile))["rows"]])


def test_table(hostile):
    text = as_table(hostile).decode()
    for code in ("'=1+1", "[bold]x[/bold]", "a��b�c", ":smile:", "330106520000"):
        assert text.count(code) == 5  # a block each


@pytest.mark.parametrize("language", list(Language))
def test_a_table_is_as_wide_as_its_figures(language):
    """Also where no count is left out: nothing is cut off or folded."""
    counts = Counter({f"refused {reason.code}": 12_345_678 for reason in REASONS[1:]})
    facts = {Place("330000", "330100", "330106520000"): Facts(counts)}
    text = as_table(report(facts, Period.parse("2026"), Level.STATION, Position(())), language).decode()
    assert "…" not in text
    block = text.partition("Checks")[2].partition("Doubtful")[0]
    (row,) = [line for line in block.splitlines() if "330106520000" in line]
    assert row.count("12345678") == len(REASONS) - 1
    last = REASONS[-2]
    whole = {
        Language.KEYS: f"refused_{last.code.lower()}",
        Language.EN: f"refused: {last.code}",
        Language.ZH: f"拒绝:{last.zh}",
        Language.BOTH: f"refused: {last.code}",
    }
    assert whole[language] in block


def test_who_is_nowhere_has_no_rank(hostile):
    assert {row.rank for row in hostile.rows} == {None}


@pytest.mark.parametrize("language", list(Language))
def test_a_period_of_nothing_is_a_file_with_the_whole_alone(language):
    nothing = made([])
    assert len(as_csv(nothing, language).splitlines()) == 2
    assert load_workbook(io.BytesIO(as_xlsx(nothing, language))).worksheets[0].max_row == 2
    assert json.loads(as_json(nothing))["whole"]["gross_percent"] is None
    assert "rule sets none" in as_table(nothing, language).decode()
