"""What a recompute costs must not depend on how much history lies behind it."""

from dataclasses import dataclass

import asyncpg
from sqlalchemy import text

from ingest.commit import commit
from service import rollup
from service.store import stretches
from service.store.engine import Connection, Engine
from tests.database.test_rollup_properties import EVER, INDICATORS
from tests.registry import Plant, Spec, add_plant
from tests.series import START, batch, grouped

CHANNELS = 50


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
        await owner.execute("DELETE FROM changed_stretches")
        await owner.execute(
            "INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)"
            " VALUES ($1, $2, to_timestamp($3), to_timestamp($3) + INTERVAL '20 minutes')",
            plant.enterprise_id,
            plant.channels,
            START + 300,
        )
        async with engine.begin() as connection:
            before = await _cost(connection)
            assert await stretches.pick(connection, 0) == plant.enterprise_id
            await rollup.roll_up(connection, plant.enterprise_id, INDICATORS, EVER)
            after = await _cost(connection)
    return Cost(after.blocks - before.blocks, after.locks - before.locks)


async def _add_history(owner: asyncpg.Connection, plant: Plant, first: int, last: int) -> None:
    await owner.execute(
        "INSERT INTO readings SELECT to_timestamp($1) - d * INTERVAL '1 day', -d, c, 0"
        " FROM generate_series($2::int, $3::int) AS d, unnest($4::int[]) AS c",
        START,
        first,
        last,
        plant.channels,
    )
    await owner.execute("ANALYZE readings")


async def test_a_recompute_costs_the_same_at_400_old_chunks_as_at_40(
    owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine
) -> None:
    plant = await add_plant(owner, [Spec()] * CHANNELS)
    await owner.execute("SELECT set_chunk_time_interval('readings', INTERVAL '1 day')")
    rows = [(60.0 * minute, float(minute), 0) for minute in range(30)]
    async with pool.acquire() as connection:
        for channel in plant.channels:
            await commit(connection, grouped([batch(plant.enterprise_id, channel, rows)]))
    await _add_history(owner, plant, 1, 40)
    at_40 = await _recompute(owner, engine, plant)
    await _add_history(owner, plant, 41, 400)
    chunks = "SELECT count(*) FROM show_chunks('readings')"
    assert await owner.fetchval(chunks) >= 400
    at_400 = await _recompute(owner, engine, plant)
    assert at_400.blocks <= 1.2 * at_40.blocks, (at_40, at_400)
    assert at_400.locks <= at_40.locks, (at_40, at_400)
