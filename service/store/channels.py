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
    alike: dict[tuple[object, ...], Kind] = {}  # thousands of channels, a few kinds
    found: dict[int, Kind] = {}
    for channel_id, *columns in rows.all():
        known = alike.get(key := tuple(columns))
        if known is None:
            known = alike[key] = _kind(*columns)
        found[channel_id] = known
    return found


def _kind(kind: str, statistic: str, label: str, expected_interval_s: int, hold_s: int) -> Kind:
    period_s = period_of(statistic, expected_interval_s)
    return Kind(ChannelKind(kind), period_s, Label(label), hold_s)
