"""Alerts as readers see them, newest first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_ALERTS = text("""
    SELECT a.alert_id, a.county_code, e.uscc, e.name_zh, e.name_en, f.code AS facility,
           o.code AS outlet, a.quantity, a.indicator, a.period, a.dimension, a.level, a.phase,
           a.episode, a.since, a.as_of, a.value, a.target, a.unit, a.reason, a.reason_zh,
           (SELECT max(case_id) FROM cases AS c WHERE c.alert_id = a.alert_id) AS case_id
    FROM alerts AS a
    LEFT JOIN enterprises AS e ON e.enterprise_id = a.enterprise_id
    LEFT JOIN facilities AS f ON f.facility_id = a.facility_id
    LEFT JOIN outlets AS o ON o.outlet_id = a.outlet_id
    WHERE (CAST(:county AS text) IS NULL OR a.county_code LIKE :county || '%')
      AND (CAST(:level AS smallint) IS NULL OR a.level = :level)
      AND (CAST(:phase AS text) IS NULL OR a.phase = :phase)
      AND (CAST(:before AS bigint) IS NULL OR a.alert_id < :before)
    ORDER BY a.alert_id DESC
    LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """One alert with the names of what it is about."""

    alert_id: int
    county_code: str
    uscc: str | None
    name_zh: str | None
    name_en: str | None
    facility: str | None
    outlet: str | None
    quantity: str | None
    indicator: str
    period: str
    dimension: str
    level: int
    phase: str
    episode: datetime
    since: datetime
    as_of: datetime
    value: float | None
    target: float | None
    unit: str
    reason: str
    reason_zh: str
    case_id: int | None


async def page(
    connection: Connection,
    county: str | None,
    level: int | None,
    phase: str | None,
    limit: int,
    before: int | None,
) -> list[ListedAlert]:
    """Return alerts that fit, newest first, before an id if one is given."""
    rows = await connection.execute(
        _ALERTS,
        {"county": county, "level": level, "phase": phase, "limit": limit, "before": before},
    )
    return [ListedAlert(*row) for row in rows]
