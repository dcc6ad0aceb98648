"""What a recompute costs with much history behind it, against the same with little."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

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

ROUNDS = 41
CHUNKS = (40, 400)


@dataclass(slots=True)
class _Place:
    """A database of its own, with a plant and so many old chunks; times in milliseconds."""

    owner: asyncpg.Connection
    engine: Engine
    plant: Plant
    spent: list[float] = field(default_factory=list)

    async def recompute(self) -> None:
        await log_change(self.owner, self.plant)
        began = time.perf_counter()
        async with self.engine.begin() as connection:
            await stretches.pick(connection, 0, 1)
            await rollup.roll_up(connection, [self.plant.enterprise_id], INDICATORS, EVER)
        self.spent.append(1000 * (time.perf_counter() - began))


def recompute(line: Line) -> list[float]:
    """Return milliseconds of one recompute of 50 channels at 40 and at 400 old chunks, medians."""
    for chunks in CHUNKS:
        asyncio.run(database.create(line.cluster, _name(chunks)))
        database.migrate(line.cluster, _name(chunks))
    return asyncio.run(_measure(line))


async def _measure(line: Line) -> list[float]:
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(_place(line, chunks)) for chunks in CHUNKS]
        for _ in range(ROUNDS):  # in turns, so that whatever else goes on is shared
            for place in places:
                await place.recompute()
        return [round(statistics.median(place.spent), 1) for place in places]


@asynccontextmanager
async def _place(line: Line, chunks: int) -> AsyncIterator[_Place]:
    db = await database.open_logins(line.cluster, _name(chunks))
    owner, ingest = await asyncpg.connect(db.owner), await asyncpg.connect(db.ingest)
    await prepare(ingest)
    plant = await add_plant_with_readings(owner, ingest)
    await add_history(owner, plant, 1, chunks)
    await owner.execute("CHECKPOINT")
    engine = make_engine(db.service, "bench", region=EVERYWHERE, settings=ROLLUP_SETTINGS)
    async with engine.connect():  # the logins change with the next database
        pass
    yield _Place(owner, engine, plant)
    await engine.dispose()
    await owner.close()
    await ingest.close()


def _name(chunks: int) -> str:
    return f"bench_{chunks}_chunks"
