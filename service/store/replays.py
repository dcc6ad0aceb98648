"""Replays: rejected payloads that collectors are asked to try again."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection
from service.store.rejected import CHOSEN, Filter, Sight

_COLUMNS = """
    replay_id, requested_by, requested_at, wanted, payloads, started_at, finished_at, stored,
    duplicate, superseded, removed, still_rejected, gone, reasons, error
"""
# Newest first: a replay overwrites nothing, so the last received has to be stored first.
_REQUEST = text(f"""
    WITH chosen AS MATERIALIZED (
        SELECT payload_id,
               row_number() OVER (ORDER BY last_received_at DESC, payload_id DESC) AS place
        FROM rejected_payloads WHERE {CHOSEN}
    ),
    requested AS (
        INSERT INTO replays (requested_by, wanted, payloads)
        SELECT :by, CAST(:wanted AS jsonb), (SELECT count(*) FROM chosen)
        RETURNING *
    ),
    named AS (
        INSERT INTO replay_payloads (replay_id, place, payload_id)
        SELECT replay_id, place, payload_id FROM requested, chosen
    )
    SELECT {_COLUMNS} FROM requested
""")
_ONE = text(f"SELECT {_COLUMNS} FROM replays WHERE replay_id = :replay")
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM replays
    WHERE CAST(:before AS bigint) IS NULL OR replay_id < :before
    ORDER BY replay_id DESC LIMIT :limit
""")
_DELETE_OLD = text("DELETE FROM replays WHERE finished_at < :instant")


async def request(connection: Connection, by: str, wanted: Filter, sight: Sight) -> dict[str, Any]:
    """Ask collectors to try payloads again; returns the replay."""
    parameters = {**wanted.parameters(sight), "by": by, "wanted": json.dumps(wanted.named())}
    return dict((await connection.execute(_REQUEST, parameters)).mappings().one())


async def one(connection: Connection, replay_id: int) -> dict[str, Any] | None:
    """Return a replay."""
    row = (await connection.execute(_ONE, {"replay": replay_id})).mappings().one_or_none()
    return None if row is None else dict(row)


async def page(connection: Connection, limit: int, before: int | None) -> list[dict[str, Any]]:
    """Return replays, newest first."""
    rows = await connection.execute(_PAGE, {"limit": limit, "before": before})
    return [dict(row) for row in rows.mappings()]


async def delete_old(connection: Connection, instant: datetime) -> None:
    """Forget replays that ended before an instant."""
    await connection.execute(_DELETE_OLD, {"instant": instant})
