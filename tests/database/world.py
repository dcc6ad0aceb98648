"""One county whose readings become values, alerts and events when told."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from ingest.commit import commit
from service import evaluator, rollup
from service.analyzers import Analyzer, find
from service.store.engine import Engine
from tests.registry import Plant, Spec, add_plant
from tests.series import START, Row, batch, grouped

ANALYZERS = {analyzer.name: analyzer for analyzer in find()}
EVER = datetime(2000, 1, 1, tzinfo=UTC)
# START is 08:00 in Shanghai on 1 March 2026; 100 days later the 24 hours to 08:00 are judged.
DAYS = 100
NOW = datetime.fromtimestamp(START, UTC) + timedelta(days=DAYS, minutes=5)
HOURS = range(24 * DAYS + 1)
METER = Spec(expected_interval_s=3600)
OUTPUT = Spec(
    quantity="ferrosilicon", role="output", unit="t", expected_interval_s=3600, level=None
)


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
        found: list[asyncpg.Record] = await self.owner.fetch(
            "SELECT * FROM indicator_values WHERE superseded_at IS NULL AND indicator = $1"
            f"{conditions} ORDER BY as_of",
            indicator,
        )
        return found

    async def alerts(self) -> list[tuple[str, int, str]]:
        rows = await self.owner.fetch(
            "SELECT indicator || ' ' || period, level, phase FROM alerts ORDER BY alert_id"
        )
        return [tuple(row) for row in rows]

    async def events(self) -> list[dict[str, Any]]:
        rows = await self.owner.fetch("SELECT body FROM alert_events ORDER BY event_id")
        return [json.loads(row[0]) for row in rows]


def register(rate: float, since: int = 0, faster: float = 1.0) -> list[Row]:
    """An hourly dial that moves by ``rate``, and by ``faster`` times that from an hour on."""
    return [
        (3600.0 * h, rate * (h + (faster - 1) * max(0, h - since)) + (h % 24) * 0.01, 0)
        for h in HOURS
    ]


async def a_furnace(world: World) -> Plant:
    """Register a furnace that burned the same per tonne all the time."""
    plant = await add_plant(world.owner, [METER, OUTPUT])
    await world.write(plant, 0, register(8_000))
    await world.write(plant, 1, register(1.0))
    return plant
