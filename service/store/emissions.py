"""Hours of outlets: recomputed from quarter hours and replaced."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from schemas.quantities import CATALOGUE, Group
from service.domain.validity import VALID_HOUR_S
from service.store.engine import Connection

POLLUTANTS = [code for code, quantity in CATALOGUE.items() if quantity.group is Group.POLLUTANT]

_OUTLETS = text("""
    SELECT DISTINCT d.outlet_id
    FROM channels AS c JOIN devices AS d USING (device_id)
    WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
      AND d.outlet_id IS NOT NULL AND c.role = 'outlet'
""")
_CLEAR = text("""
    DELETE FROM emissions_hourly
    WHERE outlet_id = ANY(CAST(:outlets AS integer[])) AND at >= :first AND at < :stop
""")
# One concentration and one flow stand for an outlet: the monitor's own hour mean where it sends
# one, ours otherwise. The mass is measured dry concentration times dry flow at standard state.
_INSERT = text("""
    WITH chosen AS MATERIALIZED (
        SELECT DISTINCT ON (d.outlet_id, c.quantity, s.corrected)
               d.outlet_id, c.quantity, s.corrected, c.channel_id
        FROM channels AS c
        JOIN devices AS d USING (device_id)
        JOIN (VALUES ('hour.mean', false, 1), ('quarter.mean', false, 2),
                     ('minute.mean', false, 3), ('instant', false, 4),
                     ('hour.mean_corrected', true, 1), ('quarter.mean_corrected', true, 2),
                     ('minute.mean_corrected', true, 3), ('instant_corrected', true, 4)
             ) AS s (statistic, corrected, place) USING (statistic)
        WHERE d.outlet_id = ANY(CAST(:outlets AS integer[]))
          AND c.role = 'outlet' AND c.kind = 'gauge'
        ORDER BY d.outlet_id, c.quantity, s.corrected, s.place, c.channel_id
    ),
    quarter AS (
        SELECT n.outlet_id, n.quantity, n.corrected, u.at, u.mean, u.maximum, u.measured_s
        FROM chosen AS n JOIN usage_15m AS u USING (channel_id)
        WHERE u.at >= :first AND u.at < :stop AND u.mean IS NOT NULL
    ),
    hour AS (
        SELECT q.outlet_id, q.quantity, date_trunc('hour', q.at) AS at,
               sum(q.mean * q.measured_s) FILTER (WHERE NOT q.corrected)
                   / sum(q.measured_s) FILTER (WHERE NOT q.corrected) AS mean,
               max(q.maximum) FILTER (WHERE NOT q.corrected) AS maximum,
               sum(q.mean * q.measured_s) FILTER (WHERE q.corrected)
                   / sum(q.measured_s) FILTER (WHERE q.corrected) AS corrected_mean,
               sum(q.mean * f.mean * least(q.measured_s, f.measured_s) / 3600 * 1e-6)
                   FILTER (WHERE NOT q.corrected) AS mass_kg,
               coalesce(sum(q.measured_s) FILTER (WHERE NOT q.corrected), sum(q.measured_s))
                   AS measured_s
        FROM quarter AS q
        LEFT JOIN quarter AS f
            ON f.outlet_id = q.outlet_id AND f.at = q.at AND f.quantity = 'gas_flow'
        WHERE q.quantity = ANY(CAST(:pollutants AS text[]))
        GROUP BY q.outlet_id, q.quantity, date_trunc('hour', q.at)
    )
    INSERT INTO emissions_hourly
        (at, mean, maximum, corrected_mean, mass_kg, outlet_id, measured_s, valid, quantity)
    SELECT at, mean, maximum, corrected_mean, mass_kg, outlet_id, measured_s,
           measured_s >= :valid_s, quantity
    FROM hour
""")


async def replace(
    connection: Connection, channels: Sequence[int], first: datetime, stop: datetime
) -> None:
    """Recompute the clock hours [first, stop) of the outlets that the channels belong to.

    Masses are in kg, concentrations in mg/m³ dry at standard state.
    """
    outlets = list(await connection.scalars(_OUTLETS, {"channels": list(channels)}))
    if outlets:
        bounds = {"outlets": outlets, "first": first, "stop": stop}
        await connection.execute(_CLEAR, bounds)
        await connection.execute(
            _INSERT, {**bounds, "pollutants": POLLUTANTS, "valid_s": VALID_HOUR_S}
        )
