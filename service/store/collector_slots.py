"""Slots of MQTT collectors: a persistent session in the broker each, held by one process."""

from sqlalchemy import text

from schemas.locks import Lock
from service.store.engine import Connection

# A process holds the advisory lock of its slot for as long as it lives.
_AWAY = text("""
    SELECT slot || ' at ' || broker FROM collector_slots
    WHERE drained_at IS NULL AND NOT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 2 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid = :class AND objid = lock_key::oid
    )
    ORDER BY 1
""")


async def away(connection: Connection) -> list[str]:
    """Return the slots that no process holds and that were not drained."""
    rows = await connection.execute(_AWAY, {"class": int(Lock.SLOT)})
    return [row[0] for row in rows]
