"""How far the change of a reading reaches: to its neighbours, whatever the gap.

Every look-up carries a lower and an upper bound as constants, so that chunks are excluded when
the statement is planned. What no bound of two days finds is looked for once more between there
and the channel's first or last reading; past those there is nothing to look for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text

from service.domain.segments import LARGEST
from service.store.engine import Connection
from service.store.stretches import Change

NEAR = timedelta(days=2)

_EXTEND = text("""
    INSERT INTO channel_extents AS known (channel_id, first_at, last_at)
    SELECT channel_id, min(first_at), max(last_at)
    FROM unnest(
        CAST(:channels AS integer[]), CAST(:firsts AS timestamptz[]), CAST(:lasts AS timestamptz[])
    ) AS change (channel_id, first_at, last_at)
    GROUP BY channel_id
    ORDER BY channel_id
    ON CONFLICT (channel_id) DO UPDATE
    SET first_at = least(known.first_at, excluded.first_at),
        last_at = greatest(known.last_at, excluded.last_at)
    RETURNING channel_id, first_at, last_at
""")


def usable(reading: str, channel: str, scale: str) -> str:
    """Return the condition for a reading to count; ``scale`` turns it into the catalogue's unit."""
    value = f"{reading}.value"
    return f"""
        {reading}.quality <> 2 AND abs({value}) <= {LARGEST}
        AND ({channel}.plausible_min IS NULL OR {value} * {scale} >= {channel}.plausible_min)
        AND ({channel}.plausible_max IS NULL OR {value} * {scale} <= {channel}.plausible_max)
    """


# Asked only of channels that have a plausible range.
_SCALE = """
    coalesce((
        SELECT scale FROM channel_settings AS s
        WHERE s.channel_id = r.channel_id
        ORDER BY s.valid_from <= r.at DESC, abs(extract(epoch FROM r.at - s.valid_from))
        LIMIT 1
    ), 1)
"""
# of a reading `r` of a channel `c`
OF_CHANNEL = usable("r", "c", _SCALE)
# What a register shows is known from its usable readings and at the replacement of a dial.
_LOOK_UP = """
    SELECT w.place, {nearest}(r.at, e.at) AS at
    FROM unnest(
        CAST(:places AS integer[]), CAST(:channels AS integer[]), CAST(:instants AS timestamptz[])
    ) AS w (place, channel_id, instant)
    JOIN channels AS c USING (channel_id)
    LEFT JOIN LATERAL (
        SELECT r.at FROM readings AS r
        WHERE r.channel_id = w.channel_id AND r.at {comparison} w.instant
          AND r.at >= :lower AND r.at <= :upper AND {usable}
        ORDER BY r.at {order}
        LIMIT 1
    ) AS r ON true
    LEFT JOIN LATERAL (
        SELECT e.at FROM device_events AS e
        WHERE e.channel_id = w.channel_id AND e.at {comparison} w.instant
          AND e.at >= :lower AND e.at <= :upper AND e.kind = 'replacement'
        ORDER BY e.at {order}
        LIMIT 1
    ) AS e ON true
    WHERE (r.at IS NOT NULL OR e.at IS NOT NULL)
      AND c.channel_id = ANY(CAST(:channels AS integer[]))
"""
_BEFORE = text(
    _LOOK_UP.format(nearest="greatest", comparison="<=", order="DESC", usable=OF_CHANNEL)
)
_AFTER = text(_LOOK_UP.format(nearest="least", comparison=">=", order="ASC", usable=OF_CHANNEL))


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the readings of a channel begin and end, as far as the rollup has seen them."""

    first_at: datetime
    last_at: datetime


async def extend(connection: Connection, changes: Sequence[Change]) -> dict[int, Extent]:
    """Note how far the channels' readings reach and return it."""
    rows = await connection.execute(
        _EXTEND,
        {
            "channels": [change.channel_id for change in changes],
            "firsts": [change.first_at for change in changes],
            "lasts": [change.last_at for change in changes],
        },
    )
    return {channel: Extent(first, last) for channel, first, last in rows.all()}


async def before(
    connection: Connection, wanted: Sequence[tuple[int, datetime]], extents: dict[int, Extent]
) -> list[datetime | None]:
    """Return for each (channel, instant) where its dial is last known at or before the instant."""
    return await _find(
        connection,
        _BEFORE,
        wanted,
        [(at - NEAR, at) for _, at in wanted],
        [(extents[channel].first_at, at) for channel, at in wanted],
    )


async def after(
    connection: Connection, wanted: Sequence[tuple[int, datetime]], extents: dict[int, Extent]
) -> list[datetime | None]:
    """Return for each (channel, instant) where its dial is next known at or after the instant."""
    return await _find(
        connection,
        _AFTER,
        wanted,
        [(at, at + NEAR) for _, at in wanted],
        [(at, extents[channel].last_at) for channel, at in wanted],
    )


async def _find(
    connection: Connection,
    query: TextClause,
    wanted: Sequence[tuple[int, datetime]],
    near: Sequence[tuple[datetime, datetime]],
    far: Sequence[tuple[datetime, datetime]],
) -> list[datetime | None]:
    """Look between the near bounds first, then between the far ones; empty ones hold nothing."""
    found: list[datetime | None] = [None] * len(wanted)
    missing = [place for place, (first, last) in enumerate(far) if first <= last]
    for bounds in (near, far):
        if not missing:
            break
        rows = await connection.execute(
            query,
            {
                "places": missing,
                "channels": [wanted[place][0] for place in missing],
                "instants": [wanted[place][1] for place in missing],
                "lower": min(bounds[place][0] for place in missing),
                "upper": max(bounds[place][1] for place in missing),
            },
        )
        for place, at in rows.all():
            found[place] = at
        missing = [place for place in missing if found[place] is None]
    return found
