"""Events of alerts, in order of their ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_AFTER = text("""
    SELECT event_id, county_code, enterprise_id, kind, as_of, recorded_at, body
    FROM alert_events WHERE event_id > :last ORDER BY event_id LIMIT :limit
""")
_NEWEST = text("""
    SELECT event_id, county_code, enterprise_id, kind, as_of, recorded_at, body
    FROM alert_events
    WHERE CAST(:before AS bigint) IS NULL OR event_id < :before
    ORDER BY event_id DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was appended; ``body`` is what a reader is sent."""

    event_id: int
    county_code: str
    enterprise_id: int | None
    kind: str
    as_of: datetime
    recorded_at: datetime
    body: dict[str, Any]

    def is_within(self, regions: Sequence[str], enterprise_id: int | None) -> bool:
        """Tell whether a scope covers the event."""
        if enterprise_id is not None and enterprise_id != self.enterprise_id:
            return False
        return any(self.county_code.startswith(region) for region in regions)

    def document(self) -> dict[str, Any]:
        """Return the event as it goes over the wire."""
        return {"id": self.event_id, "recorded_at": self.recorded_at.isoformat(), **self.body}


async def after(connection: Connection, last: int, limit: int) -> list[Event]:
    """Return the first events after an id, oldest first."""
    return _events(await connection.execute(_AFTER, {"last": last, "limit": limit}))


async def newest(connection: Connection, limit: int, before: int | None = None) -> list[Event]:
    """Return the newest events, of those before an id if one is given, oldest first."""
    return _events(await connection.execute(_NEWEST, {"limit": limit, "before": before}))[::-1]


def _events(rows: Iterable[Any]) -> list[Event]:
    return [Event(*row) for row in rows]
