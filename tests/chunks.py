"""Plants with few new readings and much history behind them."""

import asyncpg

from ingest.commit import commit
from tests.registry import Plant, Spec, add_plant
from tests.series import START, batch, grouped

CHANNELS = 50


async def add_plant_with_readings(owner: asyncpg.Connection, ingest: asyncpg.Connection) -> Plant:
    """Register a plant with a reading a minute, in a table of one chunk a day."""
    plant = await add_plant(owner, [Spec()] * CHANNELS)
    await owner.execute("SELECT set_chunk_time_interval('readings', INTERVAL '1 day')")
    rows = [(60.0 * minute, float(minute), 0) for minute in range(30)]
    for channel in plant.channels:
        await commit(ingest, grouped([batch(plant.enterprise_id, channel, rows)]))
    return plant


async def add_history(owner: asyncpg.Connection, plant: Plant, first: int, last: int) -> None:
    """Add a reading of each channel to each of some days before, a chunk each."""
    await owner.execute(
        "INSERT INTO readings SELECT to_timestamp($1) - d * INTERVAL '1 day', -d, c, 0"
        " FROM generate_series($2::int, $3::int) AS d, unnest($4::int[]) AS c",
        START,
        first,
        last,
        plant.channels,
    )
    await owner.execute("ANALYZE readings")


async def log_change(owner: asyncpg.Connection, plant: Plant) -> None:
    """Log twenty minutes of all channels as changed, and nothing else."""
    await owner.execute("DELETE FROM changed_stretches")
    await owner.execute(
        "INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)"
        " VALUES ($1, $2, to_timestamp($3), to_timestamp($3) + INTERVAL '20 minutes')",
        plant.enterprise_id,
        plant.channels,
        START + 300,
    )


async def add_days(owner: asyncpg.Connection, plant: Plant, days: int) -> None:
    """Add a reading of each quarter hour of so many days up to START, in chunks of a day each.

    They are logged as changed.
    """
    await owner.execute("SELECT set_chunk_time_interval('readings', INTERVAL '1 day')")
    await owner.execute(
        "INSERT INTO readings SELECT to_timestamp($1) - q * INTERVAL '15 minutes', -q, c, 0"
        " FROM generate_series($2::int, 0, -1) AS q, unnest($3::int[]) AS c",
        START,
        96 * days,
        plant.channels,
    )
    await owner.execute(
        "INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)"
        " SELECT $1, $2, min(at), max(at) FROM readings",
        plant.enterprise_id,
        plant.channels,
    )
    await owner.execute("ANALYZE readings")


async def add_live_quarter(owner: asyncpg.Connection, plant: Plant, number: int) -> None:
    """Add the quarter hour of that number after START, a reading a minute, and log it."""
    await owner.execute(
        "INSERT INTO readings SELECT to_timestamp($1) + m * INTERVAL '1 minute', m, c, 0"
        " FROM generate_series($2::int + 1, $2::int + 15) AS m, unnest($3::int[]) AS c",
        START,
        15 * number,
        plant.channels,
    )
    await owner.execute(
        "INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)"
        " SELECT $1, $2, to_timestamp($3) + m * INTERVAL '1 minute',"
        " to_timestamp($3) + m * INTERVAL '1 minute'"
        " FROM generate_series($4::int + 1, $4::int + 15) AS m",
        plant.enterprise_id,
        plant.channels,
        START,
        15 * number,
    )
