"""What the meters of enterprises metered of each carrier, by calendar month of Asia/Shanghai."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from schemas.quantities import CATALOGUE, Group
from service.domain.balance import Metered
from service.store.engine import Connection

CARRIERS = {
    code: quantity.carrier
    for code, quantity in CATALOGUE.items()
    if quantity.group is Group.CARRIER
}
# A channel is due while it is in service and the day has begun, whether anything arrived or not.
_MONTHLY = text("""
    WITH meter AS MATERIALIZED (
        SELECT d.enterprise_id, c.channel_id, d.code, d.metering_level, carrier.carrier,
               (SELECT code FROM devices AS p WHERE p.device_id = d.parent_id) AS parent,
               CASE c.role WHEN 'export' THEN -1 ELSE 1 END AS sign,
               c.in_service_from, least(c.in_service_to, CAST(:now AS timestamptz)) AS until
        FROM devices AS d
        JOIN channels AS c USING (device_id)
        JOIN unnest(CAST(:quantities AS text[]), CAST(:carriers AS text[]))
            AS carrier (quantity, carrier) ON carrier.quantity = c.quantity
        WHERE d.enterprise_id = ANY(CAST(:enterprises AS integer[]))
          AND c.role IN ('consumption', 'export')
    ),
    month AS (
        SELECT day::date AS month,
               day::timestamp AT TIME ZONE 'Asia/Shanghai' AS start,
               (day + INTERVAL '1 month')::timestamp AT TIME ZONE 'Asia/Shanghai' AS stop
        FROM generate_series(
            CAST(:first AS timestamp), CAST(:stop AS timestamp) - INTERVAL '1 day',
            INTERVAL '1 month'
        ) AS day
    ),
    used AS (
        SELECT channel_id, date_trunc('month', day::timestamp)::date AS month,
               sum(amount) AS amount, coalesce(sum(abs(estimated)), 0) AS estimated,
               sum(measured_s) AS measured_s
        FROM usage_daily
        WHERE channel_id IN (SELECT channel_id FROM meter)
          AND day >= CAST(:first AS date) AND day < CAST(:stop AS date)
        GROUP BY 1, 2
    )
    SELECT m.enterprise_id, month.month, m.carrier, m.code, m.metering_level, m.parent, m.sign,
           u.amount, coalesce(u.estimated, 0) AS estimated, coalesce(u.measured_s, 0) AS measured_s,
           extract(epoch FROM served.until - served.since)::float8 AS due_s
    FROM meter AS m
    CROSS JOIN month
    CROSS JOIN LATERAL (
        SELECT greatest(m.in_service_from, month.start) AS since,
               least(m.until, month.stop) AS until
    ) AS served
    LEFT JOIN used AS u ON u.channel_id = m.channel_id AND u.month = month.month
    WHERE served.since < served.until
    ORDER BY m.enterprise_id, month.month, m.carrier, m.code, m.channel_id
""")
_ENTERPRISE = text("SELECT enterprise_id FROM enterprises WHERE uscc = :uscc")


@dataclass(frozen=True, slots=True)
class Account:
    """Of whom, of which month (its first day) and of which carrier amounts are."""

    enterprise_id: int
    month: date
    carrier: str


async def enterprise(connection: Connection, uscc: str) -> int | None:
    """Return an enterprise in scope; None where there is none."""
    found: int | None = await connection.scalar(_ENTERPRISE, {"uscc": uscc})
    return found


async def monthly(
    connection: Connection, enterprises: Sequence[int], first: date, stop: date, now: datetime
) -> dict[Account, list[Metered]]:
    """Return the months [first, stop) of enterprises, both first days of months, in order."""
    rows = await connection.execute(
        _MONTHLY,
        {
            "enterprises": list(enterprises),
            "quantities": list(CARRIERS),
            "carriers": list(CARRIERS.values()),
            "first": first,
            "stop": stop,
            "now": now,
        },
    )
    found: dict[Account, list[Metered]] = defaultdict(list)
    for row in rows:
        found[Account(row.enterprise_id, row.month, row.carrier)].append(
            Metered(
                row.code,
                row.metering_level,
                row.parent,
                row.sign,
                row.amount,
                row.estimated,
                row.measured_s,
                row.due_s,
            )
        )
    return found
