"""What a county's enterprises measured over whole months, by both methods of coal equivalent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from service.store.engine import Connection
from service.store.factors import IS_MEDIUM

# Only level-1 meters make an enterprise's total; what it exports is taken off. The seconds due
# are those of its meters in service, whether anything arrived or not. Media (耗能工质) have no
# calorific value: they count by coal consumption only, and are named.
_MONTHLY = text(f"""
    WITH meter AS MATERIALIZED (
        SELECT c.channel_id, d.enterprise_id, e.county_code, e.above_scale,
               CASE c.role WHEN 'export' THEN -1 ELSE 1 END AS sign,
               CASE WHEN {IS_MEDIUM} THEN c.quantity END AS medium,
               greatest((c.in_service_from AT TIME ZONE 'Asia/Shanghai')::date, :first)
                   AS first_day,
               least((c.in_service_to AT TIME ZONE 'Asia/Shanghai')::date, :stop) AS end_day
        FROM channels AS c
        JOIN devices AS d USING (device_id)
        JOIN enterprises AS e USING (enterprise_id)
        WHERE e.county_code = ANY(CAST(:counties AS text[]))
          AND d.metering_level = 1 AND c.role IN ('consumption', 'export')
    ),
    month AS (
        SELECT generate_series(:first, :stop - 1, INTERVAL '1 month')::date AS month
    ),
    used AS (
        SELECT channel_id, date_trunc('month', day)::date AS month,
               sum(tce_calorific) AS tce_calorific,
               sum(tce_coal_consumption) AS tce_coal_consumption,
               count(*) FILTER (WHERE tce_calorific IS NULL AND amount <> 0) AS no_calorific,
               count(*) FILTER (WHERE tce_coal_consumption IS NULL AND amount <> 0) AS no_coal,
               sum(measured_s) AS measured_s
        FROM usage_daily
        WHERE channel_id IN (SELECT channel_id FROM meter) AND day >= :first AND day < :stop
        GROUP BY 1, 2
    )
    SELECT m.county_code, m.enterprise_id, m.above_scale, month.month,
           sum(sign * u.tce_calorific) AS tce_calorific,
           sum(sign * u.tce_coal_consumption) AS tce_coal_consumption,
           coalesce(sum(u.no_calorific) FILTER (WHERE m.medium IS NULL), 0) AS no_calorific,
           coalesce(sum(u.no_coal), 0) AS no_coal,
           coalesce(sum(u.measured_s), 0) AS measured_s,
           sum(86400.0 * greatest(
               least(m.end_day, (month.month + INTERVAL '1 month')::date)
               - greatest(m.first_day, month.month), 0
           )) AS due_s,
           array_agg(DISTINCT m.medium) FILTER (WHERE m.medium IS NOT NULL) AS media
    FROM meter AS m
    CROSS JOIN month
    LEFT JOIN used AS u ON u.channel_id = m.channel_id AND u.month = month.month
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 4
""")


@dataclass(frozen=True, slots=True)
class MeteredMonth:
    """One enterprise's month, in tce; None by a method for which a coefficient is missing.

    ``media`` are in it by coal consumption only.
    """

    county_code: str
    enterprise_id: int
    above_scale: bool
    month: date
    tce_calorific: float | None
    tce_coal_consumption: float | None
    measured_s: float
    due_s: float
    media: tuple[str, ...] = ()


async def monthly(
    connection: Connection, counties: Sequence[str], first: date, stop: date
) -> Iterator[MeteredMonth]:
    """Return the months [first, stop) of all enterprises of counties that have level-1 meters."""
    rows = await connection.execute(
        _MONTHLY, {"counties": list(counties), "first": first, "stop": stop}
    )
    return (
        MeteredMonth(
            row.county_code,
            row.enterprise_id,
            row.above_scale,
            row.month,
            None if row.no_calorific else row.tce_calorific,
            None if row.no_coal else row.tce_coal_consumption,
            row.measured_s,
            float(row.due_s),
            tuple(row.media or ()),
        )
        for row in rows
    )
