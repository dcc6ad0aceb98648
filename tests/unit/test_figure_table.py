"""Tables of official figures: what is written in any accepted form is read as what it means."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.official import SERIES, Of, Prices, State
from service.api import delimited, figure_table, figure_template, workbook
from service.api.contradiction_words import STATES_ZH
from service.api.figure_columns import COLUMNS, field_of, spelt
from service.api.official_amounts import price_errors, value_errors
from service.api.official_rows import FigureIn
from service.api.tables import Cell, Line
from service.problems import Problem
from tests.registry import COUNTY, uscc

COUNTIES = {spelt(name): COUNTY for name in (COUNTY, "天祝县", "Tianzhu")}
HEADER = ["县区", "指标", "时期", "数值", "数据状态", "来源"]
GOOD = [COUNTY, "intensity_reduction", "2026Q3", "2.6", "初步核算", "test"]


def lines(*rows: Sequence[str]) -> list[Line]:
    return [Line(number, [Cell(text) for text in row]) for number, row in enumerate(rows, 1)]


def csv_lines(body: bytes, most: int) -> list[Line]:
    return delimited.read(body, most, figure_table.is_header)


def one(header: Sequence[str], row: Sequence[str]) -> FigureIn:
    table = figure_table.read(lines(header, row), COUNTIES)
    assert table.errors == []
    [(number, figure)] = table.figures
    assert number == 2
    return figure


def test_a_table_in_chinese() -> None:
    figure = one(
        ["指标名称", "数值", "计量单位", "时期", "县区", "价格基准", "数据状态", "文号"],
        [
            "地区生产总值",
            "612.3",
            "亿元",
            "2025年",
            "天祝县",
            "2020年不变价",
            "最终核实",
            "统字1号",
        ],
    )
    assert figure == FigureIn(
        county=COUNTY, series="gdp", period="2025-01..2025-12", value="612.3", unit="亿元",
        price_base="2020", state=State.VERIFIED, source="统字1号",
    )  # fmt: skip


def test_a_table_in_english_of_an_enterprise() -> None:
    figure = one(
        ["enterprise", "Series", "product", "period", "value", "state", "source", "revision"],
        [uscc(1).lower(), "output of a product", "Ferrosilicon", "2026-09", "1,200", "flash", "x",
         "7"],
    )  # fmt: skip
    assert (figure.enterprise, figure.product, str(figure.value)) == (
        uscc(1), "ferrosilicon", "1200",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("县区", "甘州区", "unknown_county"),
        ("县区", "", "empty"),
        ("指标", "GPD", "unknown_series"),
        ("时期", "三季度", "bad_period"),
        ("数值", "1,23", "not_a_number"),
        ("数值", "—", "no_value"),
        ("数值", "1.2E+05", "rounded_by_spreadsheet"),
        ("数值", "0.12345678", "invalid"),
        ("数据状态", "终稿", "bad_state"),
        ("来源", "", "empty"),
        ("来源", "x" * 301, "too_long"),
        ("来源", "a\x07b", "invalid"),
    ],
)
def test_a_wrong_cell_is_named_with_row_column_and_value(column: str, text: str, code: str) -> None:
    row = [text if name == column else good for name, good in zip(HEADER, GOOD, strict=True)]
    rows = lines(HEADER, GOOD, row)
    if column == "县区" and not text:  # a figure of nobody is refused with its rules, not here
        assert figure_table.read(rows, COUNTIES).figures[1][1].county is None
        return
    [error] = figure_table.read(rows, COUNTIES).errors
    assert (error.row, error.column, error.code) == (3, column, code)
    assert error.value == (text[:60] or None)
    assert error.detail
    assert error.detail_zh


def test_all_wrong_cells_are_told_at_once() -> None:
    table = figure_table.read(lines(HEADER, ["x", "y", "z", "", "w", "s"], GOOD), COUNTIES)
    assert [error.column for error in table.errors] == HEADER[:5]
    assert len(table.figures) == 1


def test_titles_above_and_notes_below() -> None:
    rows = lines(
        ["全市能耗强度"], HEADER, GOOD, ["注：数据为初步核算数。"], ["", "", "", "", "", "", "x"]
    )
    table = figure_table.read(rows, COUNTIES)
    assert [(error.row, error.code) for error in table.errors] == [
        (4, "not_a_figure"), (5, "no_header_above"), *[(5, "empty")] * 5,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        pytest.param([], "no_header", id="nothing"),
        pytest.param([["a", "b"]], "no_header", id="no header"),
        pytest.param([HEADER[1:], GOOD[1:]], "no_header", id="of nobody"),
        pytest.param([[*HEADER, "备注"], GOOD], "bad_header", id="an unknown column"),
        pytest.param([[*HEADER, "value"], GOOD], "bad_header", id="a column twice"),
        pytest.param([HEADER], "no_rows", id="no rows"),
    ],
)
def test_a_table_without_a_usable_header(rows: list[list[str]], code: str) -> None:
    with pytest.raises(Problem) as raised:
        figure_table.read(lines(*rows), COUNTIES)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [("2.5%", "", "%"), ("2.5％", "％", "%"), ("2.5", "", None), ("2.5%", "tce", "unknown_unit")],
)
def test_a_percent_sign_is_a_unit(value: str, unit: str, expected: str | None) -> None:
    row = [*GOOD, unit]
    row[3] = value
    table = figure_table.read(lines([*HEADER, "计量单位"], row), COUNTIES)
    if table.errors:
        assert [error.code for error in table.errors] == [expected]
    else:
        assert table.figures[0][1].unit == expected


def test_the_template_has_every_column_and_reads_back() -> None:
    assert [field_of(column.header) for column in COLUMNS] == [c.field for c in COLUMNS]
    for body, reader in (
        (figure_template.as_csv(), csv_lines),
        (figure_template.as_workbook([(COUNTY, "天祝县", "Tianzhu")]), workbook.read),
    ):
        [line] = reader(body, 9)
        assert [field_of(cell.text) for cell in line.cells] == [c.field for c in COLUMNS]


# --- any table

PERIODS = st.sampled_from(["2025-01..2025-12", "2026-01..2026-09", "2026-08..2026-08"])
SOURCES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"],
                  exclude_characters="\ufffe\uffff"), min_size=1, max_size=30,
)  # fmt: skip


@st.composite
def figures(draw: st.DrawFn) -> dict[str, Any]:
    series = draw(st.sampled_from(list(SERIES.values())))
    of_county = Of.COUNTY in series.of and draw(
        st.booleans() if len(series.of) > 1 else st.just(True)
    )
    low = "-99" if series.signed else "0"
    return {
        "county": COUNTY if of_county else None,
        "enterprise": None if of_county else uscc(draw(st.integers(1, 9))),
        "series": series.code,
        "product": "ferrosilicon" if series.by_product else None,
        "period": draw(PERIODS),
        "value": draw(st.decimals(low, "99" if series.unit == "%" else "9e9", places=2)),
        "unit": None,
        "price_base": {
            Prices.LEVEL: draw(st.sampled_from(["current", "2020"])), Prices.RATE: "constant",
        }.get(series.prices),
        "state": draw(st.sampled_from(State)),
        "source": draw(SOURCES),
    }  # fmt: skip


def shown(figure: dict[str, Any], chinese: bool) -> dict[str, str]:
    row = {name: "" if value is None else str(value) for name, value in figure.items()}
    if chinese:
        row["series"] = SERIES[figure["series"]].zh
        row["state"] = STATES_ZH[figure["state"]]
        row["value"] = f"{figure['value']:,}"
        row["county"] = "天祝县" if figure["county"] else ""
        row["price_base"] = {
            "current": "现价",
            "2020": "2020年不变价",
            "constant": "可比价",
            "": "",
        }[row["price_base"]]
    return row


@settings(max_examples=60)
@given(
    st.lists(figures(), min_size=1, max_size=12),
    st.permutations(COLUMNS[:10]),
    st.booleans(),
    st.sampled_from([",", "\t", ";"]),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
    st.booleans(),
)
def test_any_table_comes_back_from_csv_and_xlsx(
    wanted: list[dict[str, Any]],
    columns: Sequence[Any],
    chinese: bool,
    separator: str,
    encoding: str,
    blank_row: bool,
) -> None:
    header = [column.zh if chinese else column.en for column in columns]
    rows = [[shown(figure, chinese)[c.field] for c in columns] for figure in wanted]
    every = [header, *([[""] * len(header)] if blank_row else []), *rows]
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(every)
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for place, row in enumerate(every):
            for at, text in enumerate(row):
                if every[0][at] in ("数值", "value") and place and text and not chinese:
                    page.write_number(place, at, float(text))
                else:
                    page.write_string(place, at, text)
    first = 2 + blank_row
    expected = [(place, FigureIn.model_validate(f)) for place, f in enumerate(wanted, first)]
    for found in (
        figure_table.read(csv_lines(out.getvalue().encode(encoding), 99), COUNTIES),
        figure_table.read(workbook.read(packed.getvalue(), 99), COUNTIES),
    ):
        assert found.errors == []
        assert found.figures == expected
    for number, figure in expected:
        assert [*price_errors(number, figure, SERIES[figure.series])] == []
        assert [*value_errors(number, figure, SERIES[figure.series], figure.value)] == []
