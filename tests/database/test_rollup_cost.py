"""What a rollup costs must not depend on how much history lies behind it."""

from dataclasses import dataclass

import asyncpg
from sqlalchemy import text

from service import rollup
from service.store import stretches
from service.store.engine import Connection, Engine
from tests.chunks import (
    add_days,
    add_history,
    add_live_quarter,
    add_plant_with_readings,
    log_change,
)
from tests.database.test_rollup_properties import EVER, INDICATORS
from tests.registry import Plant, Spec, add_plant


@dataclass(frozen=True, slots=True)
class Cost:
    """Blocks touched, catalogue included, and relations locked."""

    blocks: int
    locks: int


async def _cost(connection: Connection) -> Cost:
    row = (
        await connection.execute(
            text(
                "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint,"
                " (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()) FROM pg_class"
            )
        )
    ).one()
    return Cost(*row)


async def _recompute(owner: asyncpg.Connection, engine: Engine, plant: Plant) -> Cost:
    """Return what one recompute of all channels costs, once caches are warm."""
    for _ in range(3):
        await log_change(owner, plant)
        cost = await _roll_up(engine, plant)
    return cost


async def _roll_up(engine: Engine, plant: Plant) -> Cost:
    """Return what it costs to roll up what is logged of a plant, in one transaction."""
    async with engine.begin() as connection:
        before = await _cost(connection)
        picked = await stretches.pick(connection, plant.enterprise_id - 1, 1)
        assert picked is not None
        assert picked.held == [plant.enterprise_id]
        await rollup.roll_up(connection, picked.held, INDICATORS, EVER)
        after = await _cost(connection)
    return Cost(after.blocks - before.blocks, after.locks - before.locks)


async def test_a_recompute_costs_the_same_at_400_old_chunks_as_at_40(
    owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine
) -> None:
    async with pool.acquire() as connection:
        plant = await add_plant_with_readings(owner, connection)
    await add_history(owner, plant, 1, 40)
    at_40 = await _recompute(owner, engine, plant)
    await add_history(owner, plant, 41, 400)
    chunks = "SELECT count(*) FROM show_chunks('readings')"
    assert await owner.fetchval(chunks) >= 400
    at_400 = await _recompute(owner, engine, plant)
    print(f"at 40 old chunks {at_40}, at 400 {at_400}")
    assert at_400.blocks <= 1.2 * at_40.blocks
    assert at_400.locks <= at_40.locks


async def test_a_new_reading_costs_the_same_behind_ten_times_the_history(
    owner: asyncpg.Connection, engine: Engine
) -> None:
    """The first quarter hours open chunks and pages, as they do every week; the fourth counts.

    A DELETE opens every chunk of its table and the chunk's index, because TimescaleDB excludes
    none for it before it is planned: a month more of quarter hours is two locks more.
    """
    chunks = "SELECT count(*) FROM show_chunks('usage_15m')"
    costs = []
    for number, days in enumerate((4, 40), 1):
        plant = await add_plant(owner, [Spec()] * 20, number=number)
        await add_days(owner, plant, days)
        while await rollup.roll_up_each(engine, INDICATORS, EVER):
            pass
        await owner.execute("VACUUM ANALYZE")
        for quarter in range(4):
            await add_live_quarter(owner, plant, quarter)
            cost = await _roll_up(engine, plant)
        costs.append(Cost(cost.blocks, cost.locks - 2 * await owner.fetchval(chunks)))
    behind_4_days, behind_40_days = costs
    print(f"behind 4 days {behind_4_days}, behind 40 {behind_40_days}")
    assert behind_40_days.blocks <= 1.2 * behind_4_days.blocks
    assert behind_40_days.locks <= behind_4_days.locks
