"""Channels: how their values stand in time."""

from collections.abc import Iterable

from sqlalchemy import text

from schemas.registry import ROLLED_UP, ChannelKind, Label, period_of
from service.domain.reach import Kind
from service.store.engine import Connection

_KINDS = text("""
    SELECT channel_id, kind, statistic, label, expected_interval_s, hold_s FROM channels
    WHERE channel_id = ANY(CAST(:channels AS integer[]))
      AND statistic = ANY(CAST(:rolled_up AS text[]))
""")


async def kinds(connection: Connection, channels: Iterable[int]) -> dict[int, Kind]:
    """Return how the values of each channel stand in time, of those that are rolled up."""
    rows = await connection.execute(
        _KINDS, {"channels": list(channels), "rolled_up": sorted(ROLLED_UP)}
    )
    return {
        row.channel_id: Kind(
            ChannelKind(row.kind),
            period_of(row.statistic, row.expected_interval_s),
            Label(row.label),
            row.hold_s,
        )
        for row in rows
    }
