"""Days of Asia/Shanghai, recomputed from quarter hours and replaced."""

from collections.abc import Sequence
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

_CLEAR = text("""
    DELETE FROM usage_daily
    WHERE channel_id = ANY(CAST(:channels AS integer[])) AND day >= :first AND day < :stop
""")
_INSERT = text(f"""
    WITH {FACTOR},
    day AS (
        SELECT channel_id, (at AT TIME ZONE 'Asia/Shanghai')::date AS day,
               sum(amount) AS amount, sum(estimated) AS estimated,
               sum(mean * measured_s) / nullif(sum(measured_s), 0) AS mean,
               max(maximum) AS maximum, sum(measured_s) AS measured_s, bit_or(flags) AS flags
        FROM usage_15m
        WHERE channel_id = ANY(CAST(:channels AS integer[]))
          AND at >= CAST(:first AS timestamp) AT TIME ZONE 'Asia/Shanghai'
          AND at < CAST(:stop AS timestamp) AT TIME ZONE 'Asia/Shanghai'
        GROUP BY 1, 2
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
        RETURNING u.day
    )
    SELECT min(day) AS first, max(day) AS last FROM changed
""")
AT_ONCE = timedelta(days=1_000_000)  # of channels in one transaction; what is more is put back


async def replace(connection: Connection, channels: Sequence[int], first: date, stop: date) -> None:
    """Recompute the days [first, stop) of channels with their coal equivalents."""
    bounds = {"channels": list(channels), "first": first, "stop": stop}
    worth = await factors.of_channels(connection, channels, first, stop)
    await connection.execute(_CLEAR, bounds)
    await connection.execute(_INSERT, {**bounds, **factors.parameters(worth)})


async def revalue(connection: Connection, changes: Sequence[Change]) -> tuple[date, date] | None:
    """Give the days of changes the factors that hold now; their amounts stay as they are.

    It needs no quarter hours, so days that outlived theirs are right as well. Returns the first
    and the last day that came out otherwise; None where all did as before.
    """
    if not changes:
        return None
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
    row = (await connection.execute(_REVALUE, {**bounds, **factors.parameters(worth)})).one()
    return None if row.first is None else (row.first, row.last)


def fitting(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Return as many of the changes as a transaction should take, and the others."""
    taken, room = 0, AT_ONCE
    for change in changes:
        if taken and room <= timedelta():
            break
        room -= change.last_at - change.first_at
        taken += 1
    return list(changes[:taken]), list(changes[taken:])
