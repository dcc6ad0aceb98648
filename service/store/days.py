"""Days of Asia/Shanghai, recomputed from quarter hours and replaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from service.store.engine import Connection

# Days before the oldest coefficient use it. A fuel has one value by both methods; electricity and
# heat have one by coal consumption (等价值) only where the operator entered it.
COEFFICIENTS = """
    coefficient AS MATERIALIZED (
        SELECT quantity, method, kgce_per_unit,
               CASE WHEN lag(quantity) OVER in_order IS NULL THEN '-infinity'::date
                    ELSE valid_from END AS first_day,
               coalesce(least(lead(valid_from) OVER in_order, valid_to + 1), 'infinity') AS end_day
        FROM (
            SELECT quantity, method, kgce_per_unit, valid_from, valid_to FROM coefficients
            UNION ALL
            SELECT quantity, 'coal_consumption', kgce_per_unit, valid_from, valid_to
            FROM coefficients AS fuel
            WHERE method = 'calorific' AND quantity NOT IN ('electricity', 'heat')
              AND NOT EXISTS (
                  SELECT FROM coefficients AS entered
                  WHERE entered.quantity = fuel.quantity AND entered.method = 'coal_consumption'
              )
        ) AS known
        WINDOW in_order AS (PARTITION BY quantity, method ORDER BY valid_from)
    )
"""
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
    WITH {COEFFICIENTS},
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
    INSERT INTO usage_daily (tce_calorific, tce_coal_consumption, day, amount, estimated, mean,
                             maximum, channel_id, measured_s, flags)
    SELECT d.amount * calorific.kgce_per_unit / 1000,
           d.amount * by_coal.kgce_per_unit / 1000,
           d.day, d.amount, d.estimated, d.mean, d.maximum, d.channel_id, d.measured_s, d.flags
    FROM day AS d
    JOIN channels AS c USING (channel_id)
    LEFT JOIN coefficient AS calorific
        ON calorific.quantity = c.quantity AND calorific.method = 'calorific'
        AND d.day >= calorific.first_day AND d.day < calorific.end_day
    LEFT JOIN coefficient AS by_coal
        ON by_coal.quantity = c.quantity AND by_coal.method = 'coal_consumption'
        AND d.day >= by_coal.first_day AND d.day < by_coal.end_day
    WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
""")


@dataclass(frozen=True, slots=True)
class Days:
    """The days [first, stop) of one channel."""

    channel_id: int
    first: date
    stop: date


async def replace(connection: Connection, spans: Sequence[Days]) -> None:
    """Recompute days of channels with their coal equivalents."""
    bounds = {
        "channels": [span.channel_id for span in spans],
        "firsts": [span.first for span in spans],
        "stops": [span.stop for span in spans],
        "lower": min(span.first for span in spans),
        "upper": max(span.stop for span in spans),
    }
    await connection.execute(_CLEAR, bounds)
    await connection.execute(_INSERT, bounds)
