"""Tables as files: what a spreadsheet shows is what is read; hostile files are refused, bounded."""

import csv
import io
import random
import tracemalloc
import zipfile
from datetime import date

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from service.api import delimited, workbook, workbook_parts
from service.api.tables import Cell, Trouble
from service.problems import Problem
from tests.workbooks import packed, sheet

MIB = 1 << 20
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
).filter(lambda text: not text.startswith("="))


def by_openpyxl(rows: list[list[object]], formats: dict[str, str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    for place, code in (formats or {}).items():
        page[place].number_format = code
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def texts(body: bytes) -> list[list[str]]:
    return [[cell.text for cell in line.cells] for line in workbook.read(body, 10_000)]


def status_of(body: bytes) -> int:
    try:
        workbook.read(body, 99)
    except Problem as problem:
        return problem.status
    return 200


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (2.5, "General", "2.5"),
        (0.1 + 0.2, "General", "0.3"),
        (123456789012, "General", "123456789012"),
        (1e15, "0", "1000000000000000"),
        (0.0252, "0.00%", "2.52%"),
        (-0.025, "0.0%", "-2.5%"),
        (date(2026, 9, 1), "mmm-yy", "2026-09-01"),
        (date(2026, 9, 1), 'yyyy"年"m"月"', "2026-09-01"),
        (2026, '0"年"', "2026"),
        (12.5, '0.0_);[Red](0.0)', "12.5"),
        (True, "General", "TRUE"),
        ("620623", "@", "620623"),
        ("=1+1", "General", ""),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_it_shows(value: object, code: str, shown: str) -> None:
    [line] = workbook.read(by_openpyxl([[value, "end"]], {"A1": code}), 9)
    assert line.cells[0].text == shown
    without_result = value == "=1+1"
    assert (line.cells[0].trouble is Trouble.NO_RESULT) is without_result


def test_stored_results_of_formulas_are_taken() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        page = book.add_worksheet()
        page.write_formula("A1", "=1+1", value=2)
        page.write_formula("B1", '="a"&"b"', value="ab")
        page.write_formula("C1", "=1/0", value="#DIV/0!")
        page.write_rich_string("D1", "2026", book.add_format({"bold": True}), "年")
    [line] = workbook.read(out.getvalue(), 9)
    assert line.cells == [
        Cell("2"), Cell("ab"), Cell("#DIV/0!", Trouble.ERROR), Cell("2026年"),
    ]  # fmt: skip


def test_rows_keep_their_numbers_and_the_first_sheet_that_shows_counts() -> None:
    book = openpyxl.Workbook()
    hidden = book.active
    assert hidden is not None
    hidden["A1"] = "hidden"
    hidden.sheet_state = "hidden"
    page = book.create_sheet("shown")
    page["A3"], page["C7"] = "title", "x"
    out = io.BytesIO()
    book.save(out)
    lines = workbook.read(out.getvalue(), 9)
    assert [(line.number, [cell.text for cell in line.cells]) for line in lines] == [
        (3, ["title"]),
        (7, ["", "", "x"]),
    ]


def test_readings_of_characters_are_no_text() -> None:
    strings = '<c t="inlineStr"><is><t>武威</t><rPh sb="0" eb="2"><t>wuwei</t></rPh></is></c>'
    assert texts(packed(sheet(f"<row>{strings}</row>"))) == [["武威"]]


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=6), min_size=1, max_size=8))
def test_texts_come_back_from_both_writers(rows: list[list[str]]) -> None:
    expected = [row for row in (_trimmed(row) for row in rows) if row]
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for place, row in enumerate(rows):
            for at, value in enumerate(row):
                page.write_string(place, at, value)
    assert texts(out.getvalue()) == expected


def _trimmed(row: list[str]) -> list[str]:
    cells = [cell if cell.strip() else "" for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


HOSTILE = {
    "a cell in the far corner": (
        sheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="XFD2"><v>1</v></c></row>'),
        "too_many_columns",
    ),
    "a million columns": (sheet("<row>" + "<c/>" * 1_000_000 + "</row>"), "too_large"),
    "a thousand columns": (sheet("<row>" + "<c><v>1</v></c>" * 999 + "</row>"), "too_many_columns"),
    "a million rows": (sheet("<row><c><v>1</v></c></row>" * 200_000), "too_many_rows"),
    "a million empty rows": (sheet("<row/>" * 1_048_576), "too_large"),
    "entities that expand": (
        sheet("<row><c><v>&b;</v></c></row>",
              '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'),
        "not_a_workbook",
    ),
    "an outer entity": (
        sheet("<row/>", '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        "not_a_workbook",
    ),
    "elements in elements": (sheet("<row>" * 1_000), "too_large"),
    "a tag without an end": (sheet(f'<row x="{"a" * (9 * MIB)}"/>'), "too_large"),
    "a comment without an end": (sheet(f"<!--{'a' * (9 * MIB)}-->"), "too_large"),
    "no XML": ("PK", "not_a_workbook"),
    "an unknown encoding": (sheet("<row/>", '<?xml version="1.0" encoding="x-y"?>'),
                            "not_a_workbook"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_workbook_is_refused_within_bounds(kind: str) -> None:
    content, code = HOSTILE[kind]
    body = packed(content)
    tracemalloc.start()
    try:
        with pytest.raises(Problem) as raised:
            workbook.read(body, 10_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (raised.value.code, raised.value.status) == (code, 422)
    assert peak < 24 * MIB


def test_a_bomb_is_unpacked_to_its_bound_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_parts, "MOST_UNPACKED", MIB)
    with pytest.raises(Problem) as raised:
        workbook.read(packed(sheet(" " * (2 * MIB))), 10)
    assert raised.value.code == "too_large"


def test_an_archive_of_too_many_parts_is_refused() -> None:
    body = packed(sheet(""), **{f"x{n}": b"" for n in range(1_000)})
    with pytest.raises(Problem) as raised:
        workbook.read(body, 10)
    assert raised.value.code == "too_large"


def test_macros_are_refused() -> None:
    with pytest.raises(Problem) as raised:
        workbook.read(
            packed(sheet(""), xl__vbaProject__bin=b"x", **{"xl__vbaProject.bin": b"x"}), 9
        )
    assert raised.value.code == "macros"


def test_other_compressions_are_refused() -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(packed(sheet("")))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(Problem) as raised:
        workbook.read(out.getvalue(), 9)
    assert raised.value.code == "not_a_workbook"


@pytest.mark.parametrize("number", ["NaN", "INF", "1e999", "0x10", "1 2", "٣٤x"])
def test_what_is_no_number_is_an_error_of_its_cell(number: str) -> None:
    [line] = workbook.read(packed(sheet(f"<row><c><v>{number}</v></c></row>")), 9)
    assert line.cells == [Cell(number, Trouble.ERROR)]


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_workbook_is_a_problem_or_read(seed: int) -> None:
    chance = random.Random(seed)
    rows: list[list[object]] = [["县区", 1.5, date(2026, 1, 1)], ["x", "=A1", True]]
    body = bytearray(by_openpyxl(rows))
    for _ in range(chance.randint(1, 30)):
        match chance.randrange(3):
            case 0:
                body[chance.randrange(len(body))] = chance.randrange(256)
            case 1:
                del body[chance.randrange(len(body)) :][: chance.randint(1, 9)]
            case _:
                body.insert(chance.randrange(len(body)), chance.randrange(256))
    assert status_of(bytes(body)) in (200, 422)


@pytest.mark.parametrize("seed", range(60))
def test_damaged_xml_is_a_problem_or_read(seed: int) -> None:
    chance = random.Random(seed)
    cells = '<row r="1"><c r="A1" t="s" s="1"><f>x</f><v>0</v></c><c t="e"><v>#N/A</v></c></row>'
    content = bytearray(sheet(cells).encode())
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    assert status_of(packed(bytes(content))) in (200, 422)


# --- delimited text

ROWS = [["县区", "数值"], ["凉州区", "1,234.5"], ["", ""], ['"a"\nb', "x;y"]]


def written(separator: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerows(ROWS)
    return out.getvalue()


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_text_in_any_encoding_and_separator(separator: str, encoding: str) -> None:
    lines = delimited.read(written(separator).encode(encoding), 9, lambda row: [*row] == ROWS[0])
    assert [(line.number, [cell.text for cell in line.cells]) for line in lines] == [
        (1, ROWS[0]), (2, ROWS[1]), (4, ROWS[3]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"a,b\0c", "bad_text", id="NUL"),
        pytest.param(b"\xff\xff\xff,1", "bad_encoding", id="no encoding"),
        pytest.param(b"\xff\xfeabc", "bad_encoding", id="half a character"),
        pytest.param(b'a,"b', "bad_csv", id="an open quotation mark"),
        pytest.param(b'"' + b"a" * 200_000 + b'"', "bad_csv", id="a huge cell"),
        pytest.param(b"x\n" * 20, "too_many_rows", id="too long"),
        pytest.param(b"," * 200 + b"x", "too_many_columns", id="too wide"),
    ],
)
def test_hostile_text_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Problem) as raised:
        delimited.read(body, 10, lambda _: False)
    assert raised.value.code == code
