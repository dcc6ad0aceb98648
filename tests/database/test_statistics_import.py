"""Tables of official figures over HTTP: the template filled and entered, all rows or none."""

import csv
import io
import pkgutil
import threading
from typing import Any

import asyncpg
import httpx
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.pages import XLSX
from tests.database.caller import Caller
from tests.registry import COUNTY, Plant, add_plant
from tests.workbooks import packed, sheet

HEADER = "县区,指标,时期,数值,计量单位,价格基准,数据状态,来源,确认,确认原因"
ROWS = (
    f"{COUNTY},能源消费总量增速,2026Q3,2.10%,,,初步核算,统字1号",
    f"{COUNTY},gdp_growth,2026年1-9月,5.50,,可比价,初步核算,统字1号",
    f"{COUNTY},单位GDP能耗降低率,2026-01..2026-09,3.22,%,,初步核算,统字1号",
    f'{COUNTY},规模以上工业综合能源消费量,2026年1-9月,"70.1",万吨标准煤,,快报,205-1',
)


@pytest.fixture
async def plant(owner: asyncpg.Connection) -> Plant:
    return await add_plant(owner, [])


async def send(
    caller: Caller, body: bytes | str, media: str = "text/csv", **parameters: Any
) -> httpx.Response:
    return await caller.client.post(
        "/statistics/import", content=body, headers={"Content-Type": media}, params=parameters
    )


def table(*rows: str, header: str = HEADER) -> str:
    return "\r\n".join((header, *rows)) + "\r\n"


async def test_a_table_is_entered_once(
    caller: Caller, plant: Plant, owner: asyncpg.Connection
) -> None:
    await caller.become("statistics")
    tried = await send(caller, table(*ROWS), dry_run=True)
    assert tried.json() == {
        "rows": 4, "dry_run": True, "entered": 4, "revised": 0, "unchanged": 0, "warnings": [],
        "marked": [],
    }  # fmt: skip
    assert await caller.items("/statistics") == []
    assert (await send(caller, table(*ROWS))).json()["entered"] == 4
    again = (await send(caller, table(*ROWS).encode("gb18030"))).json()
    assert (again["entered"], again["unchanged"]) == (0, 4)
    items = {item["series"]: item for item in await caller.items("/statistics")}
    assert (items["industrial_energy"]["value"], items["industrial_energy"]["unit"]) == (
        "701000", "tce",
    )  # fmt: skip
    assert items["energy_growth"]["value"] == "2.10"
    told = await owner.fetch("SELECT indicator FROM changed_usage WHERE county_code = $1", COUNTY)
    assert "official_intensity" in {row[0] for row in told}
    audit = await owner.fetchval(
        "SELECT detail::text FROM audit_log WHERE action = 'import_statistics' LIMIT 1"
    )
    assert '"entered": 4' in audit
    assert "sha256" in audit


async def test_a_refused_table_says_each_row_and_enters_none(caller: Caller, plant: Plant) -> None:
    await caller.become("statistics")
    body = table(
        ROWS[0],
        "",
        "甘州区,gdp_growth,2026Q3,5.5,,现价,初步核算,x",
        f"{COUNTY},gdp_growth,2026Q3,5.5,,现价,初步核算,x",
        "注：增速按可比价计算",
    )
    answer = await send(caller, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "rows_refused")
    assert [(r["row"], r["column"], r["code"], r["value"]) for r in answer.json()["rows"]] == [
        (4, "县区", "unknown_county", "甘州区"),
        (6, None, "not_a_figure", "注：增速按可比价计算"),
    ]
    second = await send(caller, table(*(ROWS[0], f"{COUNTY},gdp_growth,2026Q3,5.5,,现价,快报,x")))
    assert [(r["row"], r["column"], r["code"]) for r in second.json()["rows"]] == [
        (3, "价格基准", "current_prices"),
        (3, "数据状态", "no_flash"),
    ]
    assert await caller.items("/statistics") == []


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_the_report_comes_as_a_table(caller: Caller, plant: Plant, format_: str) -> None:
    await caller.become("statistics")
    answer = await send(caller, table(f"{COUNTY},x,2026Q3,=1+1,,,y,z"), format=format_)
    assert answer.status_code == 422
    if format_ == "csv":
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    else:
        page = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
        rows = [[str(cell) for cell in row] for row in page.iter_rows(values_only=True)]
    assert rows[0] == ["row", "column", "code", "detail", "detail_zh", "value"]
    assert [(row[0], row[1], row[2]) for row in rows[1:]] == [
        ("2", "指标", "unknown_series"),
        ("2", "数值", "not_a_number"),
        ("2", "数据状态", "bad_state"),
    ]
    assert rows[2][5] == "'=1+1"  # a text, not a formula of the report


async def test_contradictions_within_and_with_what_is_stored(caller: Caller, plant: Plant) -> None:
    await caller.become("statistics")
    rate = f"{COUNTY},intensity_reduction,2026Q3,2.52,,,初步核算,公报"
    [inside] = (await send(caller, table(*ROWS[:2], rate))).json()["rows"]
    assert (inside["row"], inside["column"], inside["code"]) == (4, "数值", "contradiction")
    assert "row 2" in inside["detail"]
    await send(caller, table(*ROWS[:2]))
    [stored] = (await send(caller, table(rate))).json()["rows"]
    assert "stored, revision 1" in stored["detail"]
    confirmed = await send(caller, table(f"{rate},是,公报如此"))
    assert [mark["row"] for mark in confirmed.json()["marked"]] == [2]


async def test_the_template_is_downloaded_filled_and_imported(caller: Caller, plant: Plant) -> None:
    await caller.become("statistics")
    answer = await caller.get("/statistics/template", format="xlsx")
    assert answer.headers["content-type"] == XLSX
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames[0] == "数据 figures"
    page = book.worksheets[0]
    columns = [str(cell.value).rpartition(" / ")[2] for cell in page[1]]
    filled = {
        "county": f"county {COUNTY}", "series": "gdp", "period": "2025", "value": 612.3,
        "unit": "亿元", "price_base": "2020", "state": "最终核实", "source": "年鉴",
    }  # fmt: skip
    of_plant = {
        "enterprise": plant.uscc, "series": "产品产量", "product": "硅铁", "period": "2026-09",
        "value": 1250, "state": "快报", "source": "报表",
    }  # fmt: skip
    for row in (filled, of_plant):
        page.append([row.get(column) for column in columns])
    out = io.BytesIO()
    book.save(out)
    entered = await send(caller, out.getvalue(), XLSX)
    assert entered.json()["entered"] == 2, entered.text
    items = await caller.items("/statistics")
    assert [(item["series"], item["value"], item["enterprise"]) for item in items] == [
        ("gdp", "6123000", None), ("product_output", "1250", plant.uscc),
    ]  # fmt: skip
    header = (await caller.get("/statistics/template", format="csv")).text
    assert [name.rpartition(" / ")[2] for name in header.strip().split(",")] == columns


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_what_is_exported_can_be_imported(caller: Caller, plant: Plant, format_: str) -> None:
    await caller.become("statistics")
    down = f"{COUNTY},electricity_growth,2026Q3,-2.5,,,快报,'=供电公司"
    await send(caller, table(*ROWS, down))
    body = (await caller.get("/statistics", format=format_)).content
    media = XLSX if format_ == "xlsx" else "text/csv"
    again = await send(caller, body, media)
    assert again.status_code == 200, again.text
    assert again.json()["unchanged"] == 5


CELLS = st.text(max_size=12) | st.sampled_from(
    [COUNTY, "gdp", "2026Q3", "1e9999", "-0", "现价", "初步核算", "9" * 30, "1,000%", "\ufeff", '"']
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, max_size=11), max_size=5))
async def test_any_text_is_entered_or_refused(
    rows: list[list[str]], caller: Caller, plant: Plant
) -> None:
    if "authorization" not in caller.client.headers:
        await caller.become("statistics")
    out = io.StringIO()
    csv.writer(out).writerows([HEADER.split(","), *rows])
    answer = await send(caller, out.getvalue().encode("utf-8", "surrogatepass"))
    assert answer.status_code in (200, 422), answer.text


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        pytest.param(b"", "text/csv", 422, "no_rows", id="nothing"),
        pytest.param(b"a,b", "application/json", 415, "bad_media_type", id="JSON"),
        pytest.param(b"--x", "multipart/form-data; boundary=x", 415, "bad_media_type", id="form"),
        pytest.param(b"x" * (9 << 20), "text/csv", 413, "too_large", id="9 MiB"),
        pytest.param(b"\xd0\xcf\x11\xe0" + b"\0" * 99, XLSX, 422, "old_workbook", id="xls"),
        pytest.param(b"PK\x03\x04rubbish", XLSX, 422, "not_a_workbook", id="no archive"),
        pytest.param(packed(sheet("<row>" + "<c/>" * 600_000 + "</row>")), XLSX, 422, "too_large",
                     id="half a million cells"),
        pytest.param(b"\n" * 1_000_000 + b"x", "text/csv", 422, "no_header", id="a million rows"),
    ],
)  # fmt: skip
async def test_hostile_files_are_refused(
    caller: Caller, plant: Plant, body: bytes, media: str, status: int, code: str
) -> None:
    await caller.become("statistics")
    answer = await send(caller, body, media)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail_zh"]


async def test_a_packed_body_is_refused(caller: Caller, plant: Plant) -> None:
    await caller.become("statistics")
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    answer = await caller.client.post("/statistics/import", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "bad_media_type")


@pytest.mark.parametrize(
    "named", ["figure_table.read", "official_entry._checked", "official_entry.judged"]
)
async def test_a_table_never_holds_the_event_loop(
    caller: Caller, plant: Plant, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Reading, checking and judging run beside the loop, in a thread."""
    module, _, name = named.partition(".")
    path = f"service.api.{module}.{name}"
    within: list[threading.Thread] = []
    real = pkgutil.resolve_name(f"service.api.{module}:{name}")

    def noted(*arguments: Any) -> Any:
        within.append(threading.current_thread())
        return real(*arguments)

    monkeypatch.setattr(path, noted)
    await caller.become("statistics")
    assert (await send(caller, table(*ROWS))).status_code == 200
    assert within
    assert threading.main_thread() not in within
