"""Official figures over the API: whose they are, revisions, what was known when, contradictions."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.access import ROLES
from service.store import statistics
from service.store.engine import Engine
from tests.database.caller import Caller
from tests.database.world import NOW, World
from tests.registry import COUNTY, Plant, add_plant

OTHER = "620602"
PERIOD, BEFORE = "2025-01..2025-12", "2024-01..2024-12"


@pytest.fixture
async def plants(owner: asyncpg.Connection) -> list[Plant]:
    return [
        await add_plant(owner, [], number=1),
        await add_plant(owner, [], number=2),
        await add_plant(owner, [], number=3, county=OTHER),
    ]


def figure(series: str, value: str, **more: Any) -> dict[str, Any]:
    whose = {} if "enterprise" in more else {"county": COUNTY}
    return {
        **whose, "series": series, "period": PERIOD, "value": value, "state": "preliminary",
        "source": "test", **more,
    }  # fmt: skip


async def post(caller: Caller, *figures: dict[str, Any]) -> httpx.Response:
    return await caller.post("/statistics", {"figures": [*figures]})


async def enter(caller: Caller, *figures: dict[str, Any]) -> dict[str, Any]:
    answer = await post(caller, *figures)
    assert answer.status_code == 200, answer.text
    entered: dict[str, Any] = answer.json()
    return entered


async def refused(caller: Caller, *figures: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await post(caller, *figures)
    assert (answer.status_code, answer.json()["code"]) == (422, "rows_refused"), answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    assert all(row["detail"] and row["detail_zh"] for row in rows)
    return rows


async def test_figures_of_county_enterprise_and_product(
    caller: Caller, plants: list[Plant]
) -> None:
    await caller.become("statistics")
    gdp = figure("gdp", "612.3", unit="亿元", price_base="2020", state="verified")
    nominal = figure("gdp", "700", unit="亿元", price_base="current")
    of_plant = figure("product_output", "1.25", unit="万吨", product="ferrosilicon",
                      enterprise=plants[0].uscc)  # fmt: skip
    assert await enter(caller, gdp, nominal, of_plant) == {"entered": 3, "revised": 0}
    items = await caller.items("/statistics")
    assert [
        (i["county"], i["enterprise"], i["series"], i["product"], i["price_base"], i["value"],
         i["unit"], i["state"])
        for i in items
    ] == [
        (COUNTY, None, "gdp", None, "2020", "6123000", "万元", "verified"),
        (COUNTY, None, "gdp", None, "current", "7000000", "万元", "preliminary"),
        (COUNTY, plants[0].uscc, "product_output", "ferrosilicon", None, "12500", "t",
         "preliminary"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (figure("gdp", "1"), "no_price_base", "price_base"),
        (figure("gdp", "1", price_base="2021"), "no_price_base", "price_base"),
        (figure("gdp", "1", price_base="constant"), "no_price_base", "price_base"),
        (figure("gdp_growth", "1", price_base="current"), "current_prices", "price_base"),
        (figure("intensity_reduction", "1", price_base="current"), "current_prices", "price_base"),
        (figure("energy_total", "1", price_base="2020"), "unwanted_price_base", "price_base"),
        (figure("energy_total", "-1"), "negative", "value"),
        (figure("energy_total", "1", unit="亿元"), "unknown_unit", "unit"),
        (figure("energy_total", "9e12", unit="亿吨标准煤"), "too_large", "value"),
        (figure("gdp_growth", "-100", price_base="constant"), "impossible_rate", "value"),
        (figure("intensity_reduction", "100"), "impossible_rate", "value"),
        (figure("value_added", "1", price_base="2020"), "wrong_subject", "series"),
        (figure("product_output", "1"), "unknown_product", "product"),
        (figure("product_output", "1", product="electricity"), "unknown_product", "product"),
        (figure("energy_total", "1", product="cement"), "unwanted_product", "product"),
        (figure("gdp", "1", price_base="2020", state="flash"), "no_flash", "state"),
        (figure("energy_total", "1", period="2099-01..2099-12"), "period_not_over", "period"),
        (figure("energy_total", "1", period="1024-01..1024-12"), "bad_period", "period"),
        (figure("energy_total", "1", confirm=True), "no_reason", "reason"),
        (figure("energy_total", "1", enterprise="9" * 18), "wrong_subject", "series"),
        ({**figure("energy_total", "1"), "county": None}, "no_subject", "county"),
    ],
)
async def test_a_row_that_cannot_be_is_refused(
    caller: Caller, plants: list[Plant], row: dict[str, Any], code: str, column: str
) -> None:
    await caller.become("statistics")
    good = figure("population", "100")
    rows = await refused(caller, good, row)
    assert (code, column, 1) in [(r["code"], r["column"], r["row"]) for r in rows]
    assert await caller.items("/statistics") == []


async def test_an_enterprise_and_its_county_agree(caller: Caller, plants: list[Plant]) -> None:
    await caller.become("statistics")
    own = figure("gross_output", "5", price_base="current", enterprise=plants[0].uscc)
    [row] = await refused(caller, {**own, "county": OTHER})
    assert (row["code"], row["value"]) == ("other_county", OTHER)
    assert (await enter(caller, {**own, "county": COUNTY}))["entered"] == 1
    assert [r["code"] for r in await refused(caller, own, own)] == ["duplicate_row"]


async def test_only_the_statistics_grant_enters(caller: Caller, plants: list[Plant]) -> None:
    row = figure("population", "100")
    for role in sorted(ROLES.keys() - {"statistics"}):
        await caller.become(role)
        assert (await post(caller, row)).status_code == 403, role
        answer = await caller.client.post("/statistics/import", content=b"x")
        assert answer.status_code == 403, role
    await caller.become("statistics", region=OTHER)
    assert [r["code"] for r in await refused(caller, row)] == ["unknown_county"]
    own = figure("gross_output", "5", price_base="current", enterprise=plants[0].uscc)
    assert [r["code"] for r in await refused(caller, own)] == ["unknown_enterprise"]
    await caller.become("statistics", region=COUNTY, enterprise=plants[0].uscc)
    assert (await post(caller, own)).status_code == 403


async def test_who_sees_figures_of_enterprises(caller: Caller, plants: list[Plant]) -> None:
    await caller.become("statistics")
    of = [figure("gross_output", "5", price_base="current", enterprise=p.uscc) for p in plants]
    await enter(caller, figure("population", "100"), *of)

    async def seen() -> list[str | None]:
        return [item["enterprise"] for item in await caller.items("/statistics")]

    await caller.become("regulator", region=COUNTY)
    assert await seen() == [None, plants[0].uscc, plants[1].uscc]
    await caller.become("enterprise", region=COUNTY, enterprise=plants[0].uscc)
    assert await seen() == [None, plants[0].uscc]
    await caller.become("gateway", region=COUNTY)
    assert (await caller.get("/statistics")).status_code == 403


async def test_revisions_and_what_was_known_when(caller: Caller, plants: list[Plant]) -> None:
    await caller.become("statistics")
    first = figure("energy_total", "1000000")
    assert await enter(caller, first) == {"entered": 1, "revised": 0}
    [stored] = await caller.items("/statistics")
    known_at = stored["recorded_at"]
    assert await enter(caller, first) == {"entered": 0, "revised": 0, "unchanged": 1}
    assert (await enter(caller, {**first, "value": "1010000"}))["revised"] == 1
    assert (await enter(caller, {**first, "value": "1010000", "state": "verified"}))["revised"] == 1

    async def values(**filters: Any) -> list[tuple[str, int, str]]:
        items = await caller.items("/statistics", **filters)
        return [(item["value"], item["revision"], item["state"]) for item in items]

    newest = ("1010000", 3, "verified")
    assert await values() == [newest]
    assert await values(history=True) == [
        ("1000000", 1, "preliminary"), ("1010000", 2, "preliminary"), newest,
    ]  # fmt: skip
    assert await values(known_at=known_at) == [("1000000", 1, "preliminary")]
    just_before = datetime.fromisoformat(known_at) - timedelta(microseconds=1)
    assert await values(known_at=just_before.isoformat()) == []
    assert await values(state="preliminary") == []
    assert (await caller.get("/statistics", known_at="2026-01-01T00:00:00")).status_code == 422


async def test_a_list_is_filtered_and_comes_by_pages(caller: Caller, plants: list[Plant]) -> None:
    await caller.become("statistics")
    rows = [
        figure("industrial_energy", str(100 + month), period=f"2026-01..2026-{month:02d}")
        for month in range(2, 9)
    ]
    growth = figure("gdp_growth", "-2.50", price_base="comparable")
    of_plant = figure("feedstock_energy", "7", enterprise=plants[1].uscc)
    await enter(caller, *rows, growth, of_plant, {**figure("population", "9"), "county": OTHER})
    every = await caller.items("/statistics")
    assert len(every) == 10
    paged, cursor = [], None
    while True:
        where = {"limit": 3} | ({} if cursor is None else {"cursor": cursor})
        page = (await caller.get("/statistics", **where)).json()
        paged += page["items"]
        if (cursor := page["next"]) is None:
            break
    assert paged == every
    for filters, count in (
        ({"county": OTHER}, 1),
        ({"county": "62"}, 10),
        ({"series": "industrial_energy"}, 7),
        ({"sector": "industry_above_scale"}, 7),
        ({"series": "gdp_growth", "sector": "industry_above_scale"}, 0),
        ({"enterprise": plants[1].uscc}, 1),
        ({"from": "2026-01", "to": "2026-04"}, 3),
        ({"from": "2026-02"}, 0),
        ({"product": "cement"}, 0),
    ):
        assert len(await caller.items("/statistics", **filters)) == count, filters
    table = (await caller.get("/statistics", series="gdp_growth", format="csv")).text
    assert ",-2.50,%,constant,preliminary," in table  # a number, not a text that hides a formula


async def test_a_contradiction_names_both_figures_and_where_they_are(
    caller: Caller, plants: list[Plant]
) -> None:
    await caller.become("statistics")
    energy = figure("energy_growth", "2.1", source="文号甲")
    growth = figure("gdp_growth", "5.5", price_base="constant")
    [together] = await refused(caller, energy, growth, figure("intensity_reduction", "2.52"))
    assert (together["row"], together["code"], together["value"]) == (2, "contradiction", "2.52")
    assert "2.1 % (row 0)" in together["detail"]
    assert "3.22 %" in together["detail"]
    await enter(caller, energy)
    await enter(caller, growth)
    [stored] = await refused(caller, figure("intensity_reduction", "2.52"))
    assert "stored, revision 1, preliminary, 文号甲" in stored["detail"]
    assert "已入库，第 1 版，初步核算，文号甲" in stored["detail_zh"]
    told = await enter(caller, figure("intensity_reduction", "3.10"))
    assert [w["code"] for w in told["warnings"]] == ["contradiction"]
    [moved] = await refused(caller, {**growth, "value": "9.5"})  # the row at fault may be another
    assert (moved["row"], moved["value"]) == (0, "9.5")


async def test_levels_of_the_year_before_contradict_growth(
    caller: Caller, plants: list[Plant]
) -> None:
    await caller.become("statistics")
    await enter(caller, figure("gdp", "580", unit="亿元", price_base="2020", period=BEFORE))
    await enter(caller, figure("gdp_growth", "5.6", price_base="2020"))
    [wrong] = await refused(caller, figure("gdp", "650", unit="亿元", price_base="2020"))
    assert wrong["code"] == "contradicts_levels"
    assert "12.07 %" in wrong["detail"]
    await enter(caller, figure("gdp", "612.3", unit="亿元", price_base="2020"))
    late = figure("gdp", "540", unit="亿元", price_base="2020", period=BEFORE)
    assert [row["code"] for row in await refused(caller, late)] == ["contradicts_levels"]


async def test_a_known_contradiction_enters_with_its_reason_and_is_marked(
    caller: Caller, plants: list[Plant], owner: asyncpg.Connection
) -> None:
    await caller.become("statistics")
    await enter(caller, figure("energy_growth", "2.1"),
                figure("gdp_growth", "5.5", price_base="constant"))  # fmt: skip
    row = figure("intensity_reduction", "2.52", confirm=True, reason="公报如此，经普查修订")
    entered = await enter(caller, row)
    assert [mark["code"] for mark in entered["marked"]] == ["contradiction"]
    [item] = await caller.items("/statistics", series="intensity_reduction")
    assert item["reason"] == "公报如此，经普查修订"
    assert [mark["code"] for mark in item["contradicts"]] == ["contradiction"]
    # what is in already is no contradiction of its own table
    assert (await enter(caller, figure("intensity_reduction", "2.52")))["unchanged"] == 1
    audit = await owner.fetchval(
        "SELECT detail::text FROM audit_log WHERE action = 'enter_statistics'"
        " ORDER BY entry_id DESC OFFSET 1 LIMIT 1"
    )
    assert "contradiction" in audit


async def test_verified_figures_are_not_silently_replaced(
    caller: Caller, plants: list[Plant]
) -> None:
    await caller.become("statistics")
    await enter(caller, figure("energy_total", "100", state="verified"))
    row = figure("energy_total", "101")
    assert [r["code"] for r in await refused(caller, row)] == ["less_final"]
    assert (await enter(caller, {**row, "confirm": True, "reason": "核实有误"}))["revised"] == 1


async def test_entries_at_once_are_revisions_of_each_other(
    caller: Caller, plants: list[Plant]
) -> None:
    await caller.become("statistics")
    rows = [figure("energy_total", str(value)) for value in range(100, 106)]
    answers = await asyncio.gather(*(post(caller, row) for row in rows))
    assert {answer.status_code for answer in answers} == {200}
    items = await caller.items("/statistics", history=True)
    assert [item["revision"] for item in items] == [1, 2, 3, 4, 5, 6]
    known = [datetime.fromisoformat(item["recorded_at"]) for item in items]
    assert known == sorted(known)


async def test_the_store_tells_figures_of_enterprises_from_those_of_counties(
    caller: Caller, plants: list[Plant], engine: Engine
) -> None:
    await caller.become("statistics")
    of_plant = figure("feedstock_energy", "7", enterprise=plants[0].uscc)
    await enter(caller, figure("feedstock_energy", "9"), of_plant)
    [first] = await caller.items("/statistics", enterprise=plants[0].uscc)
    known_at = datetime.fromisoformat(first["recorded_at"])
    await enter(caller, {**of_plant, "value": "8"})
    ids, series = [plant.enterprise_id for plant in plants], ["feedstock_energy"]
    async with engine.connect() as connection:
        [county] = await statistics.latest(connection, [COUNTY], series)
        [newest] = await statistics.latest_of_enterprises(connection, ids, series)
        [older] = await statistics.latest_of_enterprises(connection, ids, series, known_at)
    assert [int(f.value) for f in (county, newest.figure, older.figure)] == [9, 8, 7]
    assert (newest.enterprise_id, newest.product) == (plants[0].enterprise_id, None)


async def test_none_is_overwritten_or_deleted(
    caller: Caller, plants: list[Plant], owner: asyncpg.Connection
) -> None:
    held = await owner.fetch(
        "SELECT privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'qingyu_service' AND table_name = 'statistics'"
    )
    assert {row[0] for row in held} == {"SELECT", "INSERT"}


# --- the county's rate from levels


async def _judged(world: World) -> list[asyncpg.Record]:
    await world.evaluate(NOW, "official_intensity")
    return await world.values("official_intensity", period=PERIOD)


def _levels(energy: str, output: str, period: str, base: str) -> list[dict[str, Any]]:
    return [
        figure("energy_total", energy, period=period),
        figure("gdp", output, period=period, price_base=base),
    ]


async def test_the_rate_follows_from_levels_at_constant_prices(
    caller: Caller, world: World, plants: list[Plant]
) -> None:
    await caller.become("statistics")
    await enter(caller, *_levels("990000", "2000000", BEFORE, "2020"))
    await enter(caller, *_levels("1000000", "2100000", PERIOD, "2020"))
    [row] = await _judged(world)
    assert row["value"] == pytest.approx(100 * (1 - (100 / 210) / (99 / 200)))
    assert '"gdp_before"' in row["inputs"]
    assert '"price_base": "2020"' in row["inputs"]


@pytest.mark.parametrize(
    ("bases", "reason"),
    [
        (("current", "current"), "current_prices"),
        (("current", "2020"), "current_prices"),
        (("2015", "2020"), "mixed_price_bases"),
    ],
)
async def test_levels_at_other_prices_give_no_rate(
    caller: Caller, world: World, plants: list[Plant], bases: tuple[str, str], reason: str
) -> None:
    await caller.become("statistics")
    await enter(caller, *_levels("990000", "2000000", BEFORE, bases[0]))
    await enter(caller, *_levels("1000000", "2100000", PERIOD, bases[1]))
    [row] = await _judged(world)
    assert (row["value"], row["level"]) == (None, None)
    assert f'"unknown": "{reason}"' in row["inputs"]
    # a published rate counts all the same
    await enter(caller, figure("intensity_reduction", "3.10"))
    [row] = await _judged(world)
    assert row["value"] == 3.1


async def test_a_rated_period_stands_until_another_is_rated(
    caller: Caller, world: World, plants: list[Plant]
) -> None:
    """Figures of a later period at current prices give no rate, and hide none."""
    await caller.become("statistics")
    await enter(caller, *_levels("980000", "1900000", "2023-01..2023-12", "2020"))
    await enter(caller, *_levels("990000", "2000000", BEFORE, "2020"))
    await enter(caller, figure("gdp", "2300000", period=BEFORE, price_base="current"))
    await enter(caller, *_levels("1000000", "2500000", PERIOD, "current"))
    await world.evaluate(NOW, "official_intensity")
    found = await world.values("official_intensity")
    assert {row["period"]: row["value"] is None for row in found} == {BEFORE: False, PERIOD: True}
    [result] = [
        item
        for county in await caller.items("/counties")
        for item in county["results"]
        if item["indicator"] == "official_intensity"
    ]
    assert result["period"] == BEFORE
