"""The account of one worked enterprise-year, from readings to every basis, and back again."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.database.caller import Caller
from tests.database.world import World
from tests.registry import COUNTY, Plant, Spec, add_plant
from tests.series import START, Row

NOW = datetime(2024, 12, 31, 16, 10, tzinfo=UTC)  # ten minutes into 2025 in Shanghai
YEAR = "2024-01..2024-12"
GRID = Spec(statistic="day.total", kind="amount", label="start", expected_interval_s=86_400)
SOLAR = replace(GRID, part="renewable")
NUCLEAR = replace(GRID, part="nuclear", level=None)
COAL = replace(GRID, quantity="raw_coal", unit="t")
FEEDSTOCK = replace(COAL, part="feedstock", level=2)
LISTED = replace(COAL, part="single_listed", level=2)
# kWh and t of the year; electricity from the grid and the roof is 60 million kWh together
WORKS = ((GRID, 40e6), (SOLAR, 20e6), (NUCLEAR, 1e6), (COAL, 120_000.0), (FEEDSTOCK, 70_000.0),
         (LISTED, 12_600.0))  # fmt: skip
SOLAR_2020 = 5e6
# tce: coal 0.7143 tce/t (GB/T 2589-2020), electricity 0.1229 kgce/kWh by the calorific method and
# 0.3 by coal consumption, as entered here.
WORKED = {
    "calorific": 85_716.0 + 7_374.0,
    "calorific.less_feedstock": 93_090.0 - 50_001.0,
    "calorific.less_new_renewables": 93_090.0 - 50_001.0 - (2_458.0 - 614.5),
    "calorific.less_non_fossil": 93_090.0 - 50_001.0 - (2_458.0 + 122.9),
    "calorific.less_single_listed": 93_090.0 - 9_000.18,
    "coal_consumption": 85_716.0 + 18_000.0,
    "coal_consumption.less_feedstock": 103_716.0 - 50_001.0,
    "coal_consumption.less_new_renewables": 103_716.0 - 50_001.0 - (6_000.0 - 1_500.0),
    "coal_consumption.less_non_fossil": 103_716.0 - 50_001.0 - (6_000.0 + 300.0),
    "coal_consumption.less_single_listed": 103_716.0 - 9_000.18,
}


def days(year: int, amount: float) -> Iterator[Row]:
    """Spread the amount of a year evenly over its days."""
    first = datetime(year, 1, 1, tzinfo=UTC) - timedelta(hours=8)
    length = (datetime(year + 1, 1, 1, tzinfo=UTC) - datetime(year, 1, 1, tzinfo=UTC)).days
    for day in range(length):
        yield (first + timedelta(days=day)).timestamp() - START, amount / length, 0


async def a_works(world: World, number: int = 1, left_out: Sequence[Spec] = ()) -> Plant:
    """Register the works with its year; what is left out is there and never measures."""
    plant = await add_plant(world.owner, [spec for spec, _ in WORKS], number=number)
    await world.owner.execute("UPDATE channels SET in_service_from = '2019-12-31T16:00:00Z'")
    for place, (spec, amount) in enumerate(WORKS):
        if spec not in left_out:
            await world.write(plant, place, list(days(2024, amount)))
    await world.write(plant, 1, list(days(2020, SOLAR_2020)))
    return plant


async def enter_coal_consumption(world: World) -> None:
    await world.owner.execute(
        "INSERT INTO coefficients (quantity, method, kgce_per_unit, valid_from, source, confirmed)"
        " VALUES ('electricity', 'coal_consumption', 0.3, '2020-01-01', 'test', false)"
    )


async def year_of(world: World, indicator: str) -> dict[str, Any]:
    return {row["basis"]: row for row in await world.values(indicator, period=YEAR)}


async def test_every_basis_of_the_worked_year(world: World) -> None:
    await a_works(world)
    await enter_coal_consumption(world)
    await world.evaluate(NOW, "energy_consumption", "metered_energy")
    for indicator in ("energy_consumption", "metered_energy"):
        found = await year_of(world, indicator)
        assert {basis: row["value"] for basis, row in found.items()} == pytest.approx(WORKED)
        assert {row["completeness"] for row in found.values()} == {1.0}
        assert {row["estimated"] for row in found.values()} == {0.0}
    inputs = json.loads((await year_of(world, "energy_consumption"))["calorific"]["inputs"])
    assert inputs["carriers"]["raw_coal"]["amount"] == pytest.approx(120_000.0)
    assert inputs["carriers"]["electricity"]["energy"] == pytest.approx(7_374.0)


async def test_the_sum_of_lower_levels_never_stands_in_for_level_1(world: World) -> None:
    await a_works(world, left_out=(GRID, SOLAR, COAL))
    await world.evaluate(NOW, "energy_consumption")
    found = await year_of(world, "energy_consumption")
    assert {row["value"] for row in found.values()} <= {None}


async def test_a_carrier_that_was_not_measured_is_named(world: World) -> None:
    await a_works(world, left_out=(GRID, SOLAR))
    await world.evaluate(NOW, "energy_consumption")
    row = (await year_of(world, "energy_consumption"))["calorific"]
    assert row["value"] == pytest.approx(85_716.0)
    assert row["completeness"] == pytest.approx(1 / 3)
    assert json.loads(row["inputs"])["not_measured"] == ["electricity"]


async def test_a_gap_is_spread_and_said_to_be_estimated(world: World) -> None:
    """A dial that was silent for ten of twenty days: nothing is lost, half of it is estimated."""
    plant = await add_plant(world.owner, [Spec(expected_interval_s=86_400)])
    first = datetime(2024, 11, 30, 16, tzinfo=UTC).timestamp() - START
    dial = [(first + 86_400.0 * day, 1_000.0 * day, 0) for day in (*range(6), *range(15, 21))]
    await world.write(plant, 0, dial)
    await world.evaluate(NOW, "energy_consumption", "metered_energy")
    for indicator in ("energy_consumption", "metered_energy"):
        [row] = [
            row
            for row in await world.values(indicator, period="2024-01..2024-12")
            if row["basis"] == "calorific"
        ]
        assert row["value"] == pytest.approx(20_000 * 0.1229 / 1000)
        assert row["estimated"] == pytest.approx(0.5)


async def test_a_value_leads_to_its_readings(world: World, caller: Caller) -> None:
    plant = await a_works(world)
    await enter_coal_consumption(world)
    await world.evaluate(NOW, "energy_consumption", "metered_energy")
    await caller.become("regulator", COUNTY)
    path = f"/counties/{COUNTY}/indicators"
    [county] = await caller.items(path, indicator="metered_energy", period=YEAR, basis="calorific")
    sources = (await caller.get(f"/indicators/{county['id']}/sources")).json()
    assert [(item["enterprise"], item["contribution"]) for item in sources["enterprises"]] == [
        (plant.uscc, pytest.approx(93_090.0))
    ]
    of_enterprise = await caller.get(f"/indicators/{sources['enterprises'][0]['id']}/sources")
    channels = {item["device"]: item for item in of_enterprise.json()["channels"]}
    assert channels["M-04"]["amount"] == pytest.approx(120_000.0)
    assert channels["M-05"]["part"] == "feedstock"
    total = sum(item["tce_calorific"] for item in channels.values() if item["level"] == 1)
    assert total == pytest.approx(93_090.0)
    readings = await caller.items(channels["M-04"]["readings"].removeprefix("/api/v1"))
    assert sum(item["value"] for item in readings) == pytest.approx(120_000.0)


async def test_what_was_published_before_a_correction_stays_readable(
    world: World, caller: Caller
) -> None:
    plant = await a_works(world)
    await world.evaluate(NOW, "energy_consumption")
    before = await world.owner.fetchval("SELECT now()")
    await world.write(plant, 3, list(days(2024, 60_000.0)))
    await world.evaluate(NOW, "energy_consumption")
    await caller.become("regulator", COUNTY)
    asked = {"enterprise": plant.uscc, "indicator": "energy_consumption", "period": YEAR,
             "basis": "calorific"}  # fmt: skip
    [now] = await caller.items("/indicators", **asked)
    [then] = await caller.items("/indicators", **asked, known_at=before.isoformat())
    assert (now["revision"], now["value"]) == (2, pytest.approx(42_858.0 + 7_374.0))
    assert (then["revision"], then["value"]) == (1, pytest.approx(93_090.0))
    assert then["superseded_at"] is not None
    history = await caller.items("/indicators", **asked, history="true")
    assert sorted(item["revision"] for item in history) == [1, 2]


async def test_sources_of_another_region_are_not_there(world: World, caller: Caller) -> None:
    await a_works(world)
    await world.evaluate(NOW, "energy_consumption")
    value = await world.owner.fetchval("SELECT min(value_id) FROM indicator_values")
    await caller.become("regulator", "620602")
    for value_id in (value, 0, -1, 2**70):
        assert (await caller.get(f"/indicators/{value_id}/sources")).status_code == 404


async def test_carbon_is_by_the_grid_of_the_province_and_names_its_year(world: World) -> None:
    """40 million kWh from the grid at Gansu's 0.4772 kg of 2022; what the roof makes is free."""
    await a_works(world, left_out=(COAL, FEEDSTOCK, LISTED))
    await world.evaluate(NOW, "energy_consumption")
    [row] = await world.values("carbon_emissions", period=YEAR, basis="carbon")
    assert row["value"] == pytest.approx(40e6 * 0.4772 / 1000)
    [factor] = json.loads(row["inputs"])["factors"]
    assert (factor["origin"], factor["value"]) == ("carbon_factor", 0.4772)
    assert "2022" in factor["edition"]


async def test_a_carrier_without_a_factor_leaves_the_figure_unknown(world: World) -> None:
    await a_works(world)
    await world.evaluate(NOW, "energy_consumption")
    [row] = await world.values("carbon_emissions", period=YEAR, basis="carbon")
    assert row["value"] is None
    assert json.loads(row["inputs"])["missing_coefficients"] == ["raw_coal"]


async def test_a_figure_names_the_edition_and_revision_of_its_coefficients(world: World) -> None:
    await a_works(world)
    await world.evaluate(NOW, "energy_consumption", "metered_energy")
    for indicator in ("energy_consumption", "metered_energy"):
        row = (await year_of(world, indicator))["calorific"]
        named = {f["quantity"]: f for f in json.loads(row["inputs"])["factors"]}
        assert named["raw_coal"]["edition"] == "GB/T 2589-2020"
        assert named["raw_coal"]["revision"] == 1
        assert named["raw_coal"]["value"] == pytest.approx(714.3)


async def test_what_was_entered_with_evidence_stands_before_what_was_measured(
    world: World, caller: Caller
) -> None:
    """Certificates of 25 million kWh instead of the roof's 20, and output and value added."""
    plant = await a_works(world)
    await enter_coal_consumption(world)
    await world.evaluate(NOW, "energy_consumption", "unit_consumption")
    assert await world.values("unit_consumption") == []
    await caller.become("statistics")
    shared = {
        "county": COUNTY, "enterprise": plant.uscc, "period": YEAR, "state": "verified",
        "source": "a certificate",
    }  # fmt: skip
    figures = [
        {**shared, "series": "renewable_electricity", "value": "25000000"},
        {**shared, "series": "product_output", "product": "methanol", "value": "60000"},
        {**shared, "series": "value_added", "value": "41486.4", "price_base": "2020"},
    ]
    answer = await caller.post("/statistics", {"figures": figures})
    assert answer.status_code == 200, answer.text
    await world.evaluate(NOW, "energy_consumption", "unit_consumption")
    found = await year_of(world, "energy_consumption")
    # 25 million kWh at 0.3 kgce are 7,500 tce, less 1,500 of 2020
    assert found["coal_consumption.less_new_renewables"]["value"] == pytest.approx(
        103_716.0 - 50_001.0 - (7_500.0 - 1_500.0)
    )
    [product] = (await year_of(world, "unit_consumption")).values()
    assert (product["value"], product["unit"]) == (
        pytest.approx(93_090.0 * 1000 / 60_000),
        "kgce/t",
    )
    assert json.loads(product["inputs"])["output_source"] == "a certificate"
    [money] = (await year_of(world, "energy_per_value_added")).values()
    assert money["value"] == pytest.approx(103_716.0 / 41_486.4)


async def test_value_added_at_current_prices_gives_no_intensity(
    world: World, caller: Caller
) -> None:
    plant = await a_works(world)
    await caller.become("statistics")
    figure = {
        "county": COUNTY, "enterprise": plant.uscc, "period": YEAR, "state": "verified",
        "source": "a test", "series": "value_added", "value": "41486.4", "price_base": "current",
    }  # fmt: skip
    assert (await caller.post("/statistics", {"figures": [figure]})).status_code == 200
    await world.evaluate(NOW, "unit_consumption")
    [money] = (await year_of(world, "energy_per_value_added")).values()
    assert money["value"] is None
    assert json.loads(money["inputs"])["unknown"] == "current_prices"


async def test_a_meter_that_turns_out_to_stand_lower_leaves_the_total(world: World) -> None:
    plant = await a_works(world)
    await world.evaluate(NOW, "energy_consumption")
    await world.owner.execute(
        "UPDATE devices SET metering_level = 2 WHERE device_id IN"
        " (SELECT device_id FROM channels WHERE channel_id = $1)",
        plant.channels[1],
    )
    await world.evaluate(NOW, "energy_consumption")
    found = await year_of(world, "energy_consumption")
    assert found["calorific"]["value"] == pytest.approx(93_090.0 - 20e6 * 0.1229 / 1000)
    assert found["calorific"]["revision"] == 2
