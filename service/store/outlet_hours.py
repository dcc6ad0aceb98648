"""What outlets emitted by hour, day or month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

# A day or month is valid when enough of its hours are; its mean is that of its valid hours.
_EMISSIONS = text("""
    SELECT date_trunc(:unit, at AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai' AS at,
           outlet_id, quantity,
           sum(mass_kg) AS mass_kg,
           avg(mean) FILTER (WHERE valid) AS mean,
           max(maximum) AS maximum,
           avg(corrected_mean) FILTER (WHERE valid) AS corrected_mean,
           count(*) FILTER (WHERE valid) AS valid_hours,
           sum(measured_s) AS measured_s
    FROM emissions_hourly
    WHERE outlet_id = ANY(CAST(:outlets AS integer[]))
      AND (CAST(:quantity AS text) IS NULL OR quantity = :quantity)
      AND at >= :start AND at < :stop
    GROUP BY 1, 2, 3
    HAVING CAST(:after_at AS timestamptz) IS NULL
        OR (date_trunc(:unit, at AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai',
            outlet_id, quantity) > (:after_at, CAST(:after_outlet AS integer), :after_quantity)
    ORDER BY 1, 2, 3
    LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Emission:
    """One hour, day or month of one pollutant at one outlet; mg/m³ dry at standard state, kg."""

    at: datetime
    outlet_id: int
    quantity: str
    mass_kg: float | None
    mean: float | None
    maximum: float | None
    corrected_mean: float | None
    valid_hours: int
    measured_s: float


async def page(
    connection: Connection,
    outlets: Sequence[int],
    quantity: str | None,
    unit: str,
    start: datetime,
    stop: datetime,
    limit: int,
    after: tuple[datetime, int, str] | None,
) -> list[Emission]:
    """Return what outlets emitted in [start, stop), by `hour`, `day` or `month`, in order."""
    at, outlet, of = after or (None, None, None)
    rows = await connection.execute(
        _EMISSIONS,
        {
            "outlets": list(outlets),
            "quantity": quantity,
            "unit": unit,
            "start": start,
            "stop": stop,
            "after_at": at,
            "after_outlet": outlet,
            "after_quantity": of,
            "limit": limit,
        },
    )
    return [Emission(*row) for row in rows]
