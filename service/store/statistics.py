"""Official figures and targets of counties: entered with their source, revisions kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text

from service.store.engine import Connection

_APPEND = text("""
    INSERT INTO statistics (county_code, series, period, value, unit, price_base, state, source,
                            revision, recorded_by)
    SELECT :county_code, :series, :period, :value, :unit, :price_base, :state, :source,
           coalesce(max(revision), 0) + 1, :recorded_by
    FROM statistics
    WHERE county_code = :county_code AND series = :series AND period = :period
    RETURNING revision
""")
_APPEND_TARGET = text("""
    INSERT INTO targets (county_code, indicator, period, kind, value, unit, source, confirmed,
                         revision, recorded_by)
    SELECT :county_code, :indicator, :period, :kind, :value, :unit, :source, :confirmed,
           coalesce(max(revision), 0) + 1, :recorded_by
    FROM targets
    WHERE county_code = :county_code AND indicator = :indicator AND period = :period
      AND kind = :kind
    RETURNING revision
""")
_LATEST = text("""
    SELECT DISTINCT ON (county_code, series, period)
           county_code, series, period, value, unit, price_base, state, source, revision,
           recorded_at
    FROM statistics
    WHERE county_code = ANY(CAST(:counties AS text[])) AND series = ANY(CAST(:series AS text[]))
    ORDER BY county_code, series, period, revision DESC
""")
_LATEST_TARGETS = text("""
    SELECT DISTINCT ON (county_code, indicator, period, kind)
           county_code, indicator, period, kind, value, unit, source, confirmed, revision
    FROM targets
    WHERE county_code = ANY(CAST(:counties AS text[])) AND indicator = :indicator
    ORDER BY county_code, indicator, period, kind, revision DESC
""")


@dataclass(frozen=True, slots=True)
class Statistic:
    """One official figure of a county and its period, in its newest revision."""

    county_code: str
    series: str
    period: str
    value: Decimal
    unit: str
    price_base: str | None
    state: str
    source: str
    revision: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a county for a period, in its newest revision."""

    county_code: str
    indicator: str
    period: str
    kind: str
    value: Decimal
    unit: str
    source: str
    confirmed: bool
    revision: int


async def append(connection: Connection, figure: dict[str, object]) -> int:
    """Enter one figure; returns its revision, 1 for the first."""
    return int(await connection.scalar(_APPEND, figure) or 0)


async def append_target(connection: Connection, target: dict[str, object]) -> int:
    """Enter one target; returns its revision, 1 for the first."""
    return int(await connection.scalar(_APPEND_TARGET, target) or 0)


async def latest(
    connection: Connection, counties: Sequence[str], series: Sequence[str]
) -> list[Statistic]:
    """Return the newest revision of each figure of some series."""
    rows = await connection.execute(_LATEST, {"counties": list(counties), "series": list(series)})
    return [Statistic(*row) for row in rows]


async def targets(connection: Connection, counties: Sequence[str], indicator: str) -> list[Target]:
    """Return the newest revision of each target of an indicator."""
    rows = await connection.execute(
        _LATEST_TARGETS, {"counties": list(counties), "indicator": indicator}
    )
    return [Target(*row) for row in rows]
