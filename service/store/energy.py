"""Energy and output of enterprises and facilities, by day and by hour.

An enterprise's energy is that of its level-1 meters; a facility's that of the meters at it, of
each carrier those of the highest level (GB 17167), because the others measure behind them.
Energy is by the calorific method (当量值), in kgce; what is exported is taken off. Media (耗能工质)
have no calorific value: they are left out of it, meters and all, and named.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from schemas.indicators import Subject, SubjectKind
from service.domain.calendar import DAY, day_of
from service.store import factors
from service.store.engine import Connection
from service.store.factors import CARRIER, FACTOR, IS_MEDIUM

_PARTS = f"""
    part AS MATERIALIZED (
        SELECT c.channel_id, {CARRIER} AS quantity, c.role = 'output' AS is_output,
               c.role <> 'output' AND {IS_MEDIUM} AS is_medium,
               c.role <> 'output' AND NOT {IS_MEDIUM} AS is_energy,
               CASE c.role WHEN 'export' THEN -1 ELSE 1 END AS sign,
               d.enterprise_id, subject.facility_id, c.in_service_from, c.in_service_to
        FROM channels AS c
        JOIN devices AS d USING (device_id)
        CROSS JOIN LATERAL (
            SELECT NULL::integer AS facility_id WHERE c.role = 'output' OR d.metering_level = 1
            UNION ALL
            SELECT d.facility_id WHERE d.facility_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM devices AS above JOIN channels AS its USING (device_id)
                WHERE above.facility_id = d.facility_id AND its.quantity = c.quantity
                  AND its.role = c.role AND c.role <> 'output'
                  AND above.metering_level < coalesce(d.metering_level, 9)
            )
        ) AS subject
        WHERE d.enterprise_id = ANY(CAST(:enterprises AS integer[]))
          AND c.role IN ('consumption', 'export', 'output')
    )
"""
_SUBJECTS = text(f"""
    WITH {_PARTS}
    SELECT e.county_code, m.enterprise_id, m.facility_id,
           array_agg(DISTINCT m.quantity) FILTER (WHERE is_output) AS products,
           array_agg(DISTINCT m.quantity) FILTER (WHERE is_medium) AS media,
           count(*) FILTER (WHERE is_energy) AS meters,
           min(m.in_service_from) FILTER (WHERE is_energy) AS since
    FROM part AS m JOIN enterprises AS e USING (enterprise_id)
    GROUP BY 1, 2, 3
    HAVING bool_or(is_energy)
    ORDER BY 2, 3 NULLS FIRST
""")
_DAILY = text(f"""
    WITH {_PARTS}
    SELECT m.enterprise_id, m.facility_id,
           u.day::timestamp AT TIME ZONE 'Asia/Shanghai' AS at,
           sum(sign * tce_calorific * 1000) FILTER (WHERE is_energy) AS kgce,
           count(*) FILTER (WHERE is_energy AND tce_calorific IS NULL AND amount <> 0) AS unknown,
           coalesce(sum(abs(tce_calorific * 1000 * estimated / nullif(amount, 0)))
               FILTER (WHERE is_energy), 0) AS estimated,
           sum(amount) FILTER (WHERE is_output) AS output,
           coalesce(sum(measured_s) FILTER (WHERE is_energy), 0) AS measured_s
    FROM part AS m JOIN usage_daily AS u USING (channel_id)
    WHERE u.day >= :first AND u.day < :stop
    GROUP BY 1, 2, 3
""")
_METERS = text(f"WITH {_PARTS} SELECT DISTINCT channel_id FROM part WHERE is_energy")
_HOURLY = text(f"""
    WITH {_PARTS}, {FACTOR}
    SELECT m.enterprise_id, m.facility_id, date_trunc('hour', u.at) AS at,
           sum(sign * amount * f.kgce) FILTER (WHERE is_energy) AS kgce,
           count(*) FILTER (WHERE is_energy AND f.kgce IS NULL AND amount <> 0) AS unknown,
           coalesce(sum(abs(estimated * f.kgce)) FILTER (WHERE is_energy), 0) AS estimated,
           sum(amount) FILTER (WHERE is_output) AS output,
           coalesce(sum(measured_s) FILTER (WHERE is_energy), 0) AS measured_s
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:stops AS timestamptz[])) AS w (start, stop)
    JOIN usage_15m AS u ON u.at >= w.start AND u.at < w.stop
    JOIN part AS m USING (channel_id)
    LEFT JOIN kind AS k ON k.channel_id = u.channel_id
    LEFT JOIN worth AS f ON f.kind = k.kind
        AND u.at >= f.first_day::timestamp AT TIME ZONE 'Asia/Shanghai'
        AND u.at < f.end_day::timestamp AT TIME ZONE 'Asia/Shanghai'
    WHERE u.at >= :lower AND u.at < :upper
      AND u.channel_id IN (SELECT channel_id FROM part)
    GROUP BY 1, 2, 3
""")


@dataclass(frozen=True, slots=True)
class EnergySubject:
    """An enterprise or facility with meters; ``product`` is None unless it makes exactly one.

    ``media`` are metered and left out of its energy.
    """

    subject: Subject
    product: str | None
    meters: int
    since: datetime  # first day in service of its oldest meter
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """Energy in kgce and output in the product's unit of one day or hour.

    ``kgce`` is None where a carrier has no coefficient, ``estimated_kgce`` is what of it was
    spread over gaps; ``measured_s`` adds up its meters.
    """

    enterprise_id: int
    facility_id: int | None
    at: datetime  # its start
    kgce: float | None
    estimated_kgce: float
    output: float | None
    measured_s: float


async def subjects(connection: Connection, enterprises: Sequence[int]) -> list[EnergySubject]:
    """Return the enterprises and their facilities that have meters."""
    rows = await connection.execute(_SUBJECTS, {"enterprises": list(enterprises)})
    return [
        EnergySubject(
            Subject(
                SubjectKind.ENTERPRISE if row.facility_id is None else SubjectKind.FACILITY,
                row.county_code,
                row.enterprise_id,
                row.facility_id,
            ),
            row.products[0] if row.products and len(row.products) == 1 else None,
            row.meters,
            row.since,
            tuple(row.media or ()),
        )
        for row in rows
    ]


async def daily(
    connection: Connection, enterprises: Sequence[int], first: date, stop: date
) -> Iterator[EnergyRow]:
    """Return the days [first, stop) on which something is known."""
    rows = await connection.execute(
        _DAILY, {"enterprises": list(enterprises), "first": first, "stop": stop}
    )
    return _energy_rows(rows)


async def hourly(
    connection: Connection,
    enterprises: Sequence[int],
    ranges: Sequence[tuple[datetime, datetime]],
) -> Iterator[EnergyRow]:
    """Return the hours of several ranges [start, stop), which do not overlap."""
    lower, upper = min(start for start, _ in ranges), max(stop for _, stop in ranges)
    meters = await connection.scalars(_METERS, {"enterprises": list(enterprises)})
    worth = await factors.of_channels(connection, meters.all(), day_of(lower), day_of(upper) + DAY)
    rows = await connection.execute(
        _HOURLY,
        {
            "enterprises": list(enterprises),
            "starts": [start for start, _ in ranges],
            "stops": [stop for _, stop in ranges],
            "lower": lower,
            "upper": upper,
            **factors.parameters(worth),
        },
    )
    return _energy_rows(rows)


def _energy_rows(rows: Iterable[Any]) -> Iterator[EnergyRow]:
    for row in rows:
        yield EnergyRow(
            row.enterprise_id,
            row.facility_id,
            row.at,
            None if row.unknown else row.kgce,
            row.estimated,
            row.output,
            row.measured_s,
        )
