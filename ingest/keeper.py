"""Keeps what was refused: nothing that arrived disappears."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import asyncpg

from ingest.errors import Reason, Rejected, Unavailable
from ingest.monitoring import REJECTED
from ingest.outage import LOST

MAX_KEPT = 8 * 1024 * 1024  # bytes of one payload; what is longer is cut, its length is noted

# A sender that repeats the same wrong payload for ever fills one row.
_KEEP = """
    INSERT INTO rejected_payloads AS kept
        (collector, sender, reason, detail, payload, payload_bytes, digest, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (sender, collector, digest) DO UPDATE
    SET occurrences = kept.occurrences + 1, last_received_at = now(),
        reason = excluded.reason, detail = excluded.detail, source = excluded.source
"""

# One row for each code; all writers lock in one order.
_NOTE = """
    INSERT INTO unmapped_codes AS known
        (collector, sender, wire_code, statistic, first_at, last_at, last_value, occurrences)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (collector, sender, wire_code, statistic) DO UPDATE
    SET occurrences = known.occurrences + excluded.occurrences, last_received_at = now(),
        first_at = least(known.first_at, excluded.first_at),
        last_at = greatest(known.last_at, excluded.last_at),
        last_value = CASE WHEN excluded.last_at >= known.last_at
            THEN excluded.last_value ELSE known.last_value END
"""

_KEEP_DOCUMENT = """
    INSERT INTO nhjc_documents (device_id, kind, body) VALUES ($1, $2, $3::text::jsonb)
    ON CONFLICT (device_id, kind) DO UPDATE SET body = excluded.body, received_at = now()
"""
# one value is at fault, not the store; the last is nested too deeply
FAULTY = (asyncpg.DataError, ValueError, asyncpg.ProgramLimitExceededError)


@dataclass(frozen=True, slots=True)
class UnmappedCode:
    """A code that no channel carries, with the newest of the values that came with it."""

    wire_code: str
    statistic: str
    first_at: datetime
    last_at: datetime
    last_value: float
    occurrences: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A payload, or a document of the items of one, and why it can never be stored."""

    payload: bytes
    reason: Rejected
    items: int = 1
    source: str | None = None  # address of the peer where the sender proves nothing


class Keeps(Protocol):
    """Where refused payloads go."""

    async def keep(self, collector: str, sender: str, refused: Sequence[Refused]) -> None:
        """Return once the payloads are kept."""

    async def note(self, collector: str, sender: str, codes: Sequence[UnmappedCode]) -> None:
        """Return once the codes are listed."""

    async def keep_document(self, device_id: int, kind: str, document: str) -> None:
        """Return once what an end device says of itself is kept."""


class Keeper:
    """Writes refused payloads to their table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(self, collector: str, sender: str, refused: Sequence[Refused]) -> None:
        """Return once the payloads are committed; raises `Unavailable` when they cannot be."""
        rows = [
            _row(collector, _storable(sender), item)
            for item in sorted(refused, key=digest)  # all writers lock in one order
        ]
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.executemany(_KEEP, rows)
        except LOST as error:
            # without its traceback: the driver's frames hold the error, and ours the payloads
            raise Unavailable(str(error)) from error.with_traceback(None)
        for item in refused:
            REJECTED.labels(collector=collector, reason=item.reason.reason).inc(item.items)

    async def note(self, collector: str, sender: str, codes: Sequence[UnmappedCode]) -> None:
        """List codes that wait to be mapped; raises `Unavailable` when that cannot be committed."""
        rows = [
            (collector, _storable(sender), code.wire_code, code.statistic, code.first_at,
             code.last_at, code.last_value, code.occurrences)
            for code in sorted(codes, key=lambda code: (code.wire_code, code.statistic))
        ]  # fmt: skip
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.executemany(_NOTE, rows)
        except LOST as error:
            raise Unavailable(str(error)) from error

    async def keep_document(self, device_id: int, kind: str, document: str) -> None:
        """Keep the newest document of a kind that an end device sent of itself.

        Raises `Rejected` where it cannot be stored as JSON, `Unavailable` where nothing can be.
        """
        try:
            async with self._pool.acquire() as connection:
                await connection.execute(_KEEP_DOCUMENT, device_id, kind, document)
        except FAULTY as error:
            raise Rejected(Reason.NOT_STORABLE, error) from error
        except LOST as error:
            raise Unavailable(str(error)) from error


def _row(collector: str, sender: str, item: Refused) -> tuple[object, ...]:
    return (
        collector,
        sender,
        item.reason.reason,
        item.reason.detail,
        item.payload[:MAX_KEPT],
        len(item.payload),
        digest(item),
        item.source,
    )


def digest(item: Refused) -> bytes:
    """Return what tells a payload from another of its sender."""
    return hashlib.sha256(item.payload).digest()


def _storable(sender: str) -> str:
    return sender.replace("\0", "\ufffd").encode(errors="replace").decode()
