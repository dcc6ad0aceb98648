"""Who may send what: the registry, followed by NOTIFY and read again on a miss."""

import asyncio
import contextlib
import hashlib
import logging
import time
from datetime import datetime, timedelta

import asyncpg

from ingest.errors import Reason, Rejected, Unavailable
from ingest.monitoring import DIRECTORY_CHANNELS
from ingest.registry import Batch, ChannelRow, Registry, Sender, build
from schemas.reading import Readings

logger = logging.getLogger(__name__)

READ_ON_MISS_AT_MOST_EVERY = 5.0  # seconds
CONNECT_AGAIN_AFTER = 2.0
LOST = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

_CHANNELS = """
    SELECT d.enterprise_id, d.code, c.quantity, c.statistic, c.channel_id,
           (extract(epoch FROM c.in_service_from) * 1000000)::bigint,
           (extract(epoch FROM c.in_service_to) * 1000000)::bigint
    FROM channels AS c JOIN devices AS d USING (device_id)
    ORDER BY c.channel_id
"""
_ENTERPRISES = "SELECT enterprise_id, uscc FROM enterprises"
_CLIENTS = """
    SELECT k.key_digest, k.name, k.enterprise_id
    FROM clients AS k
    WHERE k.revoked_at IS NULL AND k.enterprise_id IS NOT NULL
      AND EXISTS (SELECT FROM grants AS g WHERE g.client_id = k.client_id AND g.verb = 'submit')
"""


class Directory:
    """Answers who a sender is and which channel each of its readings belongs to."""

    def __init__(self, database: str, retention: timedelta) -> None:
        self._database = database
        self._retention = retention
        self._registry = Registry()
        self._read_at = 0.0
        self._connection: asyncpg.Connection | None = None
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the registry was read and changes of it are being followed."""
        return self._connection is not None and not self._connection.is_closed()

    async def run(self) -> None:
        """Follow the registry until cancelled."""
        self._changed.set()
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CONNECT_AGAIN_AFTER):
                        await self._changed.wait()
                try:
                    await self._follow()
                except LOST as error:
                    logger.warning("registry cannot be read: %s", error)
                    await asyncio.sleep(CONNECT_AGAIN_AFTER)
        finally:
            if self._connection is not None:
                self._connection.terminate()

    async def client(self, key: str) -> Sender:
        """Return who holds a key; raises `Rejected` (not_owner) when nobody does."""
        digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
        if digest not in self._registry.keys:
            await self._read_on_miss()
        try:
            return self._registry.keys[digest]
        except KeyError:
            raise Rejected(Reason.NOT_OWNER, "any enterprise") from None

    async def account(self, uscc: str) -> Sender:
        """Return the enterprise of an MQTT account; raises `Rejected` when it is not registered."""
        if uscc not in self._registry.accounts:
            await self._read_on_miss()
        try:
            return self._registry.accounts[uscc]
        except KeyError:
            raise Rejected(Reason.UNKNOWN_ENTERPRISE, uscc) from None

    async def resolve(
        self, sender: Sender, readings: Readings, now: datetime
    ) -> tuple[Batch, list[tuple[int, Rejected]]]:
        """Return the readings with their channels, and the places of those that are refused."""
        batch, rejected = self._registry.resolve(sender, readings, now, self._retention)
        if rejected and not self._registry.knows(sender, readings.sources):
            await self._read_on_miss()
            batch, rejected = self._registry.resolve(sender, readings, now, self._retention)
        return batch, rejected

    async def _read_on_miss(self) -> None:
        """Read the registry once more before something is called unknown; rate-limited."""
        if self._read_at == 0.0 or not self.ready:
            raise Unavailable("the registry cannot be read")
        if time.monotonic() - self._read_at >= READ_ON_MISS_AT_MOST_EVERY:
            try:
                await self._read()
            except LOST as error:
                raise Unavailable(str(error)) from error

    async def _follow(self) -> None:
        if not self.ready:
            await self._connect()
        elif self._changed.is_set():
            self._changed.clear()
            await self._read()

    async def _connect(self) -> None:
        connection = await asyncpg.connect(self._database, timeout=10, command_timeout=30)
        await connection.add_listener("registry", lambda *_: self._changed.set())
        self._changed.clear()
        self._connection = connection
        await self._read()
        logger.info("registry read")

    async def _read(self) -> None:
        async with self._reading:
            connection = self._connection
            if connection is None:
                raise Unavailable("the registry cannot be read")
            channels = [ChannelRow(*row) for row in await connection.fetch(_CHANNELS)]
            enterprises = dict(await connection.fetch(_ENTERPRISES))
            clients = await connection.fetch(_CLIENTS)
            self._registry = build(channels, enterprises, (tuple(row) for row in clients))
            self._read_at = time.monotonic()
            DIRECTORY_CHANNELS.set(len(channels))
