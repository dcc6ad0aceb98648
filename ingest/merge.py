"""A group of readings some of which are there already: insert what is new, revise what differs.

The order is the outcome of trials in which others failed: rows sorted by key, insertions before
locks, each statement with its own snapshot, and an old value saved only under its lock. Nested
loops are forced, from the group into the index of the readings: the planner knows nothing of
rows that came since its statistics, and once walked a chunk for each row of a group.
"""

from collections.abc import AsyncIterator

import asyncpg
import numpy as np
from numpy.typing import NDArray

from ingest.group import DUPLICATE, REVISED, Group, Revision

COLUMNS = ("at", "value", "channel_id", "quality")
ATTEMPTS = 8

STAGING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS staging (
        at timestamptz, value double precision, channel_id integer, quality smallint,
        place integer
    ) ON COMMIT DELETE ROWS
"""
PREPARE = """
    SET LOCAL plan_cache_mode = force_custom_plan;
    SET LOCAL enable_hashjoin = off;
    SET LOCAL enable_mergejoin = off;
    SAVEPOINT staged
"""
# A look without locks. What is the same needs none: whoever changes it from now on comes later.
FIND = """
    SELECT array_agg(place) FILTER (WHERE is_same), array_agg(place) FILTER (WHERE NOT is_same)
    FROM (
        SELECT staging.place,
               readings.value = staging.value AND readings.quality = staging.quality AS is_same
        FROM staging LEFT JOIN readings
          ON readings.channel_id = staging.channel_id AND readings.at = staging.at
         AND readings.at BETWEEN $1 AND $2
    ) AS looked_up
"""
_LOCK_OLD = """
    SELECT staging.place, old.value, old.quality
    FROM (SELECT place, channel_id, at FROM staging WHERE place = ANY($3) ORDER BY place)
         AS staging,
    LATERAL (
        SELECT value, quality FROM readings
        WHERE readings.channel_id = staging.channel_id AND readings.at = staging.at
          AND readings.at BETWEEN $1 AND $2
        FOR UPDATE
    ) AS old
"""
# All of them are there, and locked.
_REPLACE = """
    INSERT INTO readings (at, value, channel_id, quality)
    SELECT at, value, channel_id, quality FROM staging WHERE place = ANY($1) ORDER BY place
    ON CONFLICT (channel_id, at) DO UPDATE
    SET value = excluded.value, quality = excluded.quality
"""


async def copy(connection: asyncpg.Connection, rows: bytes) -> bool:
    """Copy rows into the readings; tell whether none of them was there."""
    try:
        await connection.copy_to_table(
            "readings", source=_once(rows), columns=COLUMNS, format="binary"
        )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def merge(
    connection: asyncpg.Connection, group: Group, fates: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Insert what is new and replace what differs; notes the fates, tells which rows changed.

    Raises `asyncpg.SerializationError` when others were quicker again and again.
    """
    await connection.copy_to_table(
        "staging", source=_once(group.staged()), columns=(*COLUMNS, "place"), format="binary"
    )
    await connection.execute(PREPARE)
    for _ in range(ATTEMPTS):
        found = await connection.fetchrow(FIND, *group.bounds)
        same, other = (np.array(places or [], dtype=np.int64) for places in found)
        # where the group itself holds several values, what the old one was tells their fates
        several = group.firsts[same] != group.lasts[same]
        same, other = same[~several], np.sort(np.concatenate((other, same[several])))
        if await _insert_new(connection, group, same, other):
            old = await connection.fetch(_LOCK_OLD, *group.bounds, other) if len(other) else []
            if len(old) == len(other):
                fates[group.firsts[same]] = DUPLICATE
                changed = np.ones(len(group), dtype=np.bool_)
                changed[same] = False
                await _replace(connection, group, old, fates, changed)
                return changed
        await connection.execute("ROLLBACK TO SAVEPOINT staged")
    raise asyncpg.SerializationError("others write the same readings")


async def append_revisions(connection: asyncpg.Connection, revisions: list[Revision]) -> None:
    """Keep older values, and who replaced them."""
    if revisions:
        await connection.copy_records_to_table(
            "reading_revisions",
            records=revisions,
            columns=("channel_id", "at", "value", "quality", "replaced_by"),
        )


async def _insert_new(
    connection: asyncpg.Connection,
    group: Group,
    same: NDArray[np.int64],
    other: NDArray[np.int64],
) -> bool:
    """Insert the rows that were not found; tell whether they are still not there."""
    is_new = np.ones(len(group), dtype=np.bool_)
    is_new[same] = is_new[other] = False
    return not is_new.any() or await copy(connection, group.copied(is_new))


async def _replace(
    connection: asyncpg.Connection,
    group: Group,
    old: list[asyncpg.Record],
    fates: NDArray[np.int8],
    changed: NDArray[np.bool_],
) -> None:
    """Save the old values of locked rows and write the new ones, where they differ."""
    if not old:
        return
    places = np.array([row[0] for row in old], dtype=np.int64)
    values = np.array([row[1] for row in old], dtype=np.float64)
    qualities = np.array([row[2] for row in old], dtype=np.int16)
    arrived, firsts, lasts = group.arrived, group.firsts[places], group.lasts[places]
    replaced = (values != arrived.values[firsts]) | (qualities != arrived.qualities[firsts])
    fates[firsts] = np.where(replaced, REVISED, DUPLICATE)
    changed[places] = (values != arrived.values[lasts]) | (qualities != arrived.qualities[lasts])
    await append_revisions(
        connection,
        [
            arrived.replaced(int(firsts[row]), float(values[row]), int(qualities[row]))
            for row in np.flatnonzero(replaced)
        ],
    )
    if changed[places].any():
        await connection.execute(_REPLACE, places[changed[places]].tolist())


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
