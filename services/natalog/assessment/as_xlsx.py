"""The assessment as a workbook, the same bytes for the same report.

openpyxl writes the time of saving into the document and the archive; both are put right afterwards.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from natalog.assessment.columns import COLUMNS, Column, Kind, Value
from natalog.assessment.report import HEADINGS, Language, Report, Row, code_values, codes, heading, written

_MOMENT: Final = datetime(2000, 1, 1)  # noqa: DTZ001 openpyxl wants it naive; it means UTC
_ZIP_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_FORMATS: Final = {
    Kind.COUNT: "#,##0",
    Kind.PERCENT: "0.00%",
    Kind.SECONDS: "#,##0.000",
    Kind.HOURS: "#,##0.00",
}
_HEAD: Final = PatternFill("solid", fgColor="FF1F3864")
_LINE: Final = Border(top=Side(style="thin"))
_PAGES_WIDE: Final = 4  # of A3: some fifteen columns each, in letters of some 8 points
_CODE: Final = 12  # characters of a unit's code
_FIGURE: Final = 8
_WIDE: Final = 0x2E80  # characters from here on take two places
_FOLDED: Final = 14  # characters of a heading's line, unless a word of it is longer


def as_xlsx(report: Report, language: Language = Language.BOTH) -> bytes:
    """The file: a sheet of figures, and one that says what they rest on."""
    book = Workbook(write_only=True)
    book.properties.creator = "Natalog"
    book.properties.created = _MOMENT
    _figures(book, report, language)
    _ground(book, report)
    written_out = io.BytesIO()
    book.save(written_out)
    return _timeless(written_out.getvalue())


def _figures(book: Any, report: Report, language: Language) -> None:
    sheet = book.create_sheet("考核 Assessment")
    keys = codes(report.level)
    _printed(sheet, Worksheet.PAPERSIZE_A3, _PAGES_WIDE)
    sheet.print_title_rows = "1:1"
    sheet.print_title_cols = f"A:{get_column_letter(len(keys))}"
    headings = [
        *(heading(key, *HEADINGS[key], language) for key in keys),
        heading("rank", *HEADINGS["rank"], language),
        *(heading(column.key, column.en, column.zh, language) for column in COLUMNS),
        heading("rules", *HEADINGS["rules"], language),
    ]
    # Who is meant and the rank stay in sight, whichever way one scrolls.
    sheet.freeze_panes = f"{get_column_letter(len(keys) + 2)}2"
    for place, text in enumerate(headings, 1):
        least = _CODE if place <= len(keys) else _FIGURE
        sheet.column_dimensions[get_column_letter(place)].width = _width(text, least)
    sheet.row_dimensions[1].height = 75
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(headings))}{len(report.rows) + 1}"
    sheet.append([_head(sheet, text) for text in headings])
    for row in report.rows:
        sheet.append(_cells(sheet, report, row))
    last = _cells(sheet, report, report.whole)
    for cell in last:
        cell.font = Font(bold=True)
        cell.border = _LINE
    sheet.append(last)


def _printed(sheet: Any, paper: str, wide: int) -> None:
    """Landscape, so many pages wide and as long as the rows need. To be called before the first row is written."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = paper
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth = wide
    sheet.page_setup.fitToHeight = 0
    sheet.page_margins = PageMargins(left=0.4, right=0.4, top=0.5, bottom=0.5, header=0.3, footer=0.3)


def _cells(sheet: Any, report: Report, row: Row) -> list[Any]:
    place = [_text(sheet, value) for value in code_values(row, report.level, row is report.whole)]
    rank = WriteOnlyCell(sheet, row.rank)
    figures = [_figure(sheet, column, value) for column, value in zip(COLUMNS, row.figures, strict=True)]
    return [*place, rank, *figures, _text(sheet, " ".join(map(str, row.rules)))]


def _figure(sheet: Any, column: Column, value: Value) -> Any:
    figure = written(column, value)
    if column.kind is Kind.PERCENT and figure is not None:
        figure = rounded_share(figure)
    cell = WriteOnlyCell(sheet, figure)
    cell.number_format = _FORMATS[column.kind]
    return cell


def rounded_share(percent: int | Decimal) -> Decimal:
    """A percent of two places as a share: a spreadsheet's own format makes it a percent again."""
    return Decimal(percent).scaleb(-2)


def _ground(book: Any, report: Report) -> None:
    sheet = book.create_sheet("依据 Basis")
    _printed(sheet, Worksheet.PAPERSIZE_A4, 1)
    sheet.column_dimensions["A"].width = 30
    sheet.column_dimensions["B"].width = 16
    sheet.column_dimensions["C"].width = 70
    sheet.append([_head(sheet, "项目 item"), _head(sheet, "值 value"), _head(sheet, "SHA-256")])
    sheet.append([_text(sheet, "考核期 period"), _text(sheet, report.period.text)])
    sheet.append([_text(sheet, "层级 level"), _text(sheet, report.level.value)])
    sheet.append([_text(sheet, "规则集 rule sets"), _text(sheet, " ".join(map(str, report.whole.rules)))])
    sheet.append([_text(sheet, "台账位置 ledger position"), None, _text(sheet, report.position.text)])
    for head in report.position.heads:
        digest = "hidden" if head.hash is None else head.hash.hex()
        sheet.append([_text(sheet, f"分区 partition {head.partition}"), head.seq, _text(sheet, digest)])


def _head(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    cell.font = Font(bold=True, color="FFFFFFFF")
    cell.fill = _HEAD
    cell.alignment = Alignment(wrap_text=True, horizontal="center", vertical="center")
    return cell


def _text(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    # A unit's code comes from outside: never a formula, never a number.
    cell.data_type = "s"
    cell.number_format = "@"
    return cell


def _width(text: str, least: int) -> float:
    """In characters; a Chinese one is as wide as two, and may end a line. Capitals in bold are wider."""
    lines = [sum(1 if ord(c) < _WIDE else 2 for c in line) for line in text.split("\n")]
    words = [1.25 * len(word) for word in text.split() if ord(word[0]) < _WIDE]
    return max(least, min(max(lines), _FOLDED), *words) + 2


def _timeless(archive: bytes) -> bytes:
    """The archive with fixed times in place of those of saving."""
    out = io.BytesIO()
    moment = f"{_MOMENT.isoformat()}Z".encode()
    with zipfile.ZipFile(io.BytesIO(archive)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", moment, content)
            info = zipfile.ZipInfo(name, _ZIP_MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            after.writestr(info, content)
    return out.getvalue()
