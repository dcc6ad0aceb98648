"""Dropping what is older than it is kept; on every edition our own task."""

from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_PATIENCE = text("SET LOCAL lock_timeout = '5s'")
_DROP = text("SELECT drop_before(:relation, :instant)")
_DELETE_REJECTED = text("""
    DELETE FROM rejected_payloads
    WHERE last_received_at < :instant
       OR reason = 'unknown_mn' AND last_received_at < :waits_since
""")

_DELETE_MARKS = text("DELETE FROM condition_marks WHERE at < :instant")


async def drop_before(connection: Connection, relation: str, instant: datetime) -> int:
    """Drop the chunks of a table that lie wholly before an instant; returns how many.

    Gives up after five seconds without the locks, so that writers are not held up.
    """
    await connection.execute(_PATIENCE)
    return int(await connection.scalar(_DROP, {"relation": relation, "instant": instant}) or 0)


async def delete_rejected(connection: Connection, instant: datetime, waits_since: datetime) -> None:
    """Delete rejected payloads last received before an instant, frames of unknown MNs before
    another one.
    """
    await connection.execute(_DELETE_REJECTED, {"instant": instant, "waits_since": waits_since})


async def delete_marks(connection: Connection, instant: datetime) -> None:
    """Delete marks of production conditions from before an instant."""
    await connection.execute(_DELETE_MARKS, {"instant": instant})
