"""One transaction: a group of readings, its revisions, and the stretches that it changed.

The order of rows and of statements is the outcome of trials in which others failed: two
collectors with one redelivery deadlock unless rows are sorted, and old values saved before an
upsert lose revisions under concurrent writers.
"""

from collections.abc import AsyncIterator

import asyncpg
import numpy as np
from numpy.typing import NDArray

from ingest.group import DUPLICATE, REVISED, SUPERSEDED, Group, Revision, Stretch
from ingest.monitoring import GROUPS
from ingest.registry import Mark, RawFrame

COLUMNS = ("at", "value", "channel_id", "quality")

_STAGING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS staging (
        at timestamptz, value double precision, channel_id integer, quality smallint,
        place integer
    ) ON COMMIT DELETE ROWS
"""
# First statement: what is not there yet. Staging keeps the rest.
_INSERT_NEW = """
    WITH inserted AS (
        INSERT INTO readings (at, value, channel_id, quality)
        SELECT at, value, channel_id, quality FROM staging ORDER BY channel_id, at
        ON CONFLICT DO NOTHING
        RETURNING channel_id, at
    )
    DELETE FROM staging USING inserted
    WHERE staging.channel_id = inserted.channel_id AND staging.at = inserted.at
"""
# Second statement, with its own snapshot: lock what was there, in the same order.
_LOCK_OLD = """
    SELECT staging.place, readings.value, readings.quality
    FROM staging JOIN readings USING (channel_id, at)
    WHERE readings.at BETWEEN $1 AND $2
    ORDER BY readings.channel_id, readings.at
    FOR UPDATE OF readings
"""
_UPDATE_CHANGED = """
    UPDATE readings SET value = staging.value, quality = staging.quality
    FROM staging
    WHERE readings.channel_id = staging.channel_id AND readings.at = staging.at
      AND staging.place = ANY($1) AND readings.at BETWEEN $2 AND $3
"""


_APPEND_STRETCHES = """
    INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)
    SELECT enterprise_id, channel_ids::integer[], first_at, last_at
    FROM unnest($1::integer[], $2::text[], $3::timestamptz[], $4::timestamptz[])
        AS stretch (enterprise_id, channel_ids, first_at, last_at)
"""


_NOTE_MARK = """
    INSERT INTO condition_marks (device_id, wire_code, at, mark) VALUES ($1, $2, $3, $4)
    ON CONFLICT (device_id, wire_code, at) DO UPDATE SET mark = excluded.mark
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


async def prepare(connection: asyncpg.Connection) -> None:
    """Give a new connection of the pool its staging table."""
    await connection.execute(_STAGING)


async def commit(
    connection: asyncpg.Connection, group: Group, *, yields: bool = False
) -> NDArray[np.int8]:
    """Write the group in one transaction and return the fate of each of its readings.

    A group that yields was received before what is stored: it replaces nothing, and a value that
    differs from the stored one goes to the trail.

    Raises what the driver raises; nothing is then written, or, where the connection was lost in
    the commit, all of it, and writing it again is harmless.
    """
    fates = group.fates.copy()
    # few round trips: between two of them the loop decodes what has arrived
    await connection.execute("BEGIN; SAVEPOINT unchanged")
    try:
        if not len(group) or await _copy(connection, group):
            changed = np.ones(len(group), dtype=np.bool_)
        else:
            await connection.execute("ROLLBACK TO SAVEPOINT unchanged")
            merge = _yield_to_stored if yields else _merge
            changed = await merge(connection, group, fates)
        append = _append_missing_revisions if yields else _append_revisions
        await append(connection, group.superseded)
        await _append_frames(connection, group.frames)
        await _note_marks(connection, group.marks)
        if stretches := group.stretches(changed):
            await connection.execute(_APPEND_STRETCHES, *_columns(stretches))
        await connection.execute("COMMIT")
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    return fates


async def _copy(connection: asyncpg.Connection, group: Group) -> bool:
    """Copy the rows; tell whether none of them was there."""
    try:
        await connection.copy_to_table(
            "readings", source=_once(group.copied()), columns=COLUMNS, format="binary"
        )
    except asyncpg.UniqueViolationError:
        GROUPS.labels(path="merged").inc()
        return False
    GROUPS.labels(path="copied").inc()
    return True


def _columns(stretches: list[Stretch]) -> tuple[list[object], ...]:
    """Return stretches by column; arrays of different lengths go as texts."""
    return (
        [enterprise for enterprise, _, _, _ in stretches],
        [f"{{{','.join(map(str, channels))}}}" for _, channels, _, _ in stretches],
        [first for _, _, first, _ in stretches],
        [last for _, _, _, last in stretches],
    )


async def _merge(
    connection: asyncpg.Connection, group: Group, fates: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Insert what is new, replace what differs; notes the fates, tells which rows changed."""
    first, last = group.bounds
    changed = np.ones(len(group), dtype=np.bool_)
    places, values, qualities = await _insert_new(connection, group)
    if not len(places):
        return changed
    arrived, firsts, lasts = group.arrived, group.firsts[places], group.lasts[places]
    replaced = (values != arrived.values[firsts]) | (qualities != arrived.qualities[firsts])
    fates[firsts] = np.where(replaced, REVISED, DUPLICATE)
    changed[places] = (values != arrived.values[lasts]) | (qualities != arrived.qualities[lasts])
    await _append_revisions(
        connection,
        [
            arrived.replaced(int(firsts[row]), float(values[row]), int(qualities[row]))
            for row in np.flatnonzero(replaced)
        ],
    )
    if changed[places].any():
        await connection.execute(_UPDATE_CHANGED, places[changed[places]].tolist(), first, last)
    return changed


async def _yield_to_stored(
    connection: asyncpg.Connection, group: Group, fates: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Insert what is new and leave what is there; notes the fates, tells which rows are new."""
    places, values, qualities = await _insert_new(connection, group)
    arrived = group.arrived
    for ordinals in (group.firsts[places], group.lasts[places]):
        differs = (values != arrived.values[ordinals]) | (qualities != arrived.qualities[ordinals])
        fates[ordinals] = np.where(differs, SUPERSEDED, DUPLICATE)
    lasts = group.lasts[places[fates[group.lasts[places]] == SUPERSEDED]]
    await _append_missing_revisions(
        connection, [arrived.yielded(int(ordinal)) for ordinal in lasts]
    )
    changed = np.ones(len(group), dtype=np.bool_)
    changed[places] = False
    return changed


async def _insert_new(
    connection: asyncpg.Connection, group: Group
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int16]]:
    """Insert what is new; lock and return what was there: places, values and qualities."""
    await connection.copy_to_table(
        "staging", source=_once(group.staged()), columns=(*COLUMNS, "place"), format="binary"
    )
    await connection.execute(_INSERT_NEW)
    old = await connection.fetch(_LOCK_OLD, *group.bounds)
    return (
        np.array([row[0] for row in old], dtype=np.int64),
        np.array([row[1] for row in old], dtype=np.float64),
        np.array([row[2] for row in old], dtype=np.int16),
    )


async def _append_missing_revisions(
    connection: asyncpg.Connection, revisions: list[Revision]
) -> None:
    if revisions:
        await connection.execute(
            _APPEND_MISSING_REVISIONS, *map(list, zip(*revisions, strict=True))
        )


async def _append_revisions(connection: asyncpg.Connection, revisions: list[Revision]) -> None:
    if revisions:
        await connection.copy_records_to_table(
            "reading_revisions",
            records=revisions,
            columns=("channel_id", "at", "value", "quality", "replaced_by"),
        )


async def _append_frames(connection: asyncpg.Connection, frames: list[RawFrame]) -> None:
    if frames:
        await connection.copy_records_to_table(
            "accepted_frames",
            records=[(item.received_at, item.mn, item.source, item.frame) for item in frames],
            columns=("received_at", "mn", "source", "frame"),
        )


async def _note_marks(connection: asyncpg.Connection, marks: list[Mark]) -> None:
    newest = {(mark.device_id, mark.code, mark.at): mark.mark for mark in marks}
    if newest:
        rows = [
            (*key, mark) for key, mark in sorted(newest.items())
        ]  # all writers lock in one order
        await connection.executemany(_NOTE_MARK, rows)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
