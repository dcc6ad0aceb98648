"""Readings as they were sent, of channels that came from a query under policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_READINGS = text("""
    SELECT at, channel_id, value, quality FROM readings
    WHERE channel_id = ANY(CAST(:channels AS integer[])) AND at >= :start AND at < :stop
      AND (CAST(:after_at AS timestamptz) IS NULL
           OR (at, channel_id) > (:after_at, CAST(:after_channel AS integer)))
    ORDER BY at, channel_id
    LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class StoredReading:
    """One reading; ``quality`` is the number of its name."""

    at: datetime
    channel_id: int
    value: float
    quality: int


async def page(
    connection: Connection,
    channels: Sequence[int],
    start: datetime,
    stop: datetime,
    limit: int,
    after: tuple[datetime, int] | None,
) -> list[StoredReading]:
    """Return readings of [start, stop) in order of time, after a key if one is given."""
    at, channel = after or (None, None)
    rows = await connection.execute(
        _READINGS,
        {
            "channels": list(channels),
            "start": start if at is None else at,
            "stop": stop,
            "after_at": at,
            "after_channel": channel,
            "limit": limit,
        },
    )
    return [StoredReading(*row) for row in rows]
