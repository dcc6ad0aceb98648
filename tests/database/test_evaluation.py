"""From readings to levels, alerts and events on a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service import evaluator
from service.store import changed
from tests.database.world import ANALYZERS, DAYS, METER, NOW, World, a_furnace, register
from tests.registry import COUNTY, add_plant
from tests.series import START


async def test_past_values_are_written_one_a_day_and_recent_ones_by_the_hour(world: World) -> None:
    await a_furnace(world)
    await world.evaluate(NOW, "energy")
    by_day: dict[Any, int] = {}
    for row in await world.values("energy", period="24h"):
        by_day[row["as_of"].date()] = by_day.get(row["as_of"].date(), 0) + 1
    counts = list(by_day.values())
    assert set(counts[:-3]) == {1}
    assert sum(counts[-3:]) >= 48


async def test_a_corrected_value_keeps_the_one_before(world: World) -> None:
    plant = await a_furnace(world)
    await world.evaluate(NOW, "energy")
    await world.write(plant, 0, register(8_000, since=24 * (DAYS - 1), faster=1.4))
    await world.evaluate(NOW, "energy")
    rows = await world.owner.fetch(
        "SELECT value, revision, superseded_at IS NULL AS published FROM indicator_values"
        " WHERE indicator = 'energy' AND period = '24h' AND as_of = $1 ORDER BY revision",
        NOW - timedelta(minutes=5),
    )
    assert [(row["revision"], row["published"]) for row in rows] == [(1, False), (2, True)]
    assert rows[1]["value"] == pytest.approx(1.4 * rows[0]["value"], rel=1e-3)


async def test_a_history_taken_in_parts_is_judged_as_in_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plants = [await add_plant(world.owner, [METER], number=number) for number in (1, 2, 3)]
    for plant in plants:
        await world.write(plant, 0, register(24 * DAYS))
    monkeypatch.setattr(evaluator, "DAYS_AT_ONCE", 1.0)
    await world.evaluate(NOW, "energy")
    in_parts = await world.values("energy")
    assert {row["enterprise_id"] for row in in_parts} == {plant.enterprise_id for plant in plants}
    monkeypatch.undo()
    await world.owner.execute(
        "INSERT INTO changed_usage (indicator, county_code, enterprise_id, first_at, last_at)"
        " SELECT 'energy', $1, enterprise_id, $2, $3 FROM enterprises",
        COUNTY, datetime.fromtimestamp(START, UTC), NOW,
    )  # fmt: skip
    await world.evaluate(NOW, "energy")
    assert await world.values("energy") == in_parts  # nothing was revised


async def test_what_waits_is_claimed_in_parts(world: World) -> None:
    for number in (1, 2, 3):
        await add_plant(world.owner, [METER], number=number)
    await world.owner.execute(
        "INSERT INTO changed_usage (indicator, county_code, enterprise_id, first_at, last_at)"
        " SELECT 'energy', $1, enterprise_id, $2, CAST($2 AS timestamptz) + INTERVAL '9 days'"
        " FROM enterprises"
        " CROSS JOIN generate_series(1, 2)",
        COUNTY, NOW,
    )  # fmt: skip
    claims = []
    for days in (20.0, 1.0, 20.0):
        async with world.engine.begin() as connection:
            changes, is_more = await changed.claim(connection, "energy", days)
            claims.append((len(changes), is_more))
    assert claims == [(2, True), (1, False), (0, False)]


async def test_one_evaluator_at_a_time_takes_an_indicator(world: World) -> None:
    await a_furnace(world)
    await world.evaluate(NOW, "completeness")
    async with world.engine.begin() as one:
        await evaluator.evaluate(one, ANALYZERS["energy"], NOW)
        async with world.engine.begin() as other:
            await evaluator.evaluate(other, ANALYZERS["energy"], NOW)
            assert not await world.values("energy")
    assert await world.values("energy")
