"""Channels: how their values stand in time."""

from collections.abc import Iterable

from sqlalchemy import text

from schemas.registry import ChannelKind, Label
from service.domain.reach import Kind
from service.store.engine import Connection

_KINDS = text("""
    SELECT channel_id, kind, statistic, label, hold_s FROM channels
    WHERE channel_id = ANY(CAST(:channels AS integer[]))
""")


async def kinds(connection: Connection, channels: Iterable[int]) -> dict[int, Kind]:
    """Return how the values of each channel stand in time."""
    rows = await connection.execute(_KINDS, {"channels": list(channels)})
    return {
        row.channel_id: Kind(ChannelKind(row.kind), row.statistic, Label(row.label), row.hold_s)
        for row in rows
    }
