"""The table that official figures are entered by: empty, with what may be written in it."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter

from schemas.official import SERIES, Of, Prices, Series
from schemas.official_units import UNITS
from schemas.quantities import CATALOGUE, Group
from service.api.contradiction_words import STATES_ZH
from service.api.figure_columns import COLUMNS

PRICES = {
    Prices.NONE: "",
    Prices.LEVEL: "现价 current / 2015 / 2020 / 2025",
    Prices.RATE: "不变价 constant",
    Prices.IMPLIED: "不变价 constant（可留空 may be empty）",
}
OF = {Of.COUNTY: "县区 county", Of.ENTERPRISE: "企业 enterprise"}
EXAMPLE = (
    "620623", "", "intensity_reduction", "", "2026年1-9月", "2.6", "%", "", "初步核算",
    "文件名称与文号 document and number", "", "",
)  # fmt: skip
NOTES = (
    "示例行，勿录入 / an example, not to be entered:",
    "一行一个数据；时期可写 2026-01..2026-09、2026年1-9月、2026Q3（累计）、2026-09（当月）、2026。",
    "One figure a row; a period is 2026-01..2026-09, 2026Q3 (from January on), 2026-09 or 2026.",
    "与官方其他数据不符而仍须录入的，在“确认”列填“是”并写明原因。",
    "What contradicts other official figures is entered with yes in confirm, and a reason.",
)
TEXT_COLUMNS = ("county", "enterprise", "period", "price_base")  # or a spreadsheet changes them


def as_csv() -> bytes:
    """Return the template as CSV: its header."""
    out = io.StringIO()
    csv.writer(out).writerow(column.header for column in COLUMNS)
    return b"\xef\xbb\xbf" + out.getvalue().encode()  # a mark that spreadsheets look for


def as_workbook(counties: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the template as a workbook; counties are code and names in both languages."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        _figures(book)
        _sheet(
            book,
            "指标 series",
            (
                "指标 / series",
                "名称",
                "name",
                "计量单位 / unit",
                "可填单位 / units",
                "主体 / of",
                "价格基准 / price_base",
            ),
            map(_series, SERIES.values()),
        )
        _sheet(book, "县区 counties", ("县区 / county", "名称", "name"), counties)
        _sheet(
            book,
            "产品 products",
            ("产品 / product", "名称", "name", "计量单位 / unit"),
            ((q.code, q.zh, q.en, q.unit) for q in CATALOGUE.values() if q.group is Group.PRODUCT),
        )
        _sheet(
            book,
            "说明 notes",
            tuple(column.header for column in COLUMNS),
            ((NOTES[0],), EXAMPLE, *((note,) for note in NOTES[1:])),
        )
    return out.getvalue()  # fmt: skip


def _figures(book: Any) -> None:
    sheet = book.add_worksheet("数据 figures")
    as_text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True})
    for place, column in enumerate(COLUMNS):
        sheet.set_column(place, place, 22, as_text if column.field in TEXT_COLUMNS else None)
        sheet.write(0, place, column.header, bold)
    fields = [column.field for column in COLUMNS]
    choices = {
        "series": f"='指标 series'!$A$2:$A${len(SERIES) + 1}",
        "state": list(STATES_ZH.values()),
    }
    for name, source in choices.items():
        place = fields.index(name)
        rule = {"validate": "list", "source": source, "error_type": "warning"}
        sheet.data_validation(1, place, 10_000, place, rule)
    sheet.freeze_panes(1, 0)


def _sheet(book: Any, name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    sheet = book.add_worksheet(name)
    for row, cells in enumerate((header, *rows)):
        for place, text in enumerate(cells):
            sheet.write_string(row, place, text)
    sheet.set_column(0, len(header) - 1, 24)


def _series(series: Series) -> tuple[str, ...]:
    units = "、".join(UNITS.get(series.unit, {})) or "见产品 see products"
    of = "、".join(OF[whom] for whom in series.of)
    return series.code, series.zh, series.en, series.unit, units, of, PRICES[series.prices]
