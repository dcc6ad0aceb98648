"""A plant with half an hour of readings and any number of old chunks behind it."""

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
