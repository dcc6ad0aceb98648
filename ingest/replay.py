"""Stores rejected payloads again on request, the way in which they once came.

A payload is written, which is committed by itself, and then its row is settled together with the
count of it. A crash between the two means that it is written again, which changes nothing: what
is stored wins over what is replayed, and the trail is not written twice.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg
import numpy as np

from ingest import replay_store
from ingest.commit import commit
from ingest.directory import Directory
from ingest.errors import Reason, Rejected, Unavailable
from ingest.group import DUPLICATE, STORED, SUPERSEDED, gather
from ingest.intake import Answer, Intake
from ingest.keeper import Refused, UnmappedCode
from ingest.monitoring import REPLAYED
from ingest.outage import LOST
from ingest.registry import Batch
from ingest.replay_store import Payload, Settled, Tally
from ingest.writer import FAULTY, Outcome, Result

logger = logging.getLogger(__name__)

# Offered by a collector's module: tries a payload of a sender again.
Replayer = Callable[[Intake, str, bytes], Awaitable[Answer | Rejected]]

POLL_S = 30.0  # in case a notification is lost
AGAIN_AFTER_S = 2.0
AT_ONCE = 50  # payloads settled in one transaction
AT_ONCE_S = 1.0
AT_ONCE_BYTES = 16 * 1024 * 1024


class Replay:
    """Works off the table of replays, which any number of processes share, one at a time."""

    def __init__(
        self,
        database: str,
        pool: asyncpg.Pool,
        directory: Directory,
        replayers: Mapping[str, Replayer],
    ) -> None:
        self._database = database
        self._pool = pool
        self._directory = directory
        self._replayers = replayers
        self._refused = _Refusals()
        self._intake = Intake(directory, _Yielding(pool), self._refused, pool, AT_ONCE_BYTES)
        self._asked = asyncio.Event()
        self._current: int | None = None  # for which the registry was read

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self._follow()
            except LOST as error:
                logger.warning("replays cannot be read: %s", error)
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _follow(self) -> None:
        connection = await asyncpg.connect(self._database, timeout=10)
        try:
            await connection.add_listener("replays", lambda *_: self._asked.set())
            while not connection.is_closed():
                self._asked.clear()
                while await self.advance():
                    pass
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._asked.wait()
        finally:
            connection.terminate()

    async def advance(self) -> bool:
        """Try the next payloads of the replay that is due; returns whether there was one."""
        async with self._pool.acquire() as connection, connection.transaction():
            replay_id = await replay_store.claim(connection)
            if replay_id is None:
                return False
            tally = Tally()
            places, settled = await self._try_next(connection, replay_id, tally)
            if await replay_store.settle(connection, replay_id, places, settled, tally):
                logger.info("replay %s has come to its end", replay_id)
        for outcome in ("removed", "still_rejected", "gone"):
            REPLAYED.labels(outcome=outcome).inc(getattr(tally, outcome))
        if tally.error is not None:
            await asyncio.sleep(AGAIN_AFTER_S)
        return True

    async def _try_next(
        self, connection: asyncpg.Connection, replay_id: int, tally: Tally
    ) -> tuple[list[int], list[Settled]]:
        """Try payloads for about a second; returns the places that are done, and how."""
        places: list[int] = []
        settled: list[Settled] = []
        size, deadline = 0, time.monotonic() + AT_ONCE_S
        try:
            await self._read_registry(replay_id)
            for place, payload_id in await replay_store.following(connection, replay_id, AT_ONCE):
                payload = await replay_store.payload(connection, payload_id)
                if payload is None:
                    tally.gone += 1
                else:
                    settled.append(await self._try(payload, tally))
                    size += len(payload.payload)
                places.append(place)
                if size > AT_ONCE_BYTES or time.monotonic() > deadline:
                    break
        except Unavailable as error:  # what was tried before is settled all the same
            tally.error = f"waits for the store: {error}"
        return places, settled

    async def _read_registry(self, replay_id: int) -> None:
        """Read the registry that was mended: the request may be here before the news of it."""
        if replay_id != self._current:
            await self._directory.refresh()
            self._current = replay_id

    async def _try(self, payload: Payload, tally: Tally) -> Settled:
        replayer = self._replayers.get(payload.collector)
        if payload.is_cut or replayer is None:
            return _leave(payload, tally, "cut" if payload.is_cut else "no_replayer")
        self._refused.items.clear()
        try:
            answer = await replayer(self._intake, payload.sender, payload.payload)
        except Rejected as rejected:
            answer = rejected
        except Unavailable:
            raise
        except Exception:  # one payload must not end the collectors beside it
            logger.exception("rejected payload %s cannot be replayed", payload.payload_id)
            return _leave(payload, tally, "failed")
        return _settle(payload, answer, list(self._refused.items), tally)


def _leave(payload: Payload, tally: Tally, why: str) -> Settled:
    tally.still_rejected += 1
    tally.reasons[why] += 1
    return Settled(payload, untouched=True)


def _settle(
    payload: Payload, answer: Answer | Rejected, refused: list[Refused], tally: Tally
) -> Settled:
    if isinstance(answer, Rejected):
        tally.still_rejected += 1
        tally.reasons[answer.reason] += 1
        return Settled(payload, explained=answer)
    tally.stored += answer.outcome.stored
    tally.duplicate += answer.outcome.duplicate
    tally.superseded += answer.outcome.superseded
    for reason in {item.reason.reason for item in refused}:
        tally.reasons[reason] += 1
    if refused:
        tally.still_rejected += 1
    else:
        tally.removed += 1
    return Settled(payload, parts=refused)


class _Refusals:
    """Takes down what is refused again, instead of keeping it as if it had come again."""

    def __init__(self) -> None:
        self.items: list[Refused] = []

    async def keep(self, collector: str, sender: str, refused: Sequence[Refused]) -> None:
        del collector, sender  # those of the payload that is being tried
        self.items += refused

    async def note(self, collector: str, sender: str, codes: Sequence[UnmappedCode]) -> None:
        del collector, sender, codes  # they are listed since they came

    async def keep_document(self, device_id: int, kind: str, document: str) -> None:
        raise NotImplementedError("documents of end devices are never refused")


class _Yielding:
    """Writes readings that were received before whatever is stored for their keys."""

    full = False

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def write(self, batches: Sequence[Batch]) -> list[Result]:
        return [await self._write(batch) if len(batch) else Outcome(0, 0, 0) for batch in batches]

    async def _write(self, batch: Batch) -> Result:
        try:
            async with self._pool.acquire() as connection:
                fates = await commit(connection, gather([batch]), yields=True)
        except FAULTY as error:
            return Rejected(Reason.NOT_STORABLE, error)
        except LOST as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        stored, duplicate, superseded = (
            int(np.count_nonzero(fates == fate)) for fate in (STORED, DUPLICATE, SUPERSEDED)
        )
        return Outcome(stored, duplicate, len(batch) - stored - duplicate - superseded, superseded)
