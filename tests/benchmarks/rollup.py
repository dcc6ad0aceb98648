"""What a recompute costs with much history behind it, against the same with little."""

import asyncio
import statistics
import time

import asyncpg

from deploy.local import database
from ingest.commit import prepare
from service import rollup
from service.store import stretches
from service.store.engine import EVERYWHERE, ROLLUP_SETTINGS, Engine, make_engine
from tests.benchmarks.line import Line
from tests.chunks import add_history, add_plant_with_readings, log_change
from tests.database.test_rollup_properties import EVER, INDICATORS
from tests.registry import Plant

NAME = "bench_rollup"
ROUNDS = 41


def recompute(line: Line) -> tuple[float, float]:
    """Return milliseconds of one recompute of 50 channels at 40 and at 400 old chunks, medians."""
    asyncio.run(database.create(line.cluster, NAME))
    database.migrate(line.cluster, NAME)
    return asyncio.run(_measure(line))


async def _measure(line: Line) -> tuple[float, float]:
    db = await database.open_logins(line.cluster, NAME)
    owner, ingest = await asyncpg.connect(db.owner), await asyncpg.connect(db.ingest)
    engine = make_engine(db.service, "bench", region=EVERYWHERE, settings=ROLLUP_SETTINGS)
    await prepare(ingest)
    plant = await add_plant_with_readings(owner, ingest)
    await add_history(owner, plant, 1, 40)
    at_40 = await _median_ms(owner, engine, plant)
    await add_history(owner, plant, 41, 400)
    at_400 = await _median_ms(owner, engine, plant)
    await engine.dispose()
    await owner.close()
    await ingest.close()
    return at_40, at_400


async def _median_ms(owner: asyncpg.Connection, engine: Engine, plant: Plant) -> float:
    spent = []
    for _ in range(ROUNDS):
        await log_change(owner, plant)
        began = time.perf_counter()
        async with engine.begin() as connection:
            await stretches.pick(connection, 0)
            await rollup.roll_up(connection, plant.enterprise_id, INDICATORS, EVER)
        spent.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(spent), 1)
