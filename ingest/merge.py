"""A group of readings some of which are there already: insert what is new, revise what differs.

The order is the outcome of trials in which others failed: rows sorted by key, each statement with
its own snapshot; insert or nothing; then, for what was there, lock, save the old values, update.
A look without locks goes before: what is new is copied once more, and what is the same costs no
lock, because whoever changes it from then on comes later than we.

Nested loops are forced, from the group into the index of the readings: the planner knows nothing
of rows that came since its statistics, and once walked a chunk for each row of a group.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import numpy as np
from numpy.typing import NDArray

from ingest.group import DUPLICATE, REVISED, SUPERSEDED, Group, Revision, moment

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
# First statement, where others were quicker than the copy: insert or nothing.
_INSERT_NEW = """
    WITH inserted AS (
        INSERT INTO readings (at, value, channel_id, quality)
        SELECT at, value, channel_id, quality FROM staging
        WHERE place = ANY($1) ORDER BY channel_id, at
        ON CONFLICT DO NOTHING
        RETURNING channel_id, at
    )
    SELECT count(*), CASE WHEN count(*) < $2 THEN array_agg(channel_id) END,
           CASE WHEN count(*) < $2 THEN array_agg(at) END
    FROM inserted
"""
# Second statement, with its own snapshot: lock what was there, in the same order.
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
_UPDATE_CHANGED = """
    UPDATE readings SET value = staging.value, quality = staging.quality
    FROM staging
    WHERE readings.channel_id = staging.channel_id AND readings.at = staging.at
      AND staging.place = ANY($1) AND readings.at BETWEEN $2 AND $3
"""
# Of a replay, which may be repeated after a crash: an entry that is there is not made again.
_APPEND_MISSING_REVISIONS = """
    INSERT INTO reading_revisions (channel_id, at, value, quality, replaced_by)
    SELECT channel_id, at, value, quality, replaced_by
    FROM unnest($1::integer[], $2::timestamptz[], $3::float8[], $4::smallint[], $5::text[])
        WITH ORDINALITY AS new (channel_id, at, value, quality, replaced_by, place)
    WHERE NOT EXISTS (
        SELECT FROM reading_revisions AS known
        WHERE (known.channel_id, known.at, known.value, known.quality, known.replaced_by)
            = (new.channel_id, new.at, new.value, new.quality, new.replaced_by)
    )
    ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class _Stored:
    """Rows of a group that were there: those that are the same, and others, which are locked."""

    same: NDArray[np.int64]  # places
    others: NDArray[np.int64]
    values: NDArray[np.float64]  # of the others, as they are stored
    qualities: NDArray[np.int16]


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
    """Insert what is new and replace what differs; notes the fates, tells which rows changed."""
    stored = await _insert_new(connection, group)
    changed = np.ones(len(group), dtype=np.bool_)
    fates[group.firsts[stored.same]] = DUPLICATE
    changed[stored.same] = False
    places = stored.others
    if not len(places):
        return changed
    arrived, firsts, lasts = group.arrived, group.firsts[places], group.lasts[places]
    replaced = _differ(stored, group, firsts)
    fates[firsts] = np.where(replaced, REVISED, DUPLICATE)
    changed[places] = _differ(stored, group, lasts)
    await append_revisions(
        connection,
        [
            arrived.replaced(int(firsts[n]), float(stored.values[n]), int(stored.qualities[n]))
            for n in np.flatnonzero(replaced)
        ],
    )
    if changed[places].any():
        wanted = places[changed[places]].tolist()
        await connection.execute(_UPDATE_CHANGED, wanted, *group.bounds)
    return changed


async def yield_to_stored(
    connection: asyncpg.Connection, group: Group, fates: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Insert what is new and leave what is there; notes the fates, tells which rows are new."""
    stored = await _insert_new(connection, group)
    changed = np.ones(len(group), dtype=np.bool_)
    changed[stored.same] = changed[stored.others] = False
    fates[group.firsts[stored.same]] = DUPLICATE
    for ordinals in (group.firsts[stored.others], group.lasts[stored.others]):
        fates[ordinals] = np.where(_differ(stored, group, ordinals), SUPERSEDED, DUPLICATE)
    lasts = group.lasts[stored.others]
    lasts = lasts[fates[lasts] == SUPERSEDED]
    await append_missing_revisions(
        connection, [group.arrived.yielded(int(ordinal)) for ordinal in lasts]
    )
    return changed


async def append_revisions(connection: asyncpg.Connection, revisions: list[Revision]) -> None:
    """Keep older values, and who replaced them."""
    if revisions:
        await connection.copy_records_to_table(
            "reading_revisions",
            records=revisions,
            columns=("channel_id", "at", "value", "quality", "replaced_by"),
        )


async def append_missing_revisions(
    connection: asyncpg.Connection, revisions: list[Revision]
) -> None:
    """Keep older values, and who replaced them, unless they are kept already."""
    if revisions:
        await connection.execute(
            _APPEND_MISSING_REVISIONS, *map(list, zip(*revisions, strict=True))
        )


async def _insert_new(connection: asyncpg.Connection, group: Group) -> _Stored:
    """Insert what is new; return what was there.

    Raises `asyncpg.SerializationError` when others removed rows between look and lock again and
    again.
    """
    await connection.copy_to_table(
        "staging", source=_once(group.staged()), columns=(*COLUMNS, "place"), format="binary"
    )
    await connection.execute(PREPARE)
    for _ in range(ATTEMPTS):
        found = await connection.fetchrow(FIND, *group.bounds)
        same, others = (np.array(places or [], dtype=np.int64) for places in found)
        # where the group itself holds several values, what the old one was tells their fates
        several = group.firsts[same] != group.lasts[same]
        same, others = same[~several], np.concatenate((others, same[several]))
        is_new = np.ones(len(group), dtype=np.bool_)
        is_new[same] = is_new[others] = False
        others = np.concatenate((others, await _insert(connection, group, np.flatnonzero(is_new))))
        old = []
        if len(others):
            old = await connection.fetch(_LOCK_OLD, *group.bounds, np.sort(others))
        if len(old) == len(others):
            return _Stored(
                same,
                np.array([row[0] for row in old], dtype=np.int64),
                np.array([row[1] for row in old], dtype=np.float64),
                np.array([row[2] for row in old], dtype=np.int16),
            )
        await connection.execute("ROLLBACK TO SAVEPOINT staged")
    raise asyncpg.SerializationError("others remove the same readings")


async def _insert(
    connection: asyncpg.Connection, group: Group, places: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Insert the rows of these places; return the places where others were quicker."""
    if not len(places):
        return places
    await connection.execute("SAVEPOINT looked_up")
    if await copy(connection, group.copied(places)):
        return places[:0]
    await connection.execute("ROLLBACK TO SAVEPOINT looked_up")
    row = await connection.fetchrow(_INSERT_NEW, places, len(places))
    if row[0] == len(places):
        return places[:0]
    inserted = set(zip(row[1] or [], row[2] or [], strict=True))
    arrived, lasts = group.arrived, group.lasts[places]
    keys = zip(arrived.channels[lasts].tolist(), arrived.instants[lasts].tolist(), strict=True)
    is_there = [(channel, moment(at)) not in inserted for channel, at in keys]
    return places[np.array(is_there, dtype=np.bool_)]


def _differ(stored: _Stored, group: Group, ordinals: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which readings differ from what is stored in their place."""
    values, qualities = group.arrived.values[ordinals], group.arrived.qualities[ordinals]
    differs: NDArray[np.bool_] = (stored.values != values) | (stored.qualities != qualities)
    return differs


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
