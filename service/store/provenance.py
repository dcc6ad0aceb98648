"""Where figures come from, and which of them nobody has confirmed yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from service.store.engine import Connection

_INVENTED = text("""
    SELECT EXISTS (
        SELECT FROM statistics
        WHERE county_code = ANY(CAST(:counties AS text[])) AND source LIKE :mark
    )
""")
# Only what is used counts: coefficients of carriers that a channel in scope measures.
_UNCONFIRMED = text("""
    SELECT f.quantity, f.method, f.kgce_per_unit, f.valid_from, f.source
    FROM coefficients AS f
    WHERE NOT f.confirmed AND f.superseded_at IS NULL AND EXISTS (
        SELECT FROM channels AS c
        JOIN devices AS d USING (device_id)
        JOIN enterprises AS e USING (enterprise_id)
        WHERE c.quantity = f.quantity AND c.role IN ('consumption', 'export')
          AND starts_with(e.county_code, f.region)
    )
    ORDER BY f.quantity, f.method, f.valid_from
""")
_UNCONFIRMED_LIMITS = text("SELECT count(*) FROM limits WHERE NOT confirmed")
_UNCONFIRMED_TARGETS = text("""
    SELECT count(*) FROM (
        SELECT DISTINCT ON (county_code, indicator, period, kind) confirmed FROM targets
        WHERE county_code = ANY(CAST(:counties AS text[]))
        ORDER BY county_code, indicator, period, kind, revision DESC
    ) AS newest WHERE NOT confirmed
""")
INVENTED_MARK = "%演示%"  # in the source of a figure: demo data


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coal-equivalent coefficient in use that nobody has confirmed."""

    quantity: str
    method: str
    kgce_per_unit: float
    valid_from: date
    source: str


async def is_invented(connection: Connection, counties: Sequence[str]) -> bool:
    """Tell whether any official figure of some counties is demo data, by its source."""
    return bool(
        await connection.scalar(_INVENTED, {"counties": list(counties), "mark": INVENTED_MARK})
    )


async def unconfirmed_coefficients(connection: Connection) -> list[Coefficient]:
    """Return the coefficients that channels in scope need and nobody has confirmed."""
    return [Coefficient(*row) for row in await connection.execute(_UNCONFIRMED)]


async def unconfirmed_limits(connection: Connection) -> int:
    """Return how many limits of outlets in scope nobody has confirmed."""
    return int(await connection.scalar(_UNCONFIRMED_LIMITS) or 0)


async def unconfirmed_targets(connection: Connection, counties: Sequence[str]) -> int:
    """Return how many targets of some counties nobody has confirmed."""
    return int(await connection.scalar(_UNCONFIRMED_TARGETS, {"counties": list(counties)}) or 0)
