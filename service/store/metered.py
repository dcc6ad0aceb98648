"""What enterprises measured over whole months, by carrier, and of it the parts that have names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import TextClause, text

from service.store.engine import Connection
from service.store.factors import CARRIER

TOTAL = "total"

# Only level-1 meters make an enterprise's total; what it exports is taken off. A part of it is
# measured by whatever meter is named for it, at any level. The seconds due are those of meters in
# service, whether anything arrived or not.
_MONTHLY = """
    WITH meter AS MATERIALIZED (
        SELECT c.channel_id, d.enterprise_id, e.county_code, e.above_scale,
               {carrier} AS quantity,
               counted.part, CASE c.role WHEN 'export' THEN -1 ELSE 1 END AS sign,
               greatest((c.in_service_from AT TIME ZONE 'Asia/Shanghai')::date, :first)
                   AS first_day,
               least((c.in_service_to AT TIME ZONE 'Asia/Shanghai')::date, :stop) AS end_day
        FROM channels AS c
        JOIN devices AS d USING (device_id)
        JOIN enterprises AS e USING (enterprise_id)
        CROSS JOIN LATERAL (
            SELECT 'total' AS part WHERE d.metering_level = 1
            UNION ALL
            SELECT c.part WHERE c.part IS NOT NULL
        ) AS counted
        WHERE {scope} AND c.role IN ('consumption', 'export')
    ),
    month AS (
        SELECT generate_series(:first, :stop - 1, INTERVAL '1 month')::date AS month
    ),
    used AS (
        SELECT channel_id, date_trunc('month', day)::date AS month, sum(amount) AS amount,
               sum(abs(amount)) AS moved, sum(abs(estimated)) AS estimated,
               sum(tce_calorific) AS tce_calorific,
               sum(tce_coal_consumption) AS tce_coal_consumption,
               sum(co2_t) AS co2_t,
               count(*) FILTER (WHERE tce_calorific IS NULL AND amount <> 0) AS no_calorific,
               count(*) FILTER (WHERE tce_coal_consumption IS NULL AND amount <> 0) AS no_coal,
               count(*) FILTER (WHERE co2_t IS NULL AND amount <> 0) AS no_carbon,
               sum(measured_s) AS measured_s
        FROM usage_daily
        WHERE channel_id IN (SELECT channel_id FROM meter) AND day >= :first AND day < :stop
        GROUP BY 1, 2
    )
    SELECT m.county_code, m.enterprise_id, m.above_scale, month.month, m.part, m.quantity,
           sum(sign * u.amount) AS amount,
           CASE WHEN sum(u.no_calorific) = 0
                THEN coalesce(sum(sign * u.tce_calorific), 0 * sum(u.amount)) END AS tce_calorific,
           CASE WHEN sum(u.no_coal) = 0
                THEN coalesce(sum(sign * u.tce_coal_consumption), 0 * sum(u.amount)) END
               AS tce_coal_consumption,
           CASE WHEN sum(u.no_carbon) = 0
                THEN coalesce(sum(sign * u.co2_t), 0 * sum(u.amount)) END AS co2_t,
           coalesce(sum(u.estimated) / nullif(sum(u.moved), 0), 0) AS estimated,
           coalesce(sum(u.measured_s), 0) AS measured_s,
           sum(86400.0 * greatest(
               least(m.end_day, (month.month + INTERVAL '1 month')::date)
               - greatest(m.first_day, month.month), 0
           ))::float8 AS due_s
    FROM meter AS m
    CROSS JOIN month
    LEFT JOIN used AS u ON u.channel_id = m.channel_id AND u.month = month.month
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY 1, 2, 4, 5, 6
"""
_METERS = text(f"""
    SELECT c.channel_id, d.enterprise_id, {CARRIER} AS quantity
    FROM channels AS c JOIN devices AS d USING (device_id)
    WHERE d.enterprise_id = ANY(CAST(:enterprises AS integer[]))
      AND c.role IN ('consumption', 'export') AND (d.metering_level = 1 OR c.part IS NOT NULL)
    ORDER BY quantity, c.channel_id
""")
_OF_COUNTIES = text(
    _MONTHLY.format(carrier=CARRIER, scope="e.county_code = ANY(CAST(:scope AS text[]))")
)
_OF_ENTERPRISES = text(
    _MONTHLY.format(carrier=CARRIER, scope="d.enterprise_id = ANY(CAST(:scope AS integer[]))")
)


@dataclass(frozen=True, slots=True)
class MeteredMonth:
    """One carrier of one enterprise in one month: its total, or a named part of that.

    ``amount`` in the catalogue's unit, None where nothing was measured; energy in tce, None also
    where a coefficient is missing. ``estimated`` is the share of the amount spread over gaps.
    """

    county_code: str
    enterprise_id: int
    above_scale: bool
    month: date
    part: str  # TOTAL, or a value of schemas.registry.Part
    quantity: str
    amount: float | None
    tce_calorific: float | None
    tce_coal_consumption: float | None
    co2_t: float | None
    estimated: float
    measured_s: float
    due_s: float


async def of_counties(
    connection: Connection, counties: Sequence[str], first: date, stop: date
) -> Iterator[MeteredMonth]:
    """Return the months [first, stop) of all enterprises of counties that have such meters."""
    return await _monthly(connection, _OF_COUNTIES, counties, first, stop)


async def of_enterprises(
    connection: Connection, enterprises: Sequence[int], first: date, stop: date
) -> Iterator[MeteredMonth]:
    """Return the months [first, stop) of some enterprises."""
    return await _monthly(connection, _OF_ENTERPRISES, enterprises, first, stop)


async def meters(connection: Connection, enterprises: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Return the channels behind enterprises' months, each with its enterprise and quantity."""
    rows = await connection.execute(_METERS, {"enterprises": list(enterprises)})
    return {row.channel_id: (row.enterprise_id, row.quantity) for row in rows}


async def _monthly(
    connection: Connection,
    query: TextClause,
    scope: Sequence[str] | Sequence[int],
    first: date,
    stop: date,
) -> Iterator[MeteredMonth]:
    rows = await connection.execute(query, {"scope": list(scope), "first": first, "stop": stop})
    return (MeteredMonth(*row) for row in rows)
