"""What a new reading costs behind ten times the history, against the same behind once."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from deploy.local import database
from service import rollup
from service.store.engine import EVERYWHERE, ROLLUP_SETTINGS, Engine, make_engine
from tests.benchmarks.line import Line
from tests.chunks import add_days, add_live_quarter
from tests.database.test_rollup_properties import EVER, INDICATORS
from tests.registry import Plant, Spec, add_plant

ROUNDS = 15
CHANNELS = 500
DAYS = (10, 100)  # of a reading each quarter hour, in chunks of a day
MINUTES = 15  # new readings of each channel and round, a minute apart


@dataclass(slots=True)
class _Place:
    """A database of its own, with so much history; times in microseconds a new reading."""

    owner: asyncpg.Connection
    engine: Engine
    plant: Plant
    spent: list[float] = field(default_factory=list)

    async def roll_up(self, round_: int) -> None:
        await add_live_quarter(self.owner, self.plant, round_)
        began = time.perf_counter()
        await rollup.roll_up_each(self.engine, INDICATORS, EVER)
        self.spent.append(1e6 * (time.perf_counter() - began) / (CHANNELS * MINUTES))


def cost_growth(line: Line) -> tuple[float, float]:
    """Return microseconds a new reading behind 10 and behind 100 days of readings, medians."""
    for days in DAYS:
        asyncio.run(database.create(line.cluster, _name(days)))
        database.migrate(line.cluster, _name(days))
    return asyncio.run(_measure(line))


async def _measure(line: Line) -> tuple[float, float]:
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(_place(line, days)) for days in DAYS]
        for round_ in range(ROUNDS):  # in turns, so that whatever else goes on is shared
            for place in places:
                await place.roll_up(round_)
        once, tenfold = (statistics.median(place.spent) for place in places)
        return once, tenfold


@asynccontextmanager
async def _place(line: Line, days: int) -> AsyncIterator[_Place]:
    db = await database.open_logins(line.cluster, _name(days))
    owner = await asyncpg.connect(db.owner)
    engine = make_engine(db.service, "bench", region=EVERYWHERE, settings=ROLLUP_SETTINGS)
    async with engine.connect():  # the logins change with the next database
        pass
    plant = await add_plant(owner, [Spec(expected_interval_s=900)] * CHANNELS)
    began = time.perf_counter()
    await add_days(owner, plant, days)
    while await rollup.roll_up_each(engine, INDICATORS, EVER):
        pass
    print(f"  {days} days are there after {time.perf_counter() - began:.0f} s", file=sys.stderr)
    await owner.execute("VACUUM ANALYZE")
    await owner.execute("CHECKPOINT")
    yield _Place(owner, engine, plant)
    await engine.dispose()
    await owner.close()


def _name(days: int) -> str:
    return f"bench_{days}_days"
