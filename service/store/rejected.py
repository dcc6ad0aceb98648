"""Payloads that were refused, newest first."""

from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_REJECTED = text("""
    SELECT payload_id, collector, sender, reason, detail, substring(payload FOR 8000) AS payload,
           payload_bytes, occurrences, first_received_at, last_received_at
    FROM rejected_payloads
    WHERE (CAST(:reason AS text) IS NULL OR reason = :reason)
      AND (CAST(:sender AS text) IS NULL OR sender = :sender)
      AND (CAST(:before AS bigint) IS NULL OR payload_id < :before)
    ORDER BY payload_id DESC
    LIMIT :limit
""")


async def page(
    connection: Connection,
    reason: str | None,
    sender: str | None,
    limit: int,
    before: int | None,
) -> list[Any]:
    """Return refused payloads, each cut to 8,000 bytes."""
    rows = await connection.execute(
        _REJECTED, {"reason": reason, "sender": sender, "limit": limit, "before": before}
    )
    return list(rows)
