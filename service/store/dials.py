"""Channels of a meter as entries about them need them: settings, and what dials showed.

Look-ups into readings carry both bounds as constants, so that chunks are excluded when the
statement is planned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from service.domain.entries import Shown
from service.domain.registers import Register, Setting
from service.store.engine import Connection
from service.store.neighbours import NEAR, OF_CHANNEL

_DEVICE = text("""
    SELECT d.device_id, d.code, e.uscc,
           min(c.in_service_from) AS in_service_from,
           CASE WHEN bool_and(c.in_service_to IS NOT NULL) THEN max(c.in_service_to) END
               AS in_service_to
    FROM enterprises AS e
    JOIN devices AS d USING (enterprise_id)
    LEFT JOIN channels AS c USING (device_id)
    WHERE e.uscc = :uscc AND d.code = :device
    GROUP BY 1, 2, 3
""")
# Serialises entries about one device.
_LOCK = text("SELECT FROM devices WHERE device_id = :device FOR NO KEY UPDATE")
_CHANNELS = text("""
    SELECT channel_id, quantity, statistic, kind, reversible, plausible_rate, expected_interval_s,
           in_service_from, in_service_to
    FROM channels
    WHERE device_id = :device
      AND (CAST(:channel AS integer) IS NULL OR channel_id = :channel)
      AND (CAST(:quantity AS text) IS NULL OR quantity = :quantity)
      AND (CAST(:statistic AS text) IS NULL OR statistic = :statistic)
      AND (CAST(:kind AS text) IS NULL OR kind = :kind)
    ORDER BY channel_id
""")
_SETTINGS = text("""
    SELECT setting_id, valid_from, unit, scale, multiplier, ct, pt, width
    FROM channel_settings WHERE channel_id = :channel
    ORDER BY valid_from
""")
_NEAREST = """
    SELECT at, value FROM (
        (
            SELECT r.at, r.value FROM readings AS r JOIN channels AS c USING (channel_id)
            WHERE r.channel_id = :channel AND r.at {comparison} :instant
              AND r.at >= :lower AND r.at <= :upper AND {usable}
            ORDER BY r.at {order}
            LIMIT 1
        )
        UNION ALL
        (
            SELECT e.at, e.{stand} FROM device_events AS e
            WHERE e.channel_id = :channel AND e.at {comparison} :instant
              AND e.at >= :lower AND e.at <= :upper
              AND e.kind = 'replacement' AND e.event_id IS DISTINCT FROM CAST(:ignored AS integer)
            ORDER BY e.at {order}
            LIMIT 1
        )
    ) AS shown
    ORDER BY at {order}
    LIMIT 1
"""
_BEFORE = text(
    _NEAREST.format(comparison="<", order="DESC", stand="opening_value", usable=OF_CHANNEL)
)
_AFTER = text(
    _NEAREST.format(comparison=">", order="ASC", stand="closing_value", usable=OF_CHANNEL)
)
_EXTENT = text("SELECT first_at, last_at FROM channel_extents WHERE channel_id = :channel")
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Device:
    """A device in scope; the instants are those between which any of its channels serves."""

    device_id: int
    code: str
    uscc: str
    in_service_from: datetime | None
    in_service_to: datetime | None


async def device(connection: Connection, uscc: str, code: str) -> Device | None:
    """Return a device in scope and hold it against other entries until the transaction ends."""
    row = (await connection.execute(_DEVICE, {"uscc": uscc, "device": code})).one_or_none()
    if row is None:
        return None
    await connection.execute(_LOCK, {"device": row.device_id})
    return Device(*row)


async def channels(
    connection: Connection,
    device_id: int,
    *,
    channel: int | None = None,
    quantity: str | None = None,
    statistic: str | None = None,
    kind: str | None = None,
) -> list[Any]:
    """Return the channels of a device that fit."""
    rows = await connection.execute(
        _CHANNELS,
        {
            "device": device_id,
            "channel": channel,
            "quantity": quantity,
            "statistic": statistic,
            "kind": kind,
        },
    )
    return list(rows)


async def settings(connection: Connection, channel: int) -> list[Any]:
    """Return the settings of a channel that stand, in order of time."""
    return list(await connection.execute(_SETTINGS, {"channel": channel}))


def register(channel: Any, known: Sequence[Any]) -> Register:
    """Return how the dial of a channel is read."""
    return Register(
        channel.expected_interval_s,
        [
            Setting(row.valid_from.timestamp(), row.multiplier, row.width, row.scale)
            for row in known
        ],
        (),
        channel.plausible_rate,
        channel.reversible,
    )


async def shown_before(
    connection: Connection, channel: int, at: datetime, ignored: int | None = None
) -> Shown | None:
    """Return what the dial is last known to have shown before an instant."""
    extent = (await connection.execute(_EXTENT, {"channel": channel})).one_or_none()
    first = at - NEAR if extent is None else min(extent.first_at, at - NEAR)
    return await _nearest(connection, _BEFORE, channel, at, [(at - NEAR, at), (first, at)], ignored)


async def shown_after(
    connection: Connection, channel: int, at: datetime, ignored: int | None = None
) -> Shown | None:
    """Return what the dial is next known to have shown after an instant."""
    extent = (await connection.execute(_EXTENT, {"channel": channel})).one_or_none()
    last = at + NEAR if extent is None else max(extent.last_at, at + NEAR)
    return await _nearest(connection, _AFTER, channel, at, [(at, at + NEAR), (at, last)], ignored)


async def shown_from(connection: Connection, channel: int, at: datetime) -> Shown | None:
    """Return what the dial is next known to have shown at or after an instant."""
    return await shown_after(connection, channel, at - MOMENT)


async def _nearest(
    connection: Connection,
    query: Any,
    channel: int,
    at: datetime,
    bounds: Sequence[tuple[datetime, datetime]],
    ignored: int | None,
) -> Shown | None:
    """Look between the nearest bounds first."""
    for lower, upper in bounds:
        row = (
            await connection.execute(
                query,
                {
                    "channel": channel,
                    "instant": at,
                    "lower": lower,
                    "upper": upper,
                    "ignored": ignored,
                },
            )
        ).one_or_none()
        if row is not None:
            return Shown(row.at.timestamp(), row.value)
    return None
