"""One transaction: a group of readings, its revisions, and the stretches that it changed.

The order of rows and of statements is the outcome of trials in which others failed: two
collectors with one redelivery deadlock unless rows are sorted, and old values saved before an
upsert lose revisions under concurrent writers.
"""

import asyncpg
import numpy as np
from numpy.typing import NDArray

from ingest.group import Group, Stretch
from ingest.merge import (
    STAGING,
    append_missing_revisions,
    append_revisions,
    copy,
    merge,
    yield_to_stored,
)
from ingest.monitoring import GROUPS
from ingest.registry import Mark, RawFrame

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
    await connection.execute(STAGING)


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
        if not len(group) or await copy(connection, group.copied()):
            changed = np.ones(len(group), dtype=np.bool_)
            GROUPS.labels(path="copied").inc()
        else:
            await connection.execute("ROLLBACK TO SAVEPOINT unchanged")
            GROUPS.labels(path="merged").inc()
            merging = yield_to_stored if yields else merge
            changed = await merging(connection, group, fates)
        append = append_missing_revisions if yields else append_revisions
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


def _columns(stretches: list[Stretch]) -> tuple[list[object], ...]:
    """Return stretches by column; arrays of different lengths go as texts."""
    return (
        [enterprise for enterprise, _, _, _ in stretches],
        [f"{{{','.join(map(str, channels))}}}" for _, channels, _, _ in stretches],
        [first for _, _, first, _ in stretches],
        [last for _, _, _, last in stretches],
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
