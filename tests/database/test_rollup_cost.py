"""What a recompute costs must not depend on how much history lies behind it."""

from dataclasses import dataclass

import asyncpg
from sqlalchemy import text

from service import rollup
from service.store import stretches
from service.store.engine import Connection, Engine
from tests.chunks import add_history, add_plant_with_readings, log_change
from tests.database.test_rollup_properties import EVER, INDICATORS
from tests.registry import Plant


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
        async with engine.begin() as connection:
            before = await _cost(connection)
            picked = await stretches.pick(connection, 0, 1)
            assert picked is not None
            assert picked.held == [plant.enterprise_id]
            await rollup.roll_up(connection, [plant.enterprise_id], INDICATORS, EVER)
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
