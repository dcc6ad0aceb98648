"""Frames that cannot be stored, kept for whoever mends the reason.

Those of an MN that nobody registered wait for a day, and are stored once it is registered.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import asyncpg

from ingest.directory import Directory
from ingest.errors import Reason, Rejected, Unavailable
from ingest.keeper import Keeps, Refused
from ingest.limits import Rates
from ingest.outage import LOST

logger = logging.getLogger(__name__)

COLLECTOR = "hj212"
LOOK_EVERY_S = 1.0
COUNT_EVERY_S = 60.0
FRAMES_AT_ONCE = 200
MAX_WAITING = 200_000  # frames of unknown MNs, of all of them together
RATE, BURST = 2.0, 2_000.0  # frames an address may leave here: a second, at once

# both bounded by the partial index on what waits
_WAITING = """
    SELECT DISTINCT sender FROM rejected_payloads
    WHERE collector = 'hj212' AND reason = 'unknown_mn'
"""
_COUNT = """
    SELECT count(*) FROM rejected_payloads WHERE collector = 'hj212' AND reason = 'unknown_mn'
"""
_FRAMES = """
    SELECT payload_id, payload, source FROM rejected_payloads
    WHERE collector = 'hj212' AND reason = 'unknown_mn' AND sender = $1 AND payload_id > $2
    ORDER BY payload_id LIMIT $3
"""
# what was refused again meanwhile, for another reason, stays
_STORED = """
    DELETE FROM rejected_payloads WHERE payload_id = ANY($1) AND reason = 'unknown_mn'
"""

Release = Callable[[bytes, str], Awaitable[bool]]  # a frame and its source: is it dealt with?


class Quarantine:
    """Keeps frames within bounds, and releases those whose MN has become known."""

    def __init__(self, keeper: Keeps, pool: asyncpg.Pool, directory: Directory) -> None:
        self._keeper = keeper
        self._pool = pool
        self._directory = directory
        self._rates = Rates(RATE, BURST, time.monotonic)
        self._waiting = 0

    async def keep(self, sender: str, source: str, payload: bytes, rejected: Rejected) -> bool:
        """Keep a frame with the reason; tell whether it is kept and may be answered.

        It is not while the store is away, or where its address has left too many.
        """
        is_unknown = rejected.reason is Reason.UNKNOWN_MN
        if (is_unknown and self._waiting >= MAX_WAITING) or not self._rates.admits(source):
            return False
        try:
            refused = Refused(payload, rejected, source=source)
            await self._keeper.keep(COLLECTOR, sender, [refused])
        except Unavailable:
            return False
        self._waiting += is_unknown
        return True

    async def run(self, release: Release) -> None:
        """Release what can be whenever the registry was read, until cancelled."""
        seen = counted_at = looked_at = 0.0
        while True:
            revision = self._directory.revision
            try:
                if time.monotonic() - counted_at >= COUNT_EVERY_S:
                    self._waiting = await self._pool.fetchval(_COUNT)
                    counted_at = time.monotonic()
                # now and then without a change: a frame may have been judged by an older registry
                if revision != seen or time.monotonic() - looked_at >= COUNT_EVERY_S:
                    looked_at = time.monotonic()
                    seen = revision if await self._release(release) else seen
            except LOST as error:
                logger.warning("quarantine cannot be read now: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _release(self, release: Release) -> bool:
        """Release what can be; tell whether nothing of it is left."""
        is_clear = True
        for row in await self._pool.fetch(_WAITING):
            if row["sender"] in self._directory.monitors:
                is_clear = await self._release_of(row["sender"], release) and is_clear
        return is_clear

    async def _release_of(self, mn: str, release: Release) -> bool:
        after = found = count = 0
        while rows := await self._pool.fetch(_FRAMES, mn, after, FRAMES_AT_ONCE):
            done = [
                row["payload_id"]
                for row in rows
                if await release(row["payload"], row["source"] or "")
            ]
            await self._pool.execute(_STORED, done)
            found, count = found + len(rows), count + len(done)
            after = rows[-1]["payload_id"]
        logger.info("%d frames of a newly registered MN left quarantine", count)
        return count == found
