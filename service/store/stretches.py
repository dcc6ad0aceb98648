"""Changed stretches: the log of what collectors changed, claimed by enterprise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from schemas.locks import Lock
from service.store.engine import Connection, copy

# Materialised, or the planner takes locks on enterprises that it does not return.
_PICK = text("""
    WITH candidates AS MATERIALIZED (
        SELECT e.enterprise_id FROM enterprises AS e
        WHERE e.enterprise_id > :after
          AND EXISTS (SELECT FROM changed_stretches AS s WHERE s.enterprise_id = e.enterprise_id)
        ORDER BY e.enterprise_id
    )
    SELECT enterprise_id FROM candidates
    WHERE pg_try_advisory_xact_lock(:lock, enterprise_id)
    LIMIT 1
""")
# Runs of a channel that lie within a day of each other become one change.
_CLAIM = text("""
    WITH claimed AS (
        DELETE FROM changed_stretches WHERE enterprise_id = :enterprise
        RETURNING channel_ids, first_at, last_at, only_days
    ), runs AS (
        SELECT channel_id, only_days,
               unnest(range_agg(tstzrange(first_at, last_at + INTERVAL '1 day', '[]'))) AS run
        FROM claimed, unnest(channel_ids) AS channel_id
        GROUP BY channel_id, only_days
    )
    SELECT channel_id, lower(run) AS first_at, upper(run) - INTERVAL '1 day' AS last_at, only_days
    FROM runs
    ORDER BY first_at, channel_id
""")
_BACKLOG = text("SELECT count(*) FROM changed_stretches")


@dataclass(frozen=True, slots=True)
class Change:
    """Readings of one channel that changed between two instants, both included.

    With ``only_days`` the readings are as they were, and what their days are worth changed.
    """

    channel_id: int
    first_at: datetime
    last_at: datetime
    only_days: bool = False


async def pick(connection: Connection, after: int) -> int | None:
    """Return the next enterprise with changes and hold its lock; None at the end of the round."""
    enterprise: int | None = await connection.scalar(
        _PICK, {"after": after, "lock": int(Lock.ROLLUP)}
    )
    return enterprise


async def claim(connection: Connection, enterprise_id: int) -> list[Change]:
    """Take all changes of an enterprise whose lock is held, merged by channel.

    A statement of its own: its snapshot must not be older than the lock.
    """
    rows = await connection.execute(_CLAIM, {"enterprise": enterprise_id})
    return [Change(*row) for row in rows]


async def postpone(connection: Connection, enterprise_id: int, changes: Sequence[Change]) -> None:
    """Put back what is left for a later transaction."""
    await copy(
        connection,
        "changed_stretches",
        ("enterprise_id", "channel_ids", "first_at", "last_at", "only_days"),
        [
            (enterprise_id, [change.channel_id], change.first_at, change.last_at, change.only_days)
            for change in changes
        ],
    )


async def backlog(connection: Connection) -> int:
    """Return how many stretches wait."""
    return int(await connection.scalar(_BACKLOG) or 0)
