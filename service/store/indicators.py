"""Indicator values: what is published now; what it replaced stays."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from schemas.indicators import Level, Measured, Stage
from service.store.engine import Connection, copy

_PUBLISHED = text("""
    SELECT value_id, subject, indicator, period, basis, as_of, value, target, level, completeness,
           phases, revision
    FROM indicator_values
    WHERE superseded_at IS NULL AND indicator = ANY(CAST(:indicators AS text[]))
      AND subject = ANY(CAST(:subjects AS text[])) AND as_of >= :first AND as_of <= :last
""")
_LAST_BEFORE = text("""
    SELECT DISTINCT ON (subject, indicator, period, basis)
           value_id, subject, indicator, period, basis, as_of, value, target, level, completeness,
           phases, revision
    FROM indicator_values
    WHERE superseded_at IS NULL AND indicator = ANY(CAST(:indicators AS text[]))
      AND subject = ANY(CAST(:subjects AS text[])) AND as_of < :before AND as_of >= :after
    ORDER BY subject, indicator, period, basis, as_of DESC
""")
_SUPERSEDE = text("""
    UPDATE indicator_values SET superseded_at = now()
    WHERE value_id = ANY(CAST(:values AS bigint[]))
""")
_STORED_INSTANTS = text("""
    SELECT DISTINCT enterprise_id, as_of
    FROM indicator_values
    JOIN unnest(
        CAST(:enterprises AS integer[]),
        CAST(:firsts AS timestamptz[]),
        CAST(:lasts AS timestamptz[])
    ) AS stretch (enterprise_id, first, last) USING (enterprise_id)
    WHERE superseded_at IS NULL AND indicator = :indicator
      AND as_of > stretch.first AND as_of <= stretch.last
      AND as_of > :lower AND as_of <= :upper
""")
# COPY is refused on a table with policies, so values arrive in a table of the session's own.
_ARRIVING = text("""
    CREATE TEMPORARY TABLE IF NOT EXISTS arriving
    ON COMMIT DELETE ROWS AS SELECT * FROM indicator_values WITH NO DATA
""")
COLUMNS = (
    "subject", "county_code", "enterprise_id", "facility_id", "outlet_id", "quantity",
    "indicator", "period", "basis", "stage", "as_of", "value", "range_low", "range_high",
    "unit", "target", "level", "completeness", "estimated", "rule_set", "inputs", "phases",
    "revision",
)  # fmt: skip

_INSERT = text(f"""
    INSERT INTO indicator_values ({", ".join(COLUMNS)})
    SELECT {", ".join(COLUMNS)} FROM arriving ORDER BY subject, indicator, period, as_of
""")

Key = tuple[str, str, str, str, datetime]  # subject, indicator, period, basis, as_of
Phases = dict[str, list[str]]  # level: phase, since, episode


@dataclass(frozen=True, slots=True)
class Published:
    """A value as it is published now."""

    value_id: int
    key: Key
    value: float | None
    target: float | None
    level: int | None
    completeness: float | None
    phases: Phases
    revision: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value to publish; ``revision`` is 1 for the first of its key."""

    measured: Measured
    stage: Stage
    level: Level | None
    rule_set: str | None
    phases: Phases
    revision: int = 1

    @property
    def key(self) -> Key:
        """Return what identifies the value among those published."""
        return key_of(self.measured)


def key_of(measured: Measured) -> Key:
    """Return what identifies a value among those published."""
    return (
        measured.subject.key,
        measured.indicator,
        measured.period,
        measured.basis.value,
        measured.as_of,
    )


async def published(connection: Connection, values: Sequence[Measured]) -> dict[Key, Published]:
    """Return what is published now of the subjects and the stretch of time of some values."""
    rows = await connection.execute(
        _PUBLISHED,
        {
            **_subjects(values),
            "first": min(value.as_of for value in values),
            "last": max(value.as_of for value in values),
        },
    )
    return {found.key: found for found in _published(rows)}


async def last_before(
    connection: Connection, values: Sequence[Measured], before: datetime, after: datetime
) -> list[Published]:
    """Return what is published last in [after, before) of each series of some subjects."""
    rows = await connection.execute(
        _LAST_BEFORE, {**_subjects(values), "before": before, "after": after}
    )
    return list(_published(rows))


async def stored_instants(
    connection: Connection,
    indicator: str,
    stretches: Sequence[tuple[int, datetime, datetime]],
) -> list[tuple[int, datetime]]:
    """Return for which instants enterprises have values of an indicator.

    A stretch is an enterprise, an instant, and the last one after it that is asked for.
    """
    if not stretches:
        return []
    enterprises, firsts, lasts = zip(*stretches, strict=True)
    rows = await connection.execute(
        _STORED_INSTANTS,
        {
            "indicator": indicator,
            "enterprises": list(enterprises),
            "firsts": list(firsts),
            "lasts": list(lasts),
            "lower": min(firsts),
            "upper": max(lasts),
        },
    )
    return [(row.enterprise_id, row.as_of) for row in rows]


async def publish(
    connection: Connection, values: Sequence[Value], superseded: Sequence[int]
) -> None:
    """Publish values; those whose ids are given stay as what was published before."""
    if superseded:
        await connection.execute(_SUPERSEDE, {"values": list(superseded)})
    if values:
        await connection.execute(_ARRIVING)
        await copy(connection, "arriving", COLUMNS, [_record(value) for value in values])
        await connection.execute(_INSERT)


def _record(value: Value) -> tuple[Any, ...]:
    measured, subject = value.measured, value.measured.subject
    low, high = measured.range or (None, None)
    return (
        subject.key, subject.county_code, subject.enterprise_id, subject.facility_id,
        subject.outlet_id, subject.quantity,
        measured.indicator, measured.period, measured.basis.value, value.stage.value,
        measured.as_of, measured.value, low, high, measured.unit, measured.target,
        value.level, measured.completeness, measured.estimated, value.rule_set,
        json.dumps(measured.inputs, ensure_ascii=False),
        json.dumps(value.phases) if value.phases else None,
        value.revision,
    )  # fmt: skip


def _subjects(values: Sequence[Measured]) -> dict[str, list[str]]:
    return {
        "indicators": sorted({value.indicator for value in values}),
        "subjects": sorted({value.subject.key for value in values}),
    }


def _published(rows: Iterable[Any]) -> Iterable[Published]:
    for row in rows:
        yield Published(
            row.value_id,
            (row.subject, row.indicator, row.period, row.basis, row.as_of),
            row.value,
            row.target,
            row.level,
            row.completeness,
            row.phases or {},
            row.revision,
        )
