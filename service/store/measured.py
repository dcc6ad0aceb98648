"""How much of the time the meters and monitors of enterprises measured, by day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from service.store.engine import Connection

# What counts are level-1 meters and outlet monitors in service; a day without a row was not
# measured. A register that fell for no known reason is flagged.
_DAYS = text("""
    WITH due AS MATERIALIZED (
        SELECT c.channel_id, d.enterprise_id,
               (c.in_service_from AT TIME ZONE 'Asia/Shanghai')::date AS first_day,
               coalesce((c.in_service_to AT TIME ZONE 'Asia/Shanghai')::date, 'infinity')
                   AS end_day
        FROM channels AS c JOIN devices AS d USING (device_id)
        WHERE d.enterprise_id = ANY(CAST(:enterprises AS integer[]))
          AND ((c.role IN ('consumption', 'export') AND d.metering_level = 1)
               OR c.role = 'outlet')
    ),
    day AS (
        SELECT generate_series(
            CAST(:first AS date), CAST(:stop AS date) - 1, INTERVAL '1 day'
        )::date AS day
    )
    SELECT due.enterprise_id, day.day::timestamp AT TIME ZONE 'Asia/Shanghai' AS at,
           coalesce(sum(u.measured_s), 0) AS measured_s, count(*) * 86400.0 AS due_s,
           count(*) FILTER (WHERE u.flags & 4 <> 0) AS resets
    FROM due
    JOIN day ON day.day >= due.first_day AND day.day < due.end_day
    LEFT JOIN usage_daily AS u ON u.channel_id = due.channel_id AND u.day = day.day
        AND u.day >= :first AND u.day < :stop
    GROUP BY 1, 2
""")


@dataclass(frozen=True, slots=True)
class MeasuredDay:
    """Seconds measured and due of all channels of one enterprise, and its meters that fell."""

    enterprise_id: int
    start: datetime
    measured_s: float
    due_s: float
    resets: int


async def days(
    connection: Connection, enterprises: Sequence[int], first: date, stop: date
) -> Iterator[MeasuredDay]:
    """Return the days [first, stop) on which something was due."""
    rows = await connection.execute(
        _DAYS, {"enterprises": list(enterprises), "first": first, "stop": stop}
    )
    return (
        MeasuredDay(row.enterprise_id, row.at, row.measured_s, float(row.due_s), row.resets)
        for row in rows
    )
