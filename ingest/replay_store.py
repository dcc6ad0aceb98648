"""Replays in the database: claimed by one process at a time, settled payload by payload."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from ingest.errors import Rejected
from ingest.keeper import Refused, digest

# The oldest first and no other beside it: two that ran at once could store what one sender sent
# in the wrong order.
_CLAIM = """
    SELECT replay_id FROM replays
    WHERE finished_at IS NULL
      AND replay_id = (SELECT min(replay_id) FROM replays WHERE finished_at IS NULL)
    FOR UPDATE SKIP LOCKED
"""
_NEXT = """
    SELECT place, payload_id FROM replay_payloads WHERE replay_id = $1 ORDER BY place LIMIT $2
"""
_PAYLOAD = """
    SELECT payload_id, collector, sender, payload, payload_bytes, digest,
           first_received_at, last_received_at, occurrences
    FROM rejected_payloads WHERE payload_id = $1
"""
_REMOVE = "DELETE FROM rejected_payloads WHERE payload_id = $1"
_EXPLAIN = "UPDATE rejected_payloads SET reason = $2, detail = $3 WHERE payload_id = $1"
# A part of a document that is refused still; the rest of it is stored.
_KEEP_PART = """
    INSERT INTO rejected_payloads AS kept
        (collector, sender, reason, detail, payload, payload_bytes, digest,
         first_received_at, last_received_at, occurrences)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (sender, collector, digest) DO UPDATE
    SET reason = excluded.reason, detail = excluded.detail,
        first_received_at = least(kept.first_received_at, excluded.first_received_at),
        last_received_at = greatest(kept.last_received_at, excluded.last_received_at)
"""
_DONE = "DELETE FROM replay_payloads WHERE replay_id = $1 AND place = ANY($2)"
_NOTE = """
    UPDATE replays
    SET started_at = coalesce(started_at, now()), error = $2, stored = stored + $3,
        duplicate = duplicate + $4, superseded = superseded + $5, removed = removed + $6,
        still_rejected = still_rejected + $7, gone = gone + $8,
        reasons = (
            SELECT coalesce(jsonb_object_agg(key, count), '{}') FROM (
                SELECT key, sum(value::bigint) AS count
                FROM (SELECT * FROM jsonb_each_text(reasons)
                      UNION ALL SELECT * FROM jsonb_each_text($9::jsonb)) AS both_of
                GROUP BY key
            ) AS summed
        ),
        finished_at = CASE WHEN NOT EXISTS (
            SELECT FROM replay_payloads WHERE replay_id = $1
        ) THEN now() END
    WHERE replay_id = $1
    RETURNING finished_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Payload:
    """A rejected payload as it was kept."""

    payload_id: int
    collector: str
    sender: str
    payload: bytes
    payload_bytes: int  # before any cut
    digest: bytes
    first_received_at: datetime
    last_received_at: datetime
    occurrences: int

    @property
    def is_cut(self) -> bool:
        """Whether a part of it is lost, so that it cannot be tried again."""
        return self.payload_bytes > len(self.payload)


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of one payload's row: it goes, except for parts, or is explained anew."""

    payload: Payload
    explained: Rejected | None = None
    parts: Sequence[Refused] = ()
    untouched: bool = False


@dataclass(slots=True)
class Tally:
    """What a part of a replay came to; readings in the first three, payloads in the others."""

    stored: int = 0
    duplicate: int = 0
    superseded: int = 0
    removed: int = 0
    still_rejected: int = 0
    gone: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    error: str | None = None


async def claim(connection: asyncpg.Connection) -> int | None:
    """Return the replay that is due, locked until the transaction ends; None where none is free."""
    found: int | None = await connection.fetchval(_CLAIM)
    return found


async def following(
    connection: asyncpg.Connection, replay_id: int, limit: int
) -> list[tuple[int, int]]:
    """Return places and ids of the next payloads, newest first."""
    return [tuple(row) for row in await connection.fetch(_NEXT, replay_id, limit)]


async def payload(connection: asyncpg.Connection, payload_id: int) -> Payload | None:
    """Return a payload, or None where it is gone."""
    row = await connection.fetchrow(_PAYLOAD, payload_id)
    return None if row is None else Payload(*row)


async def settle(
    connection: asyncpg.Connection,
    replay_id: int,
    places: Sequence[int],
    settled: Sequence[Settled],
    tally: Tally,
) -> bool:
    """Note what was done; returns whether the replay has come to its end."""
    for item in sorted(settled, key=lambda item: item.payload.digest):  # as whoever keeps them
        await _settle(connection, item)
    await connection.execute(_DONE, replay_id, list(places))
    finished = await connection.fetchval(
        _NOTE,
        replay_id,
        tally.error,
        tally.stored,
        tally.duplicate,
        tally.superseded,
        tally.removed,
        tally.still_rejected,
        tally.gone,
        json.dumps(tally.reasons),
    )
    return bool(finished)


async def _settle(connection: asyncpg.Connection, settled: Settled) -> None:
    whole = settled.payload
    if settled.untouched:
        return
    if (why := settled.explained) is not None:
        await connection.execute(_EXPLAIN, whole.payload_id, why.reason, why.detail)
        return
    for part in sorted(settled.parts, key=digest):
        await connection.execute(
            _KEEP_PART,
            whole.collector,
            whole.sender,
            part.reason.reason,
            part.reason.detail,
            part.payload,
            len(part.payload),
            digest(part),
            whole.first_received_at,
            whole.last_received_at,
            whole.occurrences,
        )
    if whole.digest not in {digest(part) for part in settled.parts}:
        await connection.execute(_REMOVE, whole.payload_id)
