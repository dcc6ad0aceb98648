"""Indicator values of one subject, newest first: as published now, or as known at an instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.counties import Result, result
from service.store.engine import Connection

COLUMNS = """
    value_id, indicator, period, basis, stage, as_of, value, range_low, range_high, unit, target,
    level, completeness, estimated, rule_set, inputs, revision, recorded_at, superseded_at
"""
_VALUES = text(f"""
    SELECT {COLUMNS}
    FROM indicator_values
    WHERE county_code = :county AND subject = :subject
      AND (:history OR CASE
          WHEN CAST(:known_at AS timestamptz) IS NULL THEN superseded_at IS NULL
          ELSE recorded_at <= :known_at AND coalesce(superseded_at > :known_at, true)
      END)
      AND (CAST(:indicator AS text) IS NULL OR indicator = :indicator)
      AND (CAST(:period AS text) IS NULL OR period = :period)
      AND (CAST(:basis AS text) IS NULL OR basis = :basis)
      AND (CAST(:stage AS text) IS NULL OR stage = :stage)
      AND (CAST(:first AS timestamptz) IS NULL OR as_of > :first)
      AND (CAST(:last AS timestamptz) IS NULL OR as_of <= :last)
      AND (CAST(:before_at AS timestamptz) IS NULL OR (as_of, value_id) < (:before_at, :before_id))
    ORDER BY as_of DESC, value_id DESC
    LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Known:
    """Which revisions are wanted: those published now, those known at an instant, or all."""

    at: datetime | None = None
    history: bool = False


NOW = Known()


async def page(
    connection: Connection,
    county: str,
    subject: str,
    filters: dict[str, Any],
    limit: int,
    before: tuple[datetime, int] | None,
    known: Known = NOW,
) -> list[Result]:
    """Return values of a subject, newest instant first.

    ``filters`` may name indicator, period, basis, stage and the instants ``first`` (left out)
    and ``last``.
    """
    names = ("indicator", "period", "basis", "stage", "first", "last")
    at, value_id = before or (None, None)
    rows = await connection.execute(
        _VALUES,
        {
            "county": county,
            "subject": subject,
            **{name: filters.get(name) for name in names},
            "before_at": at,
            "before_id": value_id,
            "limit": limit,
            "known_at": known.at,
            "history": known.history,
        },
    )
    return [result(row) for row in rows]
