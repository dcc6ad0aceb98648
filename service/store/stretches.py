"""Changed stretches: the log of what collectors changed, claimed by enterprise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from schemas.locks import Lock
from service.store.engine import Connection, copy

# From one enterprise to the next by the index: however many wait, only those returned are visited.
# Materialised, or the planner takes locks on enterprises that it does not return.
_PICK = text("""
    WITH RECURSIVE waiting AS (
        (
            SELECT enterprise_id FROM changed_stretches
            WHERE enterprise_id > :after
            ORDER BY enterprise_id
            LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT s.enterprise_id FROM changed_stretches AS s
            WHERE s.enterprise_id > waiting.enterprise_id
            ORDER BY s.enterprise_id
            LIMIT 1
        )
        FROM waiting WHERE enterprise_id IS NOT NULL
    ),
    candidates AS MATERIALIZED (
        SELECT enterprise_id FROM waiting WHERE enterprise_id IS NOT NULL LIMIT :most
    )
    SELECT enterprise_id, pg_try_advisory_xact_lock(:lock, enterprise_id) AS is_locked
    FROM candidates
""")
# Runs of a channel that lie within a day of each other become one change.
_CLAIM = text("""
    WITH claimed AS (
        DELETE FROM changed_stretches
        WHERE enterprise_id = ANY(CAST(:enterprises AS integer[]))
        RETURNING enterprise_id, channel_ids, first_at, last_at, only_days
    ), runs AS (
        SELECT enterprise_id, channel_id, only_days,
               unnest(range_agg(tstzrange(first_at, last_at + INTERVAL '1 day', '[]'))) AS run
        FROM claimed, unnest(channel_ids) AS channel_id
        GROUP BY enterprise_id, channel_id, only_days
    )
    SELECT enterprise_id, channel_id, lower(run) AS first_at,
           upper(run) - INTERVAL '1 day' AS last_at, only_days
    FROM runs
    ORDER BY first_at, channel_id
""")
_BACKLOG = text("SELECT count(*) FROM changed_stretches")


@dataclass(frozen=True, slots=True)
class Change:
    """Readings of one channel that changed between two instants, both included.

    With ``only_days`` the readings are as they were, and what their days are worth changed.
    """

    enterprise_id: int
    channel_id: int
    first_at: datetime
    last_at: datetime
    only_days: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """Enterprises whose locks are held until the transaction ends, and the last that was tried."""

    held: list[int]
    last: int


async def pick(connection: Connection, after: int, most: int) -> Picked | None:
    """Try the locks of the next enterprises with changes; None at the end of the round."""
    rows = (
        await connection.execute(_PICK, {"after": after, "most": most, "lock": int(Lock.ROLLUP)})
    ).all()
    held = [row.enterprise_id for row in rows if row.is_locked]
    return Picked(held, rows[-1].enterprise_id) if rows else None


async def claim(connection: Connection, enterprises: Sequence[int]) -> list[Change]:
    """Take all changes of enterprises whose locks are held, merged by channel.

    A statement of its own: its snapshot must not be older than the locks.
    """
    rows = await connection.execute(_CLAIM, {"enterprises": list(enterprises)})
    return [Change(*row) for row in rows.all()]


async def postpone(connection: Connection, changes: Sequence[Change]) -> None:
    """Put back what is left for a later transaction."""
    if changes:
        await copy(
            connection,
            "changed_stretches",
            ("enterprise_id", "channel_ids", "first_at", "last_at", "only_days"),
            [
                (
                    change.enterprise_id,
                    [change.channel_id],
                    change.first_at,
                    change.last_at,
                    change.only_days,
                )
                for change in changes
            ],
        )


async def backlog(connection: Connection) -> int:
    """Return how many stretches wait."""
    return int(await connection.scalar(_BACKLOG) or 0)
