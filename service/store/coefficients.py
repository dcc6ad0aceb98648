"""What the days of channels were multiplied by, and where that value comes from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import text

from service.domain import coal_equivalent
from service.domain.coal_equivalent import Entry
from service.store.engine import Connection
from service.store.factors import FACTORS, MEMBERS

_IN_FORCE = text(f"""
    WITH {MEMBERS}, {FACTORS},
    used AS (
        SELECT channel_id, 'calorific' AS use, first_day, end_day, kgce AS value,
               CASE WHEN heating_value_id IS NULL THEN calorific_id END AS coefficient_id,
               heating_value_id, NULL::integer AS carbon_factor_id
        FROM factor WHERE kgce IS NOT NULL
        UNION ALL
        SELECT channel_id, 'coal_consumption', first_day, end_day, kgce_by_coal,
               CASE WHEN coal_is_own THEN coal_id
                    WHEN heating_value_id IS NULL THEN calorific_id END,
               CASE WHEN NOT coal_is_own THEN heating_value_id END, NULL
        FROM factor WHERE kgce_by_coal IS NOT NULL
        UNION ALL
        SELECT channel_id, 'carbon', first_day, end_day, kgco2, NULL,
               CASE WHEN tc_per_gj IS NOT NULL THEN heating_value_id END, carbon_factor_id
        FROM factor WHERE carbon_factor_id IS NOT NULL
    )
    SELECT u.channel_id, u.use, u.first_day, u.end_day, u.value,
           u.coefficient_id, u.heating_value_id, u.carbon_factor_id,
           CASE WHEN u.carbon_factor_id IS NOT NULL THEN f.edition
                WHEN u.coefficient_id IS NOT NULL THEN c.edition
                ELSE h.report END AS edition,
           coalesce(f.source, c.source, h.laboratory || ': ' || h.source) AS source,
           coalesce(f.revision, c.revision, h.revision) AS revision,
           coalesce(f.confirmed, c.confirmed, true) AND coalesce(h.confirmed, true) AS confirmed
    FROM used AS u
    LEFT JOIN coefficients AS c USING (coefficient_id)
    LEFT JOIN heating_values AS h USING (heating_value_id)
    LEFT JOIN carbon_factors AS f USING (carbon_factor_id)
    ORDER BY u.channel_id, u.use, u.first_day
""")


_OF_ELECTRICITY = text("""
    SELECT region, valid_from, valid_to, kgce_per_unit, coefficient_id
    FROM coefficients
    WHERE quantity = 'electricity' AND method = 'coal_consumption' AND superseded_at IS NULL
    ORDER BY region, valid_from
""")


@dataclass(frozen=True, slots=True)
class InForce:
    """What the amounts of a channel were multiplied by on the days [first_day, stop_day).

    ``use`` is calorific, coal_consumption or carbon; ``value`` is kgce or kgCO2 of one catalogue
    unit. ``origin`` is coefficient, heating_value or carbon_factor, and ``origin_id`` its row.
    ``edition`` is None of an operator's own coefficient, the report's number of a heating value,
    and tells the year of the data of a carbon factor of electricity. ``heating_value_id`` is the
    measured heating value that took the place of a carbon factor's default one.
    """

    channel_id: int
    use: str
    first_day: date
    stop_day: date
    value: float
    origin: str
    origin_id: int
    edition: str | None
    source: str
    revision: int
    confirmed: bool
    heating_value_id: int | None = None


@dataclass(frozen=True, slots=True)
class Electricity:
    """What electricity is worth by coal consumption (等价值), as the operator entered it."""

    entries: Sequence[Entry]

    def kgce_per_kwh(self, county: str, day: date) -> Decimal | None:
        """Return the value in a county on a day; None where none was entered."""
        found = coal_equivalent.in_force(self.entries, county, day)
        return None if found is None else Decimal(str(found.value))


async def of_electricity(connection: Connection) -> Electricity:
    """Return what electricity is worth by coal consumption, in every region."""
    return Electricity([Entry(*row) for row in await connection.execute(_OF_ELECTRICITY)])


async def in_force(
    connection: Connection, channel_ids: Sequence[int], first: date, stop: date
) -> list[InForce]:
    """Return what the days [first, stop) of channels are multiplied by, in order.

    Days for which nothing is known are left out. Days that wait to be derived again are still by
    the value before, for a few seconds.
    """
    rows = await connection.execute(
        _IN_FORCE, {"channels": list(channel_ids), "first_day": first, "stop_day": stop}
    )
    return list(_joined(map(_origin, rows)))


def _origin(row: Any) -> InForce:
    replaced = None
    if row.carbon_factor_id is not None:
        origin, origin_id, replaced = "carbon_factor", row.carbon_factor_id, row.heating_value_id
    elif row.coefficient_id is not None:
        origin, origin_id = "coefficient", row.coefficient_id
    else:
        origin, origin_id = "heating_value", row.heating_value_id
    return InForce(
        row.channel_id,
        row.use,
        row.first_day,
        row.end_day,
        row.value,
        origin,
        origin_id,
        row.edition,
        row.source,
        row.revision,
        row.confirmed,
        replaced,
    )


def _joined(found: Iterable[InForce]) -> Iterator[InForce]:
    """Yield stretches of the same origin that follow each other as one."""
    for _, same in groupby(
        found, lambda f: (f.channel_id, f.use, f.origin, f.origin_id, f.heating_value_id)
    ):
        known: InForce | None = None
        for each in same:
            if known is not None and known.stop_day == each.first_day:
                known = replace(known, stop_day=each.stop_day)
                continue
            if known is not None:
                yield known
            known = each
        if known is not None:
            yield known
