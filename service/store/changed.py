"""What was recomputed or entered and evaluators have to look at, a row for each indicator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_APPEND_USAGE = text("""
    INSERT INTO changed_usage (indicator, county_code, enterprise_id, first_at, last_at)
    SELECT indicator, e.county_code, e.enterprise_id, changed.first_at, changed.last_at
    FROM unnest(
        CAST(:enterprises AS integer[]), CAST(:firsts AS timestamptz[]),
        CAST(:lasts AS timestamptz[])
    ) AS changed (enterprise_id, first_at, last_at)
    JOIN enterprises AS e USING (enterprise_id),
        unnest(CAST(:indicators AS text[])) AS indicator
    WHERE e.enterprise_id = ANY(CAST(:enterprises AS integer[]))
""")
_APPEND_OFFICIAL = text("""
    INSERT INTO changed_usage (indicator, county_code, enterprise_id, first_at, last_at)
    SELECT indicator, :county, CAST(:enterprise AS integer), :first, :last
    FROM unnest(CAST(:indicators AS text[])) AS indicator
""")
# The longest waiting come first, as many as make up so many days, always one.
_CLAIM = text("""
    WITH waiting AS MATERIALIZED (
        SELECT county_code, enterprise_id,
               sum(extract(epoch FROM max(last_at) - min(first_at)) / 86400 + 1)
                   OVER (ORDER BY min(id)) AS days,
               count(*) OVER () AS all_waiting, row_number() OVER (ORDER BY min(id)) AS place
        FROM changed_usage WHERE indicator = :indicator
        GROUP BY county_code, enterprise_id
    ),
    chosen AS MATERIALIZED (
        SELECT county_code, enterprise_id, all_waiting FROM waiting
        WHERE days <= :days OR place = 1
    ),
    claimed AS (
        DELETE FROM changed_usage AS c USING chosen
        WHERE c.indicator = :indicator AND c.county_code = chosen.county_code
          AND c.enterprise_id IS NOT DISTINCT FROM chosen.enterprise_id
        RETURNING c.county_code, c.enterprise_id, c.first_at, c.last_at
    )
    SELECT county_code, enterprise_id, lower(run) AS first_at, upper(run) AS last_at,
           (SELECT max(all_waiting) > count(*) FROM chosen) AS is_more
    FROM (
        SELECT county_code, enterprise_id, unnest(range_agg(tstzrange(first_at, last_at))) AS run
        FROM claimed GROUP BY county_code, enterprise_id
    ) AS runs
    ORDER BY county_code, enterprise_id, first_at
""")


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed between two instants: of an enterprise, or of a county's official figures."""

    county_code: str
    enterprise_id: int | None
    first_at: datetime
    last_at: datetime


async def append_usage(
    connection: Connection,
    indicators: Sequence[str],
    spans: Mapping[int, tuple[datetime, datetime]],
) -> None:
    """Tell indicators that the quarter hours [first, last) of each enterprise changed."""
    await connection.execute(
        _APPEND_USAGE,
        {
            "indicators": list(indicators),
            "enterprises": list(spans),
            "firsts": [first for first, _ in spans.values()],
            "lasts": [last for _, last in spans.values()],
        },
    )


async def append_official(
    connection: Connection,
    indicators: Sequence[str],
    county_code: str,
    enterprise_id: int | None,
    first: datetime,
    last: datetime,
) -> None:
    """Tell indicators that official figures of [first, last) changed: of a county or enterprise."""
    await connection.execute(
        _APPEND_OFFICIAL,
        {
            "indicators": list(indicators),
            "county": county_code,
            "enterprise": enterprise_id,
            "first": first,
            "last": last,
        },
    )


async def claim(connection: Connection, indicator: str, days: float) -> tuple[list[Changed], bool]:
    """Take what changed for an indicator whose lock is held, and tell whether more waits.

    What is taken of all enterprises adds up to at most so many days, or is of a single one.
    """
    rows = (await connection.execute(_CLAIM, {"indicator": indicator, "days": days})).all()
    changes = [Changed(r.county_code, r.enterprise_id, r.first_at, r.last_at) for r in rows]
    return changes, any(row.is_more for row in rows)
