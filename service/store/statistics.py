"""Official figures and targets of counties: entered with their source, revisions kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text

from service.store.engine import Connection

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
    SELECT DISTINCT ON (county_code, series, period, price_base)
           county_code, series, period, value, unit, price_base, state, source, revision,
           recorded_at, reason
    FROM statistics
    WHERE county_code = ANY(CAST(:counties AS text[])) AND series = ANY(CAST(:series AS text[]))
      AND enterprise_id IS NULL AND product IS NULL
      AND (CAST(:known_at AS timestamptz) IS NULL OR recorded_at <= :known_at)
    ORDER BY county_code, series, period, price_base, revision DESC
""")
_OF_ENTERPRISES = text("""
    SELECT DISTINCT ON (enterprise_id, series, product, period, price_base)
           enterprise_id, product,
           county_code, series, period, value, unit, price_base, state, source, revision,
           recorded_at, reason
    FROM statistics
    WHERE enterprise_id = ANY(CAST(:enterprises AS integer[]))
      AND series = ANY(CAST(:series AS text[]))
      AND (CAST(:known_at AS timestamptz) IS NULL OR recorded_at <= :known_at)
    ORDER BY enterprise_id, series, product, period, price_base, revision DESC
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
    """One official figure and its period, in its newest revision.

    ``reason`` says why it was entered although it contradicts others, where it does.
    """

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
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OfEnterprise:
    """An official figure of an enterprise, perhaps of one of its products."""

    enterprise_id: int
    product: str | None
    figure: Statistic


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


async def append_target(connection: Connection, target: dict[str, object]) -> int:
    """Enter one target; returns its revision, 1 for the first."""
    return int(await connection.scalar(_APPEND_TARGET, target) or 0)


async def latest(
    connection: Connection,
    counties: Sequence[str],
    series: Sequence[str],
    known_at: datetime | None = None,
) -> list[Statistic]:
    """Return the newest revision of each figure of some series of counties, as known at an instant.

    Levels in money come once for each price base.
    """
    rows = await connection.execute(
        _LATEST, {"counties": list(counties), "series": list(series), "known_at": known_at}
    )
    return [Statistic(*row) for row in rows]


async def latest_of_enterprises(
    connection: Connection,
    enterprises: Sequence[int],
    series: Sequence[str],
    known_at: datetime | None = None,
) -> list[OfEnterprise]:
    """Return the newest revision of each figure of some series of enterprises."""
    rows = await connection.execute(
        _OF_ENTERPRISES,
        {"enterprises": list(enterprises), "series": list(series), "known_at": known_at},
    )
    return [OfEnterprise(row[0], row[1], Statistic(*row[2:])) for row in rows]


async def targets(connection: Connection, counties: Sequence[str], indicator: str) -> list[Target]:
    """Return the newest revision of each target of an indicator."""
    rows = await connection.execute(
        _LATEST_TARGETS, {"counties": list(counties), "indicator": indicator}
    )
    return [Target(*row) for row in rows]
