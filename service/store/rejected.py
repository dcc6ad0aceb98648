"""Payloads that were refused: looked at, counted, purged."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

# A payload belongs to the enterprise of its sender, and is seen by whoever sees that; of a sender
# that nobody knows it belongs to no region, and is seen by the platform's people of every region.
CHOSEN = """
    (CAST(:ids AS bigint[]) IS NULL OR payload_id = ANY(:ids))
    AND (CAST(:reason AS text) IS NULL OR reason = :reason)
    AND (CAST(:collector AS text) IS NULL OR collector = :collector)
    AND (CAST(:sender AS text) IS NULL OR sender = :sender)
    AND (CAST(:start AS timestamptz) IS NULL OR last_received_at >= :start)
    AND (CAST(:stop AS timestamptz) IS NULL OR last_received_at < :stop)
    AND (CAST(:enterprise AS text) IS NULL OR sender_enterprise(collector, sender)
         = (SELECT enterprise_id FROM enterprises WHERE uscc = :enterprise))
    AND (CAST(:words AS bytea) IS NULL OR position(:words IN payload) > 0
         OR position(:words IN convert_to(detail, 'UTF8')) > 0)
    AND (CAST(:everything AS boolean) OR coalesce(
        sender_enterprise(collector, sender) IN (SELECT enterprise_id FROM enterprises),
        CAST(:unknown AS boolean)
    ))
"""
_COLUMNS = """
    payload_id, collector, sender, reason, detail, payload_bytes, occurrences,
    first_received_at, last_received_at,
    (SELECT uscc FROM enterprises
     WHERE enterprise_id = sender_enterprise(collector, sender)) AS uscc
"""
_PAGE = text(f"""
    SELECT {_COLUMNS}, substring(payload FOR 8000) AS payload
    FROM rejected_payloads
    WHERE {CHOSEN} AND (CAST(:before AS bigint) IS NULL OR payload_id < :before)
    ORDER BY payload_id DESC
    LIMIT :limit
""")
_WHOLE = text(f"SELECT {_COLUMNS}, payload FROM rejected_payloads WHERE {CHOSEN}")
_COUNTS = text(f"""
    SELECT reason, collector, count(*) AS payloads, sum(occurrences)::bigint AS occurrences,
           min(first_received_at) AS first_received_at, max(last_received_at) AS last_received_at
    FROM rejected_payloads
    WHERE {CHOSEN}
    GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2
""")
_PURGE = text(f"""
    WITH purged AS (DELETE FROM rejected_payloads WHERE {CHOSEN} RETURNING reason)
    SELECT reason, count(*) FROM purged GROUP BY 1 ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class Sight:
    """Whose payloads a caller sees beside those of enterprises in scope."""

    everything: bool
    unknown: bool  # those of senders that nobody knows


@dataclass(frozen=True, slots=True)
class Filter:
    """Which payloads are meant; ``words`` are in the payload or in the detail, to the letter.

    ``start`` and ``stop`` bound when a payload was received last.
    """

    ids: Sequence[int] | None = None
    reason: str | None = None
    collector: str | None = None
    sender: str | None = None
    enterprise: str | None = None  # social credit code
    start: datetime | None = None
    stop: datetime | None = None
    words: str | None = None

    @property
    def empty(self) -> bool:
        """Whether it would mean everything."""
        return all(value is None for value in asdict(self).values())

    def parameters(self, sight: Sight) -> dict[str, Any]:
        """Return what stands in the condition `CHOSEN`."""
        words = None if self.words is None else self.words.encode(errors="surrogatepass")
        return {**asdict(self), "words": words, **asdict(sight)}

    def named(self) -> dict[str, Any]:
        """Return what is set, for the audit log."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value is not None
        }


async def page(
    connection: Connection, wanted: Filter, sight: Sight, limit: int, before: int | None
) -> list[Any]:
    """Return refused payloads, newest first, each cut to 8,000 bytes."""
    parameters = {**wanted.parameters(sight), "limit": limit, "before": before}
    return list(await connection.execute(_PAGE, parameters))


async def whole(connection: Connection, payload_id: int, sight: Sight) -> Any | None:
    """Return one refused payload with all of its bytes that were kept."""
    parameters = Filter(ids=[payload_id]).parameters(sight)
    return (await connection.execute(_WHOLE, parameters)).one_or_none()


async def counts(connection: Connection, wanted: Filter, sight: Sight) -> list[dict[str, Any]]:
    """Return how many were refused, by reason and collector, the most frequent first."""
    rows = await connection.execute(_COUNTS, wanted.parameters(sight))
    return [dict(row) for row in rows.mappings()]


async def purge(connection: Connection, wanted: Filter, sight: Sight) -> dict[str, int]:
    """Delete refused payloads; returns how many of each reason."""
    rows = await connection.execute(_PURGE, wanted.parameters(sight))
    return {row[0]: row[1] for row in rows}
