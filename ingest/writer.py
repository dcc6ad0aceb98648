"""Group commit: what `Writer.write` returned for is committed."""

import asyncio
import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import asyncpg
import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.commit import commit
from ingest.errors import Reason, Rejected, Unavailable
from ingest.group import REVISED, STORED, gather
from ingest.monitoring import COMMIT_SECONDS, GROUP_ROWS, GROUPS, ROWS_IN_FLIGHT
from ingest.outage import LOST
from ingest.registry import Batch

ATTEMPTS = 8
# the whole transaction is tried again
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
# one value is at fault, not the store
FAULTY = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, OverflowError)


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How many readings of a batch were new, already there, or replaced an older value."""

    stored: int
    duplicate: int
    revised: int
    superseded: int = 0  # of a replay: another value, received later, was stored before


Result = Outcome | Rejected


@dataclass(frozen=True, slots=True)
class _Submission:
    batches: Sequence[Batch]
    results: asyncio.Future[list[Result]]


class Writes(Protocol):
    """What readings are written with."""

    @property
    def full(self) -> bool:
        """Whether senders should be told to wait."""

    async def write(self, batches: Sequence[Batch]) -> list[Result]:
        """Return what became of each batch once all of them are committed."""


class Writer:
    """Takes whatever queued while the last transaction was under way and writes it as the next."""

    def __init__(self, pool: asyncpg.Pool, rows_in_flight: int) -> None:
        self._pool = pool
        self._bound = rows_in_flight
        self._rows = 0
        self._queue: list[_Submission] = []
        self._queued = asyncio.Event()
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether the bound on rows in flight is met; senders should be told to wait."""
        return self._rows >= self._bound

    async def write(self, batches: Sequence[Batch]) -> list[Result]:
        """Return what became of each batch once all of them are committed.

        A batch that can never be stored has `Rejected` for a result. Waits while the bound on
        rows in flight is met. Raises `Unavailable` when the store cannot take them now.
        """
        rows = sum(map(len, batches))
        if all(batch.is_empty for batch in batches):
            return [Outcome(0, 0, 0) for _ in batches]
        if self.full or self._turn.locked():
            async with self._turn:  # first come, first served
                while self.full:
                    self._room.clear()
                    await self._room.wait()
        submission = _Submission(batches, asyncio.get_running_loop().create_future())
        self._occupy(rows)
        submission.results.add_done_callback(lambda _: self._occupy(-rows))
        self._queue.append(submission)
        self._queued.set()
        try:
            # a sender that goes away does not take its readings back
            return await asyncio.shield(submission.results)
        finally:
            del submission  # else its exception and this frame hold each other, and all readings

    async def run(self) -> None:
        """Write groups until cancelled; whoever is still waiting then gets `Unavailable`."""
        submissions: list[_Submission] = []
        try:
            while True:
                await self._queued.wait()
                self._queued.clear()
                submissions, self._queue = self._queue, []
                await self._write_group(submissions)
        finally:
            _fail([*submissions, *self._queue], "the collector is stopping")

    async def _write_group(self, submissions: Sequence[_Submission]) -> None:
        batches = [batch for submission in submissions for batch in submission.batches]
        try:
            results = iter(await self._write_batches([b for b in batches if not b.is_empty]))
        except LOST as error:
            GROUPS.labels(path="failed").inc()
            error.__traceback__ = None  # the driver's frames hold the error, and ours all readings
            _fail(submissions, f"{type(error).__name__}: {error}")
            return
        for submission in submissions:
            submission.results.set_result(
                [Outcome(0, 0, 0) if b.is_empty else next(results) for b in submission.batches]
            )

    async def _write_batches(self, batches: Sequence[Batch]) -> list[Result]:
        """Write the batches as one; where that fails for a value, each by itself."""
        try:
            return await self._commit(batches)
        except FAULTY as error:
            if len(batches) == 1:
                return [Rejected(Reason.NOT_STORABLE, error)]
        return [result for batch in batches for result in await self._write_batches([batch])]

    async def _commit(self, batches: Sequence[Batch]) -> list[Result]:
        group = gather(batches)
        GROUP_ROWS.observe(len(group))
        for attempt in itertools.count(1):
            try:
                with COMMIT_SECONDS.time():
                    async with self._pool.acquire() as connection:
                        fates = await commit(connection, group)
                return list(_outcomes(fates, batches))
            except CONFLICTS:
                if attempt == ATTEMPTS:
                    raise
            GROUPS.labels(path="retried").inc()
            await asyncio.sleep(random.uniform(0, 0.02 * attempt))
        raise AssertionError("the loop has no end")

    def _occupy(self, rows: int) -> None:
        self._rows += rows
        ROWS_IN_FLIGHT.set(self._rows)
        if not self.full:
            self._room.set()


def _outcomes(fates: NDArray[np.int8], batches: Sequence[Batch]) -> Iterable[Outcome]:
    if not fates.any():  # all stored
        return [Outcome(len(batch), 0, 0) for batch in batches]
    stops = list(itertools.accumulate(map(len, batches)))
    stored = np.concatenate(([0], np.cumsum(fates == STORED)))[[0, *stops]]
    revised = np.concatenate(([0], np.cumsum(fates == REVISED)))[[0, *stops]]
    return [
        Outcome(int(new), len(batch) - int(new) - int(replaced), int(replaced))
        for batch, new, replaced in zip(batches, np.diff(stored), np.diff(revised), strict=True)
    ]


def _fail(submissions: Iterable[_Submission], why: str) -> None:
    for submission in submissions:
        if not submission.results.done():
            submission.results.set_exception(Unavailable(why))
            submission.results.exception()  # its sender may be gone
