"""What was recomputed or entered and evaluators have to look at, a row for each indicator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_APPEND_USAGE = text("""
    INSERT INTO changed_usage (indicator, county_code, enterprise_id, first_at, last_at)
    SELECT indicator, county_code, enterprise_id, :first, :last
    FROM unnest(CAST(:indicators AS text[])) AS indicator, enterprises
    WHERE enterprise_id = :enterprise
""")
_APPEND_OFFICIAL = text("""
    INSERT INTO changed_usage (indicator, county_code, first_at, last_at)
    SELECT indicator, :county, :first, :last
    FROM unnest(CAST(:indicators AS text[])) AS indicator
""")
_CLAIM = text("""
    WITH claimed AS (
        DELETE FROM changed_usage WHERE indicator = :indicator
        RETURNING county_code, enterprise_id, first_at, last_at
    )
    SELECT county_code, enterprise_id, lower(run) AS first_at, upper(run) AS last_at
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
    enterprise_id: int,
    first: datetime,
    last: datetime,
) -> None:
    """Tell indicators that the quarter hours [first, last) of an enterprise changed."""
    await connection.execute(
        _APPEND_USAGE,
        {
            "indicators": list(indicators),
            "enterprise": enterprise_id,
            "first": first,
            "last": last,
        },
    )


async def append_official(
    connection: Connection,
    indicators: Sequence[str],
    county_code: str,
    first: datetime,
    last: datetime,
) -> None:
    """Tell indicators that official figures of a county's period [first, last) changed."""
    await connection.execute(
        _APPEND_OFFICIAL,
        {"indicators": list(indicators), "county": county_code, "first": first, "last": last},
    )


async def claim(connection: Connection, indicator: str) -> list[Changed]:
    """Take all that changed for an indicator whose lock is held."""
    return [Changed(*row) for row in await connection.execute(_CLAIM, {"indicator": indicator})]
