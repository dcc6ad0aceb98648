"""Days of Asia/Shanghai, recomputed from quarter hours and replaced."""

from collections.abc import Sequence
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
_CLEAR = text("""
    DELETE FROM usage_daily
    WHERE channel_id = ANY(CAST(:channels AS integer[])) AND day >= :first AND day < :stop
""")
_INSERT = text(f"""
    WITH {COEFFICIENTS},
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


async def replace(connection: Connection, channels: Sequence[int], first: date, stop: date) -> None:
    """Recompute the days [first, stop) of channels with their coal equivalents."""
    bounds = {"channels": list(channels), "first": first, "stop": stop}
    await connection.execute(_CLEAR, bounds)
    await connection.execute(_INSERT, bounds)
