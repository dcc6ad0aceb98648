"""Leads of enterprises and facilities, and what their counties add up to."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.database.world import DAYS, METER, NOW, World, a_furnace, register
from tests.registry import COUNTY, Spec, add_plant
from tests.series import START


async def test_intensity_is_energy_over_output_with_its_baseline(world: World) -> None:
    await a_furnace(world)
    await world.evaluate()
    [day] = await world.values("intensity", period="24h", as_of=NOW - timedelta(minutes=5))
    assert day["value"] == pytest.approx(8_000 * 0.1229, rel=1e-3)
    assert day["unit"] == "kgce/t"
    assert day["target"] == pytest.approx(day["value"], rel=1e-3)
    assert (day["level"], day["completeness"]) == (0, 1.0)
    inputs = json.loads(day["inputs"])
    assert inputs["product"] == "ferrosilicon"
    assert inputs["baseline"]["windows"] == 8
    assert await world.alerts() == []


async def test_a_furnace_that_burns_more_per_tonne_raises_leads_once(world: World) -> None:
    plant = await a_furnace(world)
    await world.evaluate()
    before = await world.events()
    await world.write(plant, 0, register(8_000, since=24 * (DAYS - 1), faster=1.4))
    await world.evaluate()
    alerts = await world.alerts()
    assert ("intensity 24h", 3, "firing") in alerts
    assert ("energy 24h", 3, "firing") in alerts
    assert not any(period.endswith("30d") for period, _, _ in alerts)
    told = (await world.events())[len(before) :]
    assert {event["kind"] for event in told} <= {"revision", "digest"}
    count = len(told)
    await world.evaluate()
    assert len(await world.events()) == count
    # and once it has been corrected back, the alerts end
    await world.write(plant, 0, register(8_000))
    await world.evaluate()
    assert {phase for _, _, phase in await world.alerts()} == {"normal"}


async def test_too_little_measured_is_not_judged_and_ends_nothing(world: World) -> None:
    plant = await a_furnace(world)
    await world.write(plant, 0, register(8_000, since=24 * (DAYS - 1), faster=1.4))
    await world.evaluate()
    assert any(phase == "firing" for _, _, phase in await world.alerts())
    later = NOW + timedelta(hours=12)  # nothing arrives for half a day
    await world.evaluate(later)
    [day] = await world.values("intensity", period="24h", as_of=later - timedelta(minutes=5))
    assert day["level"] is None
    assert any(phase == "firing" for _, _, phase in await world.alerts())


async def test_without_data_a_county_has_no_result(world: World) -> None:
    await add_plant(world.owner, [METER])
    await world.evaluate()
    await world.evaluate(NOW + timedelta(days=40))
    assert not await world.values("metered_energy")
    assert not await world.values("official_intensity")
    values = await world.values("completeness", subject=f"county:{COUNTY}", period="day")
    assert {row["value"] for row in values} == {0.0}


async def test_metered_energy_grows_over_the_matched_panel(world: World) -> None:
    """Two plants; the second measured nothing a year before and is left out of the panel."""
    year = 365
    plants = [await add_plant(world.owner, [METER], number=number) for number in (1, 2)]
    dial = 0.0
    old: list[tuple[float, float, int]] = []
    new: list[tuple[float, float, int]] = []
    for day in range(2 * year + 40):
        dial += 264_000.0
        (old if day < year else new).append((86_400.0 * (day + 1), dial, 0))
    await world.owner.execute("UPDATE channels SET expected_interval_s = 86400")
    await world.write(plants[0], 0, [(0.0, 0.0, 0), *old, *new])
    await world.write(plants[1], 0, new)
    await world.owner.execute(
        "INSERT INTO coefficients (quantity, method, kgce_per_unit, valid_from, source, confirmed)"
        " VALUES ('electricity', 'coal_consumption', 0.3, '2026-01-01', 'test', false)"
    )
    now = datetime.fromtimestamp(START, UTC) + timedelta(days=2 * year + 39)
    await world.evaluate(now, "metered_energy")
    last = (await world.values("metered_energy", basis="coal_consumption"))[-1]["as_of"]
    values = {
        (row["indicator"], row["period"]): row
        for name in ("metered_energy", "metered_energy_growth")
        for row in await world.values(name, basis="coal_consumption", as_of=last)
    }
    growth = values["metered_energy_growth", "2028-01..2028-03"]
    inputs = json.loads(growth["inputs"])
    assert (inputs["panel"], inputs["enterprises"]) == (1, 2)
    # 2028 is a leap year: a day more than the year before
    assert growth["value"] == pytest.approx(100 * (91 / 90 - 1), abs=0.01)
    assert inputs["per_day"] == pytest.approx(0.0, abs=0.01)
    rolling = values["metered_energy", "2027-04..2028-03"]
    assert rolling["value"] == pytest.approx(2 * 366 * 264_000 * 0.3 / 1000, rel=0.01)


async def test_a_carrier_without_coefficient_makes_no_figure(world: World) -> None:
    gas = Spec(quantity="natural_gas", unit="m³", expected_interval_s=3600)
    plant = await add_plant(world.owner, [gas])
    await world.write(plant, 0, register(100))
    await world.evaluate()
    assert {row["value"] for row in await world.values("energy", period="24h")} == {None}
    assert not [r for r in await world.values("metered_energy") if r["value"] is not None]


async def test_an_unexplained_fall_of_a_register_is_an_alert(world: World) -> None:
    plant = await add_plant(world.owner, [METER])
    rows = register(100)
    fallen = [(at, value - (200_000 if at > 3600.0 * (24 * DAYS - 20) else 0), q)
              for at, value, q in rows]  # fmt: skip
    await world.write(plant, 0, fallen)
    await world.evaluate(NOW, "fallen_dials")
    assert await world.alerts() == [("fallen_dials day", 1, "firing")]


async def test_a_facility_counts_its_highest_meters_not_those_behind_them(world: World) -> None:
    await add_plant(world.owner, [])
    facility = await world.owner.fetchval(
        "INSERT INTO facilities (enterprise_id, code, name_zh, name_en, kind)"
        " SELECT enterprise_id, 'F-1', 'f', 'f', 'production' FROM enterprises"
        " RETURNING facility_id"
    )
    meters = [replace(METER, level=level, facility_id=facility) for level in (2, 3)]
    plant = await add_plant(world.owner, meters, number=2)
    await world.owner.execute("UPDATE facilities SET enterprise_id = $1", plant.enterprise_id)
    await world.write(plant, 0, register(8_000))
    await world.write(plant, 1, register(5_000))
    await world.evaluate(NOW, "energy")
    [day] = await world.values("energy", period="24h", as_of=NOW - timedelta(minutes=5))
    assert day["value"] == pytest.approx(24 * 8_000 * 0.1229 / 1000, rel=1e-3)
