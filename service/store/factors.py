"""What one unit of a channel's quantity is worth on each day: kgce by both methods, and kgCO2.

Common table expressions for every statement that multiplies amounts. They restate
`service.domain.coal_equivalent` and `service.domain.emissions`; tests compare them.
"""

from collections.abc import Iterable

from schemas.quantities import MEDIA
from service.domain.coal_equivalent import CONVERTED, KJ_PER_KGCE


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


CARRIER = "carrier_of(c.quantity)"  # of a channel c: reverse active energy is electricity
IS_MEDIUM = f"c.quantity IN ({_list(MEDIA)})"  # 耗能工质: of a channel c

# The channels of a statement, with what decides on their factors.
MEMBERS = f"""
    member AS MATERIALIZED (
        SELECT c.channel_id, {CARRIER} AS quantity, c.role, c.part, c.device_id,
               d.enterprise_id, e.county_code
        FROM channels AS c
        JOIN devices AS d USING (device_id)
        JOIN enterprises AS e USING (enterprise_id)
        WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
    )
"""


def _standing(table: str, key: str, columns: str, partition: str) -> str:
    """Return rows in force with the days on which they hold.

    The most specific region of a county that has any counts alone; days before the oldest use it.
    """
    return f"""
        SELECT {key}, {partition}, {columns},
               CASE WHEN lag(valid_from) OVER in_order IS NULL THEN '-infinity'::date
                    ELSE valid_from END AS first_day,
               coalesce(least(lead(valid_from) OVER in_order, valid_to + 1), 'infinity') AS end_day
        FROM (
            SELECT county_code, known.*,
                   rank() OVER (PARTITION BY {partition} ORDER BY length(region) DESC) AS place
            FROM county JOIN {table} AS known ON starts_with(county_code, region)
            WHERE superseded_at IS NULL
              AND quantity IN (SELECT quantity FROM member)
        ) AS here
        WHERE place = 1
        WINDOW in_order AS (PARTITION BY {partition} ORDER BY valid_from)
    """


# A piece is a channel's days on which nothing changes; `:first_day` and `:stop_day` bound them.
FACTORS = f"""
    county AS MATERIALIZED (SELECT DISTINCT county_code FROM member),
    coefficient AS MATERIALIZED (
        {
    _standing("coefficients", "coefficient_id", "kgce_per_unit", "county_code, quantity, method")
}
    ),
    carbon AS MATERIALIZED (
        {
    _standing(
        "carbon_factors",
        "carbon_factor_id",
        "kgco2_per_unit, tc_per_gj, oxidation",
        "county_code, quantity",
    )
}
    ),
    heating AS MATERIALIZED (
        SELECT heating_value_id, enterprise_id, device_id, quantity,
               kj * CASE unit WHEN 'kJ/kg' THEN 1000 ELSE 1 END AS kj_per_unit,
               valid_from AS first_day, coalesce(valid_to + 1, 'infinity') AS end_day
        FROM heating_values
        WHERE superseded_at IS NULL AND enterprise_id IN (SELECT enterprise_id FROM member)
    ),
    edge AS (
        SELECT channel_id, CAST(:first_day AS date) AS day FROM member
        UNION
        SELECT channel_id, day
        FROM member
        JOIN (SELECT county_code, quantity, first_day, end_day FROM coefficient
              UNION ALL SELECT county_code, quantity, first_day, end_day FROM carbon) AS regional
            USING (county_code, quantity)
        CROSS JOIN LATERAL (VALUES (first_day), (end_day)) AS bound (day)
        WHERE day > :first_day AND day < :stop_day
        UNION
        SELECT channel_id, day
        FROM member
        JOIN heating USING (enterprise_id, quantity)
        CROSS JOIN LATERAL (VALUES (first_day), (end_day)) AS bound (day)
        WHERE day > :first_day AND day < :stop_day
    ),
    piece AS MATERIALIZED (
        SELECT channel_id, day AS first_day,
               coalesce(lead(day) OVER (PARTITION BY channel_id ORDER BY day),
                        CAST(:stop_day AS date)) AS end_day
        FROM edge
    ),
    measured AS MATERIALIZED (
        SELECT DISTINCT ON (channel_id, p.first_day)
               channel_id, p.first_day, h.heating_value_id, h.kj_per_unit
        FROM piece AS p
        JOIN member AS m USING (channel_id)
        JOIN heating AS h ON h.enterprise_id = m.enterprise_id AND h.quantity = m.quantity
            AND (h.device_id IS NULL OR h.device_id = m.device_id)
            AND p.first_day >= h.first_day AND p.first_day < h.end_day
        ORDER BY channel_id, p.first_day, h.device_id NULLS LAST, h.first_day DESC
    ),
    factor AS MATERIALIZED (
        SELECT p.channel_id, p.first_day, p.end_day, h.heating_value_id,
               of_heat.coefficient_id AS calorific_id, of_coal.coefficient_id AS coal_id,
               c.carbon_factor_id, own.is_own AS coal_is_own, c.tc_per_gj,
               coalesce(h.kj_per_unit / {KJ_PER_KGCE}, of_heat.kgce_per_unit) AS kgce,
               CASE WHEN own.is_own THEN of_coal.kgce_per_unit
                    ELSE coalesce(h.kj_per_unit / {KJ_PER_KGCE}, of_heat.kgce_per_unit)
               END AS kgce_by_coal,
               CASE WHEN m.part = 'renewable' THEN 0  -- what is made of wind and sun
                    ELSE coalesce(h.kj_per_unit / 1e6 * c.tc_per_gj * c.oxidation * 44 / 12 * 1000,
                                  c.kgco2_per_unit) END AS kgco2
        FROM piece AS p
        JOIN member AS m USING (channel_id)
        LEFT JOIN measured AS h ON h.channel_id = p.channel_id AND h.first_day = p.first_day
        LEFT JOIN coefficient AS of_heat
            ON of_heat.county_code = m.county_code AND of_heat.quantity = m.quantity
            AND of_heat.method = 'calorific'
            AND p.first_day >= of_heat.first_day AND p.first_day < of_heat.end_day
        LEFT JOIN coefficient AS of_coal
            ON of_coal.county_code = m.county_code AND of_coal.quantity = m.quantity
            AND of_coal.method = 'coal_consumption'
            AND p.first_day >= of_coal.first_day AND p.first_day < of_coal.end_day
        LEFT JOIN carbon AS c
            ON c.county_code = m.county_code AND c.quantity = m.quantity
            AND m.role <> 'output' AND m.part IS DISTINCT FROM 'renewable'
            AND p.first_day >= c.first_day AND p.first_day < c.end_day
        CROSS JOIN LATERAL (
            SELECT m.quantity IN ({_list(CONVERTED)}) OR (m.county_code, m.quantity) IN (
                SELECT county_code, quantity FROM coefficient WHERE method = 'coal_consumption'
            ) AS is_own
        ) AS own
    )
"""
