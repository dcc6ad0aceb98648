"""Group commit: what `Writer.write` returned for is committed."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np

from ingest.commit import commit
from ingest.errors import Reason, Rejected, Unavailable
from ingest.group import DUPLICATE, REVISED, STORED, gather
from ingest.monitoring import COMMIT_SECONDS, GROUP_ROWS, GROUPS, ROWS_IN_FLIGHT
from ingest.registry import Batch

ATTEMPTS = 8
# the whole transaction is tried again
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
# one value is at fault, not the store
FAULTY = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, OverflowError)
# the store is at fault
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many readings of a batch were new, already there, or replaced an older value."""

    stored: int
    duplicate: int
    revised: int


@dataclass(frozen=True, slots=True)
class _Submission:
    batch: Batch
    outcome: asyncio.Future[Outcome]


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

    async def write(self, batch: Batch) -> Outcome:
        """Return what became of the readings once they are committed.

        Waits while the bound on rows in flight is met. Raises `Unavailable` when the store cannot
        take them now and `Rejected` when it never can.
        """
        if not len(batch):
            return Outcome(0, 0, 0)
        async with self._turn:  # first come, first served
            while self.full:
                self._room.clear()
                await self._room.wait()
        submission = _Submission(batch, asyncio.get_running_loop().create_future())
        self._occupy(len(batch))
        submission.outcome.add_done_callback(lambda _: self._occupy(-len(batch)))
        self._queue.append(submission)
        self._queued.set()
        # a sender that goes away does not take its readings back
        return await asyncio.shield(submission.outcome)

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
            _fail([*submissions, *self._queue], Unavailable("the collector is stopping"))

    async def _write_group(self, submissions: list[_Submission]) -> None:
        try:
            outcomes = await self._commit([submission.batch for submission in submissions])
        except FAULTY as error:
            if len(submissions) > 1:  # one bad submission never blocks its group
                for submission in submissions:
                    await self._write_group([submission])
            else:
                _fail(submissions, Rejected(Reason.NOT_STORABLE, error))
        except LOST as error:
            GROUPS.labels(path="failed").inc()
            _fail(submissions, Unavailable(f"{type(error).__name__}: {error}"))
        else:
            for submission, outcome in zip(submissions, outcomes, strict=True):
                submission.outcome.set_result(outcome)

    async def _commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        group = gather(batches)
        GROUP_ROWS.observe(len(group))
        for attempt in itertools.count(1):
            try:
                with COMMIT_SECONDS.time():
                    async with self._pool.acquire() as connection:
                        return _outcomes(await commit(connection, group), batches)
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


def _outcomes(fates: np.typing.NDArray[np.int8], batches: Sequence[Batch]) -> list[Outcome]:
    stops = np.cumsum([len(batch) for batch in batches])
    return [
        Outcome(*(int((part == fate).sum()) for fate in (STORED, DUPLICATE, REVISED)))
        for part in np.split(fates, stops[:-1])
    ]


def _fail(submissions: Sequence[_Submission], error: Exception) -> None:
    for submission in submissions:
        if not submission.outcome.done():
            submission.outcome.set_exception(error)
            submission.outcome.exception()  # its sender may be gone
