"""Outlets: clock hours against limits, and masses."""

from typing import Any

import pytest

from tests.database.world import DAYS, World
from tests.registry import Plant, Spec, add_channel, add_plant


async def _outlet(world: World, limit: float) -> int:
    plant = await add_plant(world.owner, [])
    outlet = await world.owner.fetchval(
        "INSERT INTO outlets (enterprise_id, code, name_zh, name_en) VALUES ($1, 'P1', 'P1', 'P1')"
        " RETURNING outlet_id",
        plant.enterprise_id,
    )
    await world.owner.execute(
        "INSERT INTO limits (outlet_id, quantity, averaging, value, valid_from, source, confirmed)"
        " VALUES ($1, 'nmhc', 'hour.mean', $2, '2020-01-01', 'test', false)",
        outlet,
        limit,
    )
    return int(outlet)


async def _plant_of(world: World, outlet: int, *specs: Spec) -> Plant:
    enterprise = await world.owner.fetchval(
        "SELECT enterprise_id FROM outlets WHERE outlet_id = $1", outlet
    )
    channels = [
        await add_channel(world.owner, enterprise, spec, f"V-{place}")
        for place, spec in enumerate(specs)
    ]
    return Plant(enterprise, "", "", channels)


async def test_an_outlet_is_judged_by_the_clock_hour(world: World) -> None:
    outlet = await _outlet(world, limit=60.0)
    spec = Spec(
        quantity="nmhc", statistic="minute.mean", kind="gauge", role="outlet", unit="mg/m³",
        label="start", expected_interval_s=60, outlet_id=outlet,
    )  # fmt: skip
    plant = await _plant_of(world, outlet, spec)
    start = 24 * DAYS - 9
    levels = [20.0, 20.0, 80.0, 150.0, 20.0, 20.0, 20.0, 20.0, 20.0]  # the last hours before NOW
    minutes = [
        (3600.0 * (start + hour) + 60.0 * minute, level, 0)
        for hour, level in enumerate(levels)
        for minute in range(60)
    ]
    await world.write(plant, 0, minutes)
    await world.evaluate()
    hours = await world.values("hour_mean")
    assert [(row["value"], row["level"]) for row in hours[-9:-3]] == [
        (20.0, 0), (20.0, 0), (80.0, 1), (150.0, 3), (20.0, 0), (20.0, 0),
    ]  # fmt: skip
    assert await world.alerts() == []  # it ended before it was judged
    [digest] = [event for event in await world.events() if event["indicator"] == "hour_mean"]
    assert (digest["kind"], digest["count"]) == ("digest", 2)
    await world.write(plant, 0, [(at, 200.0, 0) for at, _, _ in minutes[-60:]])
    await world.evaluate()
    assert await world.alerts() == [
        ("hour_mean hour", 1, "firing"),
        ("hour_mean hour", 3, "firing"),
    ]
    event = (await world.events())[-1]
    assert (event["kind"], event["phase"], event["value"]) == ("revision", "firing", 200.0)
    assert "涉嫌超标" in event["reason_zh"]


async def test_an_hour_of_too_few_minutes_proves_nothing(world: World) -> None:
    outlet = await _outlet(world, limit=60.0)
    spec = Spec(
        quantity="nmhc", statistic="minute.mean", kind="gauge", role="outlet", unit="mg/m³",
        label="start", expected_interval_s=60, outlet_id=outlet,
    )  # fmt: skip
    plant = await _plant_of(world, outlet, spec)
    last = 24 * DAYS - 1
    await world.write(plant, 0, [(3600.0 * last + 60.0 * m, 500.0, 0) for m in range(44)])
    await world.evaluate()
    [hour] = await world.values("hour_mean")
    assert (hour["value"], hour["level"]) == (500.0, None)
    await world.write(plant, 0, [(3600.0 * last + 60.0 * 44, 500.0, 0)])
    await world.evaluate()
    [hour] = await world.values("hour_mean")
    assert hour["level"] == 3


async def test_mass_is_concentration_times_flow(world: World) -> None:
    outlet = await _outlet(world, limit=60.0)
    gauge: dict[str, Any] = {
             "statistic": "hour.mean", "kind": "gauge", "role": "outlet", "label": "start",
             "outlet_id": outlet, "device": "VOC-1", "expected_interval_s": 3600}  # fmt: skip
    plant = await _plant_of(
        world,
        outlet,
        Spec(quantity="nmhc", unit="mg/m³", **gauge),
        Spec(quantity="gas_flow", unit="m³/s", scale=3_600.0, **gauge),
    )
    await world.write(plant, 0, [(3600.0, 50.0, 0)])
    await world.write(plant, 1, [(3600.0, 10.0, 0)])
    await world.evaluate()
    [row] = await world.owner.fetch("SELECT * FROM emissions_hourly")
    assert row["mass_kg"] == pytest.approx(50 * 36_000 * 1e-6)
    assert (row["mean"], row["valid"]) == (50.0, True)
