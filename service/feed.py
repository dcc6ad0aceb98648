"""The live feed: one reader follows the event table and wakes all subscribers from memory."""

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence

import asyncpg
from sqlalchemy.exc import DBAPIError

from service.monitoring import FEED_SUBSCRIBERS
from service.store import events
from service.store.alerts import CHANNEL
from service.store.engine import Engine
from service.store.events import Event

logger = logging.getLogger(__name__)

KEPT = 10_000  # newest events in memory
BATCH = 1_000
POLL_S = 5.0  # in case a notification is lost
CONNECT_AGAIN_AFTER_S = 2.0


class Feed:
    """The newest events in memory, in order of their ids."""

    def __init__(self, engine: Engine, database: str) -> None:
        self._engine = engine
        self._database = database
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._newest: int | None = None
        self._complete_after = 0  # all events with greater ids up to the newest are in memory
        self._appended = asyncio.Event()
        self._woken = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether the table has been read once."""
        return self._newest is not None

    async def run(self) -> None:
        """Follow the table until cancelled."""
        while True:
            try:
                await self._follow()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError, OSError) as error:
                logger.warning("the feed waits for the database: %s", error)
            await asyncio.sleep(CONNECT_AGAIN_AFTER_S)

    async def after(
        self, last: int | None, regions: Sequence[str], enterprise_id: int | None
    ) -> AsyncGenerator[Event]:
        """Yield the events of a scope after an id (None: from now on) as they are committed.

        Holds no connection but while it catches up with what is no longer in memory.
        """
        FEED_SUBSCRIBERS.inc()
        try:
            while self._newest is None:
                await self._appended.wait()
            last = self._newest if last is None else min(last, self._newest)
            while True:
                appended = self._appended  # taken before looking, or a wake-up is lost
                for event in await self._since(last):
                    last = event.event_id
                    if event.is_within(regions, enterprise_id):
                        yield event
                if self._newest <= last:
                    await appended.wait()
        finally:
            FEED_SUBSCRIBERS.dec()

    async def _since(self, last: int) -> list[Event]:
        if last >= self._complete_after:
            newer = list(itertools.takewhile(lambda e: e.event_id > last, reversed(self._events)))
            return newer[::-1]
        async with self._engine.connect() as connection:
            return await events.after(connection, last, BATCH)

    async def _follow(self) -> None:
        connection = await asyncpg.connect(self._database, timeout=10)
        try:
            await connection.add_listener(CHANNEL, lambda *_: self._woken.set())
            while not connection.is_closed():
                self._woken.clear()
                await self._read()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):  # wait_for can swallow a cancellation
                        await self._woken.wait()
        finally:
            connection.terminate()

    async def _read(self) -> None:
        async with self._engine.connect() as connection:
            if self._newest is None:
                found = await events.newest(connection, KEPT)
                self._complete_after = found[0].event_id - 1 if len(found) == KEPT else 0
                self._extend(found, found[-1].event_id if found else 0)
            while found := await events.after(connection, self._newest or 0, BATCH):
                self._extend(found, found[-1].event_id)

    def _extend(self, found: Sequence[Event], newest: int) -> None:
        for event in found:
            if len(self._events) == KEPT:
                self._complete_after = self._events[0].event_id
            self._events.append(event)
        self._newest = newest
        appended, self._appended = self._appended, asyncio.Event()
        appended.set()
