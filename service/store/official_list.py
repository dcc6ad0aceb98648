"""Official figures as readers list them: newest or all revisions, as known at an instant."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

# History is every revision, the list the newest of each place that was known at the instant.
_LIST = text("""
    WITH found AS (
        SELECT s.county_code, coalesce(e.uscc, '') AS uscc, s.series,
               coalesce(s.product, '') AS product, s.period,
               coalesce(s.price_base, '') AS price_base, s.revision,
               s.value, s.unit, s.state, s.source, s.recorded_by, s.recorded_at,
               s.contradictions, s.reason,
               row_number() OVER (
                   PARTITION BY s.county_code, s.enterprise_id, s.series, s.product, s.period,
                                s.price_base
                   ORDER BY s.revision DESC
               ) AS place
        FROM statistics AS s LEFT JOIN enterprises AS e USING (enterprise_id)
        WHERE s.county_code LIKE ANY (CAST(:patterns AS text[]))
          AND (CAST(:county AS text) IS NULL OR s.county_code LIKE :county || '%')
          AND (CAST(:enterprise AS text) IS NULL OR e.uscc = :enterprise)
          AND (CAST(:series AS text[]) IS NULL OR s.series = ANY(:series))
          AND (CAST(:product AS text) IS NULL OR s.product = :product)
          AND (CAST(:first AS text) IS NULL OR left(s.period, 7) >= :first)
          AND (CAST(:last AS text) IS NULL OR right(s.period, 7) <= :last)
          AND (CAST(:known_at AS timestamptz) IS NULL OR s.recorded_at <= :known_at)
    )
    SELECT county_code, uscc, series, product, period, price_base, revision, value, unit, state,
           source, recorded_by, recorded_at, contradictions, reason
    FROM found
    WHERE (:history OR place = 1)
      AND (CAST(:state AS text) IS NULL OR state = :state)
      AND (NOT :continued
           OR (county_code, uscc, series, product, period, price_base, revision)
              > (:after_0, :after_1, :after_2, :after_3, :after_4, :after_5,
                  CAST(:after_6 AS bigint)))
    ORDER BY county_code, uscc, series, product, period, price_base, revision
    LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which figures are wanted; ``first`` and ``last`` are months as 2026-01."""

    county: str | None = None
    enterprise: str | None = None
    series: list[str] | None = None
    product: str | None = None
    first: str | None = None
    last: str | None = None
    state: str | None = None
    known_at: datetime | None = None
    history: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """One revision of a figure; what it is not of is empty."""

    county_code: str
    uscc: str
    series: str
    product: str
    period: str
    price_base: str
    revision: int
    value: Decimal
    unit: str
    state: str
    source: str
    recorded_by: str
    recorded_at: datetime
    contradictions: list[dict[str, Any]] | None
    reason: str | None

    @property
    def key(self) -> tuple[str, str, str, str, str, str, int]:
        """Return its place in the list."""
        return (
            self.county_code, self.uscc, self.series, self.product, self.period, self.price_base,
            self.revision,
        )  # fmt: skip


async def page(
    connection: Connection,
    regions: list[str],
    filters: Filters,
    after: list[Any] | None,
    limit: int,
) -> list[Listed]:
    """Return figures of regions (prefixes of county codes) in the order of their places."""
    start = ["", "", "", "", "", "", 0] if after is None else after
    rows = await connection.execute(
        _LIST,
        {
            "patterns": [f"{region}%" for region in regions],
            "county": filters.county,
            "enterprise": filters.enterprise,
            "series": filters.series,
            "product": filters.product,
            "first": filters.first,
            "last": filters.last,
            "state": filters.state,
            "known_at": filters.known_at,
            "history": filters.history,
            "continued": after is not None,
            **{f"after_{place}": part for place, part in enumerate(start)},
            "limit": limit,
        },
    )
    return [Listed(*row) for row in rows]
