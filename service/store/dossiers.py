"""What is published of the energy of one enterprise: its newest figures, and those by month."""

from datetime import datetime

from sqlalchemy import text

from service.store.counties import Result, result
from service.store.engine import Connection

INDICATORS = (
    "energy_consumption",
    "carbon_emissions",
    "unit_consumption",
    "energy_per_value_added",
)
_NEWEST = text("""
    SELECT value_id, indicator, period, basis, stage, as_of, value, range_low, range_high, unit,
           target, level, completeness, estimated, rule_set, inputs, revision, recorded_at,
           superseded_at
    FROM indicator_values
    WHERE county_code = :county AND subject = :subject AND superseded_at IS NULL
      AND indicator = ANY(CAST(:indicators AS text[]))
      AND as_of = (
          SELECT max(as_of) FROM indicator_values
          WHERE county_code = :county AND subject = :subject AND superseded_at IS NULL
            AND indicator = 'energy_consumption'
      )
    ORDER BY indicator, period, basis
""")
# Whole totals of single months, without what they were computed from.
_MONTHLY = text("""
    SELECT value_id, indicator, period, basis, stage, as_of, value, range_low, range_high, unit,
           target, level, completeness, estimated, rule_set, '{}'::jsonb AS inputs, revision,
           recorded_at, superseded_at
    FROM indicator_values
    WHERE county_code = :county AND subject = :subject AND superseded_at IS NULL
      AND indicator IN ('energy_consumption', 'carbon_emissions')
      AND basis IN ('calorific', 'coal_consumption', 'carbon')
      AND split_part(period, '..', 1) = split_part(period, '..', 2)
      AND as_of > :first AND as_of <= :last
    ORDER BY as_of DESC, indicator, basis
""")


async def newest(connection: Connection, county: str, subject: str) -> list[Result]:
    """Return the figures of the month that closed last, of the year's and of 12 months."""
    rows = await connection.execute(
        _NEWEST, {"county": county, "subject": subject, "indicators": list(INDICATORS)}
    )
    return [result(row) for row in rows]


async def monthly(
    connection: Connection, county: str, subject: str, first: datetime, last: datetime
) -> list[Result]:
    """Return the totals of single months that ended in (first, last], the newest first."""
    rows = await connection.execute(
        _MONTHLY, {"county": county, "subject": subject, "first": first, "last": last}
    )
    return [result(row) for row in rows]
