"""Official figures, and the levels that rest on them."""

import json
from datetime import timedelta

import pytest

from tests.database.world import NOW, World
from tests.registry import COUNTY, add_county


async def _enter(world: World, series: str, period: str, value: str, county: str = COUNTY) -> None:
    await world.owner.execute(
        "INSERT INTO statistics (county_code, series, period, value, unit, state, source,"
        " revision, recorded_by) SELECT $1, $2, $3, $4::numeric, '%', 'preliminary', 'test',"
        " coalesce(max(revision), 0) + 1, 'test' FROM statistics"
        " WHERE county_code = $1 AND series = $2 AND period = $3",
        county,
        series,
        period,
        value,
    )
    await world.owner.execute(
        "INSERT INTO changed_usage (indicator, county_code, first_at, last_at)"
        " VALUES ('official_intensity', $1, now() - INTERVAL '1 day', now())",
        county,
    )


async def _target(world: World, value: str, county: str = COUNTY) -> None:
    await world.owner.execute(
        "INSERT INTO targets (county_code, indicator, period, kind, value, unit, source, confirmed,"
        " revision, recorded_by) VALUES ($1, 'intensity_reduction', '2026-01..2026-12', 'basic',"
        " $2::numeric, '%', 'test', false, 1, 'test')",
        county,
        value,
    )


async def test_official_levels_follow_the_imports(world: World) -> None:
    await add_county(world.owner)
    await _target(world, "2.52")
    await _enter(world, "intensity_reduction", "2026-01..2026-03", "2.60")
    await world.evaluate(NOW, "official_intensity")
    assert [r["level"] for r in await world.values("official_intensity")] == [0]
    await _enter(world, "intensity_reduction", "2026-01..2026-06", "2.30")
    await world.evaluate(NOW, "official_intensity")
    assert [r["level"] for r in await world.values("official_intensity")] == [0, 1]
    event = (await world.events())[-1]
    assert (event["kind"], event["level"], event["phase"]) == ("change", "yellow", "firing")
    await _enter(world, "intensity_reduction", "2026-01..2026-06", "2.00")
    await world.evaluate(NOW, "official_intensity")
    [half] = await world.values("official_intensity", period="2026-01..2026-06")
    assert (half["level"], half["revision"], half["rule_set"]) == (3, 2, "ndrc_2020_gap10")
    assert [(e["kind"], e["level"], e["phase"]) for e in (await world.events())[-2:]] == [
        ("revision", "yellow", "normal"),
        ("revision", "red", "firing"),
    ]
    inputs = json.loads(half["inputs"])
    assert (inputs["actual"], inputs["target"], inputs["gap"]) == ("2.00", "2.52", "-0.52")


async def test_a_past_that_is_judged_again_is_told_once(world: World) -> None:
    await add_county(world.owner)
    await _target(world, "2.52")
    later = NOW + timedelta(days=200)
    for month, rate in (("03", "2.40"), ("06", "2.60"), ("09", "2.40")):  # two episodes
        await _enter(world, "intensity_reduction", f"2026-01..2026-{month}", rate)
    await world.evaluate(later, "official_intensity")
    [digest] = await world.events()
    assert (digest["kind"], digest["count"]) == ("digest", 2)
    judged = await world.values("official_intensity")
    await _enter(world, "intensity_reduction", "2026-01..2026-06", "2.60")
    await world.evaluate(later, "official_intensity")
    assert len(await world.events()) == 1
    assert await world.values("official_intensity") == judged


async def test_a_rate_follows_from_energy_and_gdp(world: World) -> None:
    await add_county(world.owner)
    await _enter(world, "energy_growth", "2026-01..2026-03", "2.10")
    await _enter(world, "gdp_growth", "2026-01..2026-03", "5.50")
    await world.evaluate(NOW, "official_intensity")
    [row] = await world.values("official_intensity")
    assert row["value"] == pytest.approx(100 * (1 - 1.021 / 1.055))
    assert row["level"] is None  # without a target it is not rated, never green
