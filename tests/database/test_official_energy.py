"""Official energy of a county on every basis, from imported figures only."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.database.caller import Caller
from tests.database.world import World
from tests.registry import COUNTY, add_county

NOW = datetime(2026, 3, 1, tzinfo=UTC)
# A county, in tce, kWh and 10,000 yuan at prices of 2020. 等价值 of electricity here 0.3 kgce/kWh.
# 2024: 1,500,000 - feedstock 200,000 = 1,300,000; renewables 800 GWh = 240,000 tce, of 2020
# 500 GWh = 150,000, so new ones 90,000; nuclear 100 GWh = 30,000; listed singly 50,000.
YEARS: dict[int, dict[str, str]] = {
    2020: {"renewable_electricity": "500000000"},
    2023: {"energy_total": "1450000", "feedstock_energy": "190000", "gdp": "5000000"},
    2024: {
        "energy_total": "1500000", "feedstock_energy": "200000", "gdp": "5300000",
        "renewable_electricity": "800000000", "nuclear_electricity": "100000000",
        "single_listed_energy": "50000",
    },
}  # fmt: skip
ENERGY = {
    "official": 1_500_000.0,
    "official.less_feedstock": 1_300_000.0,
    "official.less_new_renewables": 1_210_000.0,
    "official.less_non_fossil": 1_030_000.0,
    "official.less_single_listed": 1_450_000.0,
}
REDUCTIONS = {
    "official": 100 - 100 * (1_500_000 / 5_300_000) / (1_450_000 / 5_000_000),  # 2.41 %
    "official.less_feedstock": 100 - 100 * (1_300_000 / 5_300_000) / (1_260_000 / 5_000_000),
}


def row(year: int, series: str, value: str, price_base: str) -> dict[str, Any]:
    money = {"price_base": price_base} if series == "gdp" else {}
    return {
        "county": COUNTY, "series": series, "period": f"{year}-01..{year}-12", "value": value,
        "state": "verified", "source": "a test", **money,
    }  # fmt: skip


async def enter(world: World, caller: Caller, price_base: str = "2020") -> None:
    await add_county(world.owner)
    await world.owner.execute(
        "INSERT INTO coefficients (quantity, method, kgce_per_unit, valid_from, source, confirmed)"
        " VALUES ('electricity', 'coal_consumption', 0.3, '2020-01-01', 'test', false)"
    )
    await caller.become("statistics")
    figures = [
        row(year, series, value, price_base)
        for year, known in YEARS.items()
        for series, value in known.items()
    ]
    answer = await caller.post("/statistics", {"figures": figures})
    assert answer.status_code == 200, answer.text
    await world.evaluate(NOW, "official_energy")


async def year_of(world: World, indicator: str) -> dict[str, Any]:
    found = await world.values(indicator, period="2024-01..2024-12")
    return {item["basis"]: item for item in found}


async def test_every_basis_stands_beside_the_others(world: World, caller: Caller) -> None:
    await enter(world, caller)
    found = await year_of(world, "official_energy")
    assert {basis: item["value"] for basis, item in found.items()} == pytest.approx(ENERGY)
    levels = await year_of(world, "official_energy_intensity")
    assert levels["official"]["value"] == pytest.approx(1_500_000 / 5_300_000)
    inputs = json.loads(levels["official.less_feedstock"]["inputs"])
    assert inputs["documents"] == ["发改环资〔2022〕803号"]
    assert inputs["price_base"] == "2020"


async def test_feedstock_is_deducted_from_both_years(world: World, caller: Caller) -> None:
    await enter(world, caller)
    rates = await year_of(world, "official_energy_intensity_reduction")
    for basis, rate in REDUCTIONS.items():
        assert rates[basis]["value"] == pytest.approx(rate)


async def test_current_prices_give_no_intensity(world: World, caller: Caller) -> None:
    await enter(world, caller, price_base="current")
    for indicator in ("official_energy_intensity", "official_energy_intensity_reduction"):
        found = await year_of(world, indicator)
        assert {item["value"] for item in found.values()} == {None}
        reasons = {json.loads(item["inputs"])["unknown"] for item in found.values()}
        assert reasons == {"current_prices"}
    assert (await year_of(world, "official_energy"))["official"]["value"] == 1_500_000.0


async def test_electricity_without_a_coefficient_leaves_its_bases_unknown(
    world: World, caller: Caller
) -> None:
    await enter(world, caller)
    await world.owner.execute(
        "UPDATE coefficients SET superseded_at = now() WHERE method <> 'calorific'"
    )
    await caller.post("/statistics", {"figures": [row(2024, "energy_total", "1500001", "2020")]})
    await world.evaluate(NOW, "official_energy")
    found = await year_of(world, "official_energy")
    assert found["official"]["value"] == 1_500_001.0
    assert found["official.less_new_renewables"]["value"] is None
    inputs = json.loads(found["official.less_non_fossil"]["inputs"])
    assert inputs["unknown"] == "no_coefficient"
