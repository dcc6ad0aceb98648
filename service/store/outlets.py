"""Hours of outlets beside the limits that hold for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from schemas.indicators import Subject, SubjectKind
from service.domain.calendar import DAY
from service.store.engine import Connection

# A limit with a reference oxygen holds for the corrected mean. An hour without a row was not
# measured at all. Days are summed one by one: joined, they would be compared each with each.
_HOURS = text("""
    SELECT e.county_code, o.enterprise_id, l.outlet_id, l.quantity, hour.at,
           l.value AS limit_value, l.reference_oxygen, l.source,
           CASE WHEN l.reference_oxygen IS NULL THEN h.mean ELSE h.corrected_mean END AS mean,
           coalesce(h.valid, false) AS valid, coalesce(h.measured_s, 0) AS measured_s
    FROM unnest(CAST(:enterprises AS integer[]), CAST(:hours AS timestamptz[]))
        AS hour (enterprise_id, at)
    JOIN outlets AS o USING (enterprise_id)
    JOIN enterprises AS e USING (enterprise_id)
    JOIN limits AS l ON l.outlet_id = o.outlet_id AND l.averaging = 'hour.mean'
        AND l.valid_from <= (hour.at AT TIME ZONE 'Asia/Shanghai')::date
        AND (l.valid_to IS NULL OR l.valid_to >= (hour.at AT TIME ZONE 'Asia/Shanghai')::date)
    LEFT JOIN emissions_hourly AS h ON h.outlet_id = l.outlet_id AND h.quantity = l.quantity
        AND h.at = hour.at AND h.at >= :lower AND h.at <= :upper
    ORDER BY l.outlet_id, l.quantity, hour.at
""")
_DAYS = text("""
    SELECT e.county_code, o.enterprise_id, l.outlet_id, l.quantity, day.start AS start,
           l.value AS limit_value, h.hours_over, h.valid_hours, h.measured_s
    FROM unnest(CAST(:enterprises AS integer[]), CAST(:starts AS timestamptz[]))
        AS day (enterprise_id, start)
    JOIN outlets AS o USING (enterprise_id)
    JOIN enterprises AS e USING (enterprise_id)
    JOIN limits AS l ON l.outlet_id = o.outlet_id AND l.averaging = 'hour.mean'
        AND l.valid_from <= (day.start AT TIME ZONE 'Asia/Shanghai')::date
        AND (l.valid_to IS NULL OR l.valid_to >= (day.start AT TIME ZONE 'Asia/Shanghai')::date)
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (
                   WHERE valid AND
                   CASE WHEN l.reference_oxygen IS NULL THEN mean ELSE corrected_mean END > l.value
               ) AS hours_over,
               count(*) FILTER (WHERE valid) AS valid_hours,
               coalesce(sum(measured_s), 0) AS measured_s
        FROM emissions_hourly
        WHERE outlet_id = l.outlet_id AND quantity = l.quantity
          AND at >= day.start AND at < day.start + INTERVAL '1 day'
          AND at >= :lower AND at < :upper
    ) AS h
    ORDER BY 3, 4, 5
""")


@dataclass(frozen=True, slots=True)
class OutletHour:
    """The mean of one clock hour in the limit's basis, mg/m³; None where none was measured."""

    subject: Subject
    at: datetime  # its start
    limit: float
    reference_oxygen: float | None
    source: str
    mean: float | None
    valid: bool
    measured_s: float


@dataclass(frozen=True, slots=True)
class OutletDay:
    """How many valid hours of one day lay above the limit."""

    subject: Subject
    start: datetime
    limit: float
    hours_over: int
    valid_hours: int
    measured_s: float


async def hours(
    connection: Connection, wanted: Mapping[int, Sequence[datetime]]
) -> list[OutletHour]:
    """Return clock hours, by their starts, of all limited quantities of enterprises' outlets."""
    pairs = [(enterprise, at) for enterprise, starts in wanted.items() for at in starts]
    if not pairs:
        return []
    rows = await connection.execute(
        _HOURS,
        {
            "enterprises": [enterprise for enterprise, _ in pairs],
            "hours": [at for _, at in pairs],
            "lower": min(at for _, at in pairs),
            "upper": max(at for _, at in pairs),
        },
    )
    return [
        OutletHour(
            _subject(row),
            row.at,
            row.limit_value,
            row.reference_oxygen,
            row.source,
            row.mean,
            row.valid,
            row.measured_s,
        )
        for row in rows
    ]


async def days(connection: Connection, wanted: Mapping[int, Sequence[datetime]]) -> list[OutletDay]:
    """Return days, by their starts, of all limited quantities of enterprises' outlets."""
    pairs = [(enterprise, at) for enterprise, starts in wanted.items() for at in starts]
    if not pairs:
        return []
    rows = await connection.execute(
        _DAYS,
        {
            "enterprises": [enterprise for enterprise, _ in pairs],
            "starts": [at for _, at in pairs],
            "lower": min(at for _, at in pairs),
            "upper": max(at for _, at in pairs) + DAY,
        },
    )
    return [
        OutletDay(
            _subject(row),
            row.start,
            row.limit_value,
            row.hours_over,
            row.valid_hours,
            row.measured_s,
        )
        for row in rows
    ]


def _subject(row: Any) -> Subject:
    return Subject(
        SubjectKind.OUTLET,
        row.county_code,
        row.enterprise_id,
        outlet_id=row.outlet_id,
        quantity=row.quantity,
    )
