"""Keeps what was refused: nothing that arrived disappears."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from ingest.errors import Rejected, Unavailable
from ingest.monitoring import REJECTED

MAX_KEPT = 8 * 1024 * 1024  # bytes of one payload; what is longer is cut, its length is noted
LOST = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

# A sender that repeats the same wrong payload for ever fills one row.
_KEEP = """
    INSERT INTO rejected_payloads AS kept
        (collector, sender, reason, detail, payload, payload_bytes, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (sender, collector, digest) DO UPDATE
    SET occurrences = kept.occurrences + 1, last_received_at = now(),
        reason = excluded.reason, detail = excluded.detail
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """A payload, or a document of the items of one, and why it can never be stored."""

    payload: bytes
    reason: Rejected
    items: int = 1


class Keeper:
    """Writes refused payloads to their table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(self, collector: str, sender: str, refused: Sequence[Refused]) -> None:
        """Return once the payloads are committed; raises `Unavailable` when they cannot be."""
        rows = [
            _row(collector, _storable(sender), item)
            for item in sorted(refused, key=_digest)  # all writers lock in one order
        ]
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.executemany(_KEEP, rows)
        except LOST as error:
            # without its traceback: the driver's frames hold the error, and ours the payloads
            raise Unavailable(str(error)) from error.with_traceback(None)
        for item in refused:
            REJECTED.labels(collector=collector, reason=item.reason.reason).inc(item.items)


def _row(collector: str, sender: str, item: Refused) -> tuple[object, ...]:
    return (
        collector,
        sender,
        item.reason.reason,
        item.reason.detail,
        item.payload[:MAX_KEPT],
        len(item.payload),
        _digest(item),
    )


def _digest(item: Refused) -> bytes:
    return hashlib.sha256(item.payload).digest()


def _storable(sender: str) -> str:
    return sender.replace("\0", "\ufffd").encode(errors="replace").decode()
