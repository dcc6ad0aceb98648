"""One transaction: a group of readings, its revisions, and the stretches that it changed.

The order of rows and of statements is the outcome of trials in which others failed: two
collectors with one redelivery deadlock unless rows are sorted, and old values saved before an
upsert lose revisions under concurrent writers.
"""

from collections.abc import AsyncIterator

import asyncpg
import numpy as np
from numpy.typing import NDArray

from ingest.group import DUPLICATE, REVISED, Group, Revision, Stretch
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


async def prepare(connection: asyncpg.Connection) -> None:
    """Give a new connection of the pool its staging table."""
    await connection.execute(_STAGING)


async def commit(connection: asyncpg.Connection, group: Group) -> NDArray[np.int8]:
    """Write the group in one transaction and return the fate of each of its readings.

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
            changed = await _merge(connection, group, fates)
        await _append_revisions(connection, group.superseded)
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
    await connection.copy_to_table(
        "staging", source=_once(group.staged()), columns=(*COLUMNS, "place"), format="binary"
    )
    await connection.execute(_INSERT_NEW)
    changed = np.ones(len(group), dtype=np.bool_)
    old = await connection.fetch(_LOCK_OLD, first, last)
    if not old:
        return changed
    places = np.array([row[0] for row in old], dtype=np.int64)
    values = np.array([row[1] for row in old], dtype=np.float64)
    qualities = np.array([row[2] for row in old], dtype=np.int16)
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
