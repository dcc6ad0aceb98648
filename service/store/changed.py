"""What the rollup recomputed and evaluators have to look at, a row per indicator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_APPEND = text("""
    INSERT INTO changed_usage (indicator, enterprise_id, first_at, last_at)
    SELECT indicator, :enterprise, :first, :last
    FROM unnest(CAST(:indicators AS text[])) AS indicator
""")
_CLAIM = text("""
    WITH claimed AS (
        DELETE FROM changed_usage WHERE indicator = :indicator
        RETURNING enterprise_id, first_at, last_at
    )
    SELECT enterprise_id, lower(run) AS first_at, upper(run) AS last_at
    FROM (
        SELECT enterprise_id, unnest(range_agg(tstzrange(first_at, last_at))) AS run
        FROM claimed GROUP BY enterprise_id
    ) AS runs
    ORDER BY enterprise_id, first_at
""")


@dataclass(frozen=True, slots=True)
class ChangedUsage:
    """Quarter hours [first_at, last_at) of an enterprise that were recomputed."""

    enterprise_id: int
    first_at: datetime
    last_at: datetime


async def append(
    connection: Connection,
    indicators: Sequence[str],
    enterprise_id: int,
    first: datetime,
    last: datetime,
) -> None:
    """Tell every indicator that the quarter hours [first, last) of an enterprise changed."""
    await connection.execute(
        _APPEND,
        {
            "indicators": list(indicators),
            "enterprise": enterprise_id,
            "first": first,
            "last": last,
        },
    )


async def claim(connection: Connection, indicator: str) -> list[ChangedUsage]:
    """Take all that changed for an indicator whose lock is held."""
    return [
        ChangedUsage(*row) for row in await connection.execute(_CLAIM, {"indicator": indicator})
    ]
