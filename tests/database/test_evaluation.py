"""From readings to levels, alerts and events on a real database."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from ingest.commit import commit
from service import evaluator, rollup
from service.analyzers import Analyzer, find
from service.store import changed
from service.store.engine import Engine
from tests.registry import COUNTY, Plant, Spec, add_channel, add_county, add_plant
from tests.series import START, Row, batch, grouped

ANALYZERS = {analyzer.name: analyzer for analyzer in find()}
EVER = datetime(2000, 1, 1, tzinfo=UTC)
# START is 08:00 in Shanghai on 1 March 2026; 100 days later the 24 hours to 08:00 are judged.
DAYS = 100
NOW = datetime.fromtimestamp(START, UTC) + timedelta(days=DAYS, minutes=5)


class World:
    """One county whose data arrive, are rolled up and evaluated when told."""

    def __init__(self, owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> None:
        self.owner, self.pool, self.engine = owner, pool, engine

    async def write(self, plant: Plant, place: int, rows: Sequence[Row]) -> None:
        async with self.pool.acquire() as connection:
            rows = list(rows)
            group = grouped([batch(plant.enterprise_id, plant.channels[place], rows)])
            await commit(connection, group)

    async def evaluate(self, now: datetime = NOW, *names: str) -> None:
        chosen: list[Analyzer] = [ANALYZERS[name] for name in names or sorted(ANALYZERS)]
        while await rollup.roll_up_each(self.engine, sorted(ANALYZERS), EVER):
            pass
        await evaluator.evaluate_all(self.engine, chosen, now)

    async def values(self, indicator: str, **where: Any) -> list[asyncpg.Record]:
        conditions = "".join(f" AND {name} = '{value}'" for name, value in where.items())
        return await self.owner.fetch(  # type: ignore[no-any-return]
            "SELECT * FROM indicator_values WHERE superseded_at IS NULL AND indicator = $1"
            f"{conditions} ORDER BY as_of",
            indicator,
        )

    async def alerts(self) -> list[tuple[str, int, str]]:
        rows = await self.owner.fetch(
            "SELECT indicator || ' ' || period, level, phase FROM alerts ORDER BY alert_id"
        )
        return [tuple(row) for row in rows]

    async def events(self) -> list[dict[str, Any]]:
        rows = await self.owner.fetch("SELECT body FROM alert_events ORDER BY event_id")
        return [json.loads(row[0]) for row in rows]


@pytest.fixture
def world(owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> World:
    return World(owner, pool, engine)


METER = Spec(expected_interval_s=3600)
OUTPUT = Spec(
    quantity="ferrosilicon", role="output", unit="t", expected_interval_s=3600, level=None
)
HOURS = range(24 * DAYS + 1)


def register(rate: float, since: int = 0, faster: float = 1.0) -> list[Row]:
    """An hourly dial that moves by ``rate``, and by ``faster`` times that from an hour on."""
    return [
        (3600.0 * h, rate * (h + (faster - 1) * max(0, h - since)) + (h % 24) * 0.01, 0)
        for h in HOURS
    ]


async def a_furnace(world: World, **spec: Any) -> Plant:
    plant = await add_plant(world.owner, [METER, OUTPUT])
    await world.write(plant, 0, register(8_000))
    await world.write(plant, 1, register(1.0))
    return plant


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


async def test_past_values_are_written_one_a_day_and_recent_ones_by_the_hour(world: World) -> None:
    await a_furnace(world)
    await world.evaluate(NOW, "energy")
    by_day: dict[Any, int] = {}
    for row in await world.values("energy", period="24h"):
        by_day[row["as_of"].date()] = by_day.get(row["as_of"].date(), 0) + 1
    counts = list(by_day.values())
    assert set(counts[:-3]) == {1}
    assert sum(counts[-3:]) >= 48


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


# -- official figures


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


async def test_one_evaluator_at_a_time_takes_an_indicator(world: World) -> None:
    await a_furnace(world)
    await world.evaluate(NOW, "completeness")
    async with world.engine.begin() as one:
        await evaluator.evaluate(one, ANALYZERS["energy"], NOW)
        async with world.engine.begin() as other:
            await evaluator.evaluate(other, ANALYZERS["energy"], NOW)
            assert not await world.values("energy")
    assert await world.values("energy")


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
