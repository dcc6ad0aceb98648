"""Counties with their newest results in each dimension and stage."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_COUNTIES = text("""
    SELECT county_code, name_zh, name_en, schematic FROM counties
    WHERE county_code LIKE ANY (CAST(:patterns AS text[])) ORDER BY county_code
""")
# Of each indicator the values of its newest instant: one, or one for each period and basis. An
# official result stands until the next one; figures that gave none do not take its place.
_RESULTS = text("""
    SELECT v.value_id, v.county_code, v.indicator, v.period, v.basis, v.stage, v.as_of, v.value,
           v.range_low, v.range_high, v.unit, v.target, v.level, v.completeness, v.estimated,
           v.rule_set, v.inputs, v.revision, v.recorded_at, v.superseded_at
    FROM counties AS c
    CROSS JOIN unnest(CAST(:indicators AS text[])) AS indicator
    CROSS JOIN LATERAL (
        SELECT coalesce(
            max(as_of) FILTER (WHERE stage <> 'official' OR value IS NOT NULL), max(as_of)
        ) AS as_of
        FROM indicator_values
        WHERE county_code = c.county_code AND indicator = indicator.indicator
          AND subject = 'county:' || c.county_code AND superseded_at IS NULL
    ) AS newest
    JOIN indicator_values AS v ON v.county_code = c.county_code
        AND v.indicator = indicator.indicator AND v.as_of = newest.as_of
        AND v.subject = 'county:' || c.county_code AND v.superseded_at IS NULL
    WHERE c.county_code = ANY(CAST(:counties AS text[]))
    ORDER BY v.county_code, v.indicator, v.period, v.basis
""")
_OPEN_ALERTS = text("""
    SELECT county_code, dimension, count(DISTINCT subject) AS subjects
    FROM alerts
    WHERE phase IN ('firing', 'recovering') AND county_code = ANY(CAST(:counties AS text[]))
    GROUP BY 1, 2
""")


@dataclass(frozen=True, slots=True)
class Result:
    """One value as it was published; ``superseded_at`` is None while it still is."""

    value_id: int
    indicator: str
    period: str
    basis: str
    stage: str
    as_of: datetime
    value: float | None
    range: tuple[float, float] | None
    unit: str
    target: float | None
    level: int | None
    completeness: float | None
    estimated: float | None
    rule_set: str | None
    inputs: dict[str, Any]
    revision: int
    recorded_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True)
class County:
    """A county, its place on the schematic map, its results and its open alerts by dimension."""

    code: str
    name_zh: str
    name_en: str
    schematic: dict[str, Any] | None
    results: list[Result] = field(default_factory=list)
    open_alerts: dict[str, int] = field(default_factory=dict)


async def overview(
    connection: Connection, regions: Sequence[str], indicators: Sequence[str]
) -> list[County]:
    """Return the counties of regions with the newest values of some indicators."""
    rows = await connection.execute(_COUNTIES, {"patterns": [f"{r}%" for r in regions]})
    counties = {row.county_code: County(*row) for row in rows}
    codes = list(counties)
    for row in await connection.execute(
        _RESULTS, {"counties": codes, "indicators": list(indicators)}
    ):
        counties[row.county_code].results.append(result(row))
    for row in await connection.execute(_OPEN_ALERTS, {"counties": codes}):
        counties[row.county_code].open_alerts[row.dimension] = row.subjects
    return list(counties.values())


def result(row: Any) -> Result:
    """Return the published value of a row."""
    limits = None if row.range_low is None else (row.range_low, row.range_high)
    return Result(
        row.value_id,
        row.indicator,
        row.period,
        row.basis,
        row.stage,
        row.as_of,
        row.value,
        limits,
        row.unit,
        row.target,
        row.level,
        row.completeness,
        row.estimated,
        row.rule_set,
        row.inputs,
        row.revision,
        row.recorded_at,
        row.superseded_at,
    )
