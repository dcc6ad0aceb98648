"""Days of Asia/Shanghai, recomputed from quarter hours and replaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text

from service.domain.calendar import DAY, day_of
from service.store import factors
from service.store.engine import Connection
from service.store.factors import FACTOR
from service.store.stretches import Change

# An amount of tonnes or m³ times kgce or kgCO2 of one.
_WORTH = (
    "{0}.amount * f.kgce / 1000, {0}.amount * f.kgce_by_coal / 1000, {0}.amount * f.kgco2 / 1000"
)

_WANTED = """
    unnest(
        CAST(:channels AS integer[]), CAST(:firsts AS date[]), CAST(:stops AS date[])
    ) AS w (channel_id, first, stop)
"""
_CLEAR = text(f"""
    DELETE FROM usage_daily AS u USING {_WANTED}
    WHERE u.channel_id = w.channel_id AND u.day >= w.first AND u.day < w.stop
      AND u.day >= :lower AND u.day < :upper
""")
# A look at each day by its own bounds: to find the day of each quarter hour costs twice as much.
_INSERT = text(f"""
    WITH {FACTOR},
    day AS (
        SELECT w.channel_id, d.day::date AS day, u.*
        FROM {_WANTED}
        CROSS JOIN LATERAL generate_series(
            CAST(w.first AS timestamp), w.stop - INTERVAL '1 day', INTERVAL '1 day'
        ) AS d (day)
        CROSS JOIN LATERAL (
            SELECT sum(amount) AS amount, sum(estimated) AS estimated,
                   sum(mean * measured_s) / nullif(sum(measured_s), 0) AS mean,
                   max(maximum) AS maximum, sum(measured_s) AS measured_s, bit_or(flags) AS flags
            FROM usage_15m
            WHERE channel_id = w.channel_id
              AND at >= d.day AT TIME ZONE 'Asia/Shanghai'
              AND at < (d.day + INTERVAL '1 day') AT TIME ZONE 'Asia/Shanghai'
              AND at >= CAST(:lower AS timestamp) AT TIME ZONE 'Asia/Shanghai'
              AND at < CAST(:upper AS timestamp) AT TIME ZONE 'Asia/Shanghai'
            HAVING count(*) > 0
        ) AS u
    )
    INSERT INTO usage_daily (tce_calorific, tce_coal_consumption, co2_t, day, amount, estimated,
                             mean, maximum, channel_id, measured_s, flags)
    SELECT {_WORTH.format("d")},
           d.day, d.amount, d.estimated, d.mean, d.maximum, d.channel_id, d.measured_s, d.flags
    FROM day AS d
    JOIN kind AS k ON k.channel_id = d.channel_id
    JOIN worth AS f ON f.kind = k.kind AND d.day >= f.first_day AND d.day < f.end_day
""")
# Only days that come out otherwise are written, so that it may look at more than was touched.
_REVALUE = text(f"""
    WITH {FACTOR},
    valued AS (
        SELECT u.channel_id, u.day, now.*
        FROM usage_daily AS u
        JOIN unnest(
            CAST(:channels AS integer[]), CAST(:firsts AS date[]), CAST(:stops AS date[])
        ) AS w (channel_id, first, stop)
            ON w.channel_id = u.channel_id AND u.day >= w.first AND u.day < w.stop
        JOIN kind AS k ON k.channel_id = u.channel_id
        JOIN worth AS f ON f.kind = k.kind AND u.day >= f.first_day AND u.day < f.end_day
        CROSS JOIN LATERAL (SELECT {_WORTH.format("u")}) AS now (calorific, by_coal, co2_t)
        WHERE u.day >= :first_day AND u.day < :stop_day
          AND u.channel_id = ANY(CAST(:channels AS integer[]))
          AND (u.tce_calorific, u.tce_coal_consumption, u.co2_t) IS DISTINCT FROM
              (now.calorific, now.by_coal, now.co2_t)
    ),
    changed AS (
        UPDATE usage_daily AS u
        SET tce_calorific = v.calorific, tce_coal_consumption = v.by_coal, co2_t = v.co2_t
        FROM valued AS v
        WHERE u.channel_id = v.channel_id AND u.day = v.day
          AND u.day >= :first_day AND u.day < :stop_day
        RETURNING u.channel_id, u.day
    )
    SELECT channel_id, min(day) AS first, max(day) AS last FROM changed GROUP BY channel_id
""")
AT_ONCE = timedelta(days=1_000_000)  # of channels in one transaction; what is more is put back


@dataclass(frozen=True, slots=True)
class Days:
    """The days [first, stop) of one channel."""

    channel_id: int
    first: date
    stop: date


async def replace(connection: Connection, spans: Sequence[Days]) -> None:
    """Recompute days of channels with their coal equivalents."""
    channels = [span.channel_id for span in spans]
    lower, upper = min(span.first for span in spans), max(span.stop for span in spans)
    worth = await factors.of_channels(connection, channels, lower, upper)
    bounds = {
        "channels": channels,
        "firsts": [span.first for span in spans],
        "stops": [span.stop for span in spans],
        "lower": lower,
        "upper": upper,
    }
    await connection.execute(_CLEAR, bounds)
    await connection.execute(_INSERT, {**bounds, **factors.parameters(worth)})


async def revalue(
    connection: Connection, changes: Sequence[Change]
) -> dict[int, tuple[date, date]]:
    """Give the days of changes the factors that hold now; their amounts stay as they are.

    It needs no quarter hours, so days that outlived theirs are right as well. Returns by
    enterprise the first and the last day that came out otherwise.
    """
    if not changes:
        return {}
    firsts = [day_of(change.first_at) for change in changes]
    stops = [day_of(change.last_at) + DAY for change in changes]
    channels = [change.channel_id for change in changes]
    first, stop = min(firsts), max(stops)
    worth = await factors.of_channels(connection, channels, first, stop)
    bounds = {
        "channels": channels,
        "firsts": firsts,
        "stops": stops,
        "first_day": first,
        "stop_day": stop,
    }
    owners = {change.channel_id: change.enterprise_id for change in changes}
    found: dict[int, tuple[date, date]] = {}
    rows = await connection.execute(_REVALUE, {**bounds, **factors.parameters(worth)})
    for channel, lowest, highest in rows.all():
        known = found.get(owners[channel], (lowest, highest))
        found[owners[channel]] = min(known[0], lowest), max(known[1], highest)
    return found


def fitting(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Return as many of the changes as a transaction should take, and the others."""
    taken, room = 0, AT_ONCE
    for change in changes:
        if taken and room <= timedelta():
            break
        room -= change.last_at - change.first_at
        taken += 1
    return list(changes[:taken]), list(changes[taken:])
