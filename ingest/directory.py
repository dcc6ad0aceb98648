"""Who may send what: the registry, followed by NOTIFY and read again on a miss."""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from ingest import end_devices
from ingest.end_devices import EndDevice, EndDevices
from ingest.enrolment import Identity, enrol
from ingest.errors import Reason, Rejected, Unavailable
from ingest.limits import Limits
from ingest.monitoring import DIRECTORY_CHANNELS
from ingest.outage import LOST
from ingest.registry import (
    Batch,
    ChannelRow,
    EnterpriseRow,
    KeyRow,
    Monitor,
    Registry,
    Sender,
    build,
)
from schemas.reading import Coded, Readings

logger = logging.getLogger(__name__)

READ_ON_MISS_AT_MOST_EVERY = 5.0  # seconds
READING_TAKES_AT_MOST = 300.0  # a nation's registry
LONG, RESTS = 2.0, 4.0  # one that took so long is read again after so many times as long
CONNECT_AGAIN_AFTER = 2.0
LATER = datetime.max.replace(tzinfo=UTC)

_CHANNELS = """
    SELECT d.enterprise_id, d.code, c.quantity, c.statistic, c.channel_id,
           (extract(epoch FROM c.in_service_from) * 1000000)::bigint,
           (extract(epoch FROM c.in_service_to) * 1000000)::bigint,
           d.device_id, c.wire_code, c.expected_interval_s
    FROM channels AS c JOIN devices AS d USING (device_id)
    ORDER BY c.channel_id
"""
_ENTERPRISES = "SELECT enterprise_id, uscc, mqtt_dialect::text FROM enterprises"
_KEYS = """
    SELECT k.digest, c.name, c.enterprise_id, k.expires_at, c.dialect::text
    FROM client_keys AS k JOIN clients AS c USING (client_id)
    WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
      AND c.revoked_at IS NULL AND c.enterprise_id IS NOT NULL
      AND EXISTS (SELECT FROM grants AS g WHERE g.client_id = c.client_id AND g.verb = 'submit')
"""


_MONITORS = """
    SELECT d.device_id, d.code, d.mn, d.enterprise_id, b.locked, b.password, b.addresses,
           b.learning_since, array_remove(ARRAY[b.cipher_key, b.previous_cipher_key], NULL)
    FROM devices AS d LEFT JOIN monitor_bindings AS b USING (device_id)
    WHERE d.mn IS NOT NULL
"""


class Directory:
    """Answers who a sender is, how much it may send, and whose channel each reading is of."""

    def __init__(self, database: str, retention: timedelta, limits: Limits) -> None:
        self.limits = limits
        self._database = database
        self._retention = retention
        self._registry = Registry()
        self._end_devices = EndDevices()
        self._enrolling = asyncio.Lock()
        self._read_at = 0.0
        self._rest = 0.0
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
        found = self._registry.keys.get(digest)
        if found is None or (found.expires_at or LATER) <= datetime.now(UTC):
            raise Rejected(Reason.NOT_OWNER, "any enterprise")
        return found.sender

    async def named(self, client: str) -> Sender:
        """Return a client by its name; raises `Rejected` when none of that name has a key."""
        now = datetime.now(UTC)
        for key in self._registry.keys.values():
            if key.sender.name == client and (key.expires_at or LATER) > now:
                return key.sender
        raise Rejected(Reason.UNKNOWN_SENDER, client)

    async def refresh(self) -> None:
        """Read the registry now, for what was asked for because of a change of it."""
        if not self.ready:
            raise Unavailable("the registry cannot be read")
        try:
            await self._read()
        except LOST as error:
            raise Unavailable(str(error)) from error

    async def account(self, uscc: str) -> Sender:
        """Return the enterprise of an MQTT account; raises `Rejected` when it is not registered."""
        if uscc not in self._registry.accounts:
            await self._read_on_miss()
        try:
            return self._registry.accounts[uscc]
        except KeyError:
            raise Rejected(Reason.UNKNOWN_ENTERPRISE, uscc) from None

    async def monitor(self, mn: str) -> Monitor:
        """Return the device of an MN; raises `Rejected` when none is registered."""
        if mn not in self._registry.monitors:
            await self._read_on_miss()
        try:
            return self._registry.monitors[mn]
        except KeyError:
            raise Rejected(Reason.UNKNOWN_MN, mn) from None

    @property
    def revision(self) -> float:
        """Return a number that changes whenever the registry was read."""
        return self._read_at

    @property
    def monitors(self) -> Mapping[str, Monitor]:
        """Return the registered monitors by MN."""
        return self._registry.monitors

    async def end_device(self, device_key: str) -> EndDevice:
        """Return the NHJC device of a deviceId; raises `Rejected` when it was not handed out."""
        if device_key not in self._end_devices.by_key:
            await self._read_on_miss()
        try:
            return self._end_devices.by_key[device_key]
        except KeyError:
            raise Rejected(Reason.UNKNOWN_DEVICE_ID) from None

    def end_device_named(self, name: str) -> EndDevice:
        """Return an NHJC device by its sender's name; raises `Rejected` where there is none."""
        try:
            return self._end_devices.by_name[name]
        except KeyError:
            raise Rejected(Reason.UNKNOWN_DEVICE, name) from None

    def carriers(self, enterprise_id: int, code: str) -> Sequence[tuple[int, str]]:
        """Return device and statistic of each channel of an enterprise that carries a code."""
        return self._end_devices.channels(enterprise_id, code)

    async def enrol(self, uscc: str, code: str | None, address: str, now: datetime) -> Identity:
        """Return the identity of the NHJC device that registers; see `ingest.enrolment`.

        One at a time and over a connection of its own: devices ask when they start.
        """
        sender = await self.account(uscc)
        async with self._enrolling:
            try:
                connection = await asyncpg.connect(self._database, timeout=10, command_timeout=30)
                try:
                    identity = await enrol(
                        connection, sender.enterprise_id, uscc, code, address, now
                    )
                finally:
                    connection.terminate()
            except LOST as error:
                raise Unavailable(str(error)) from error
        if identity.device_key not in self._end_devices.by_key:
            await self.refresh()  # its next request comes at once
        return identity

    def admit(
        self, device_id: int, sender: Sender, values: Sequence[Coded], now: datetime
    ) -> tuple[Batch, list[tuple[int, Rejected]], list[int]]:
        """Return coded values with their channels; see `Registry.admit`."""
        return self._registry.admit(device_id, sender, values, now, self._retention)

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
        rest = max(READ_ON_MISS_AT_MOST_EVERY, self._rest)
        if time.monotonic() - self._read_at >= rest:
            try:
                await self._read()
            except LOST as error:
                raise Unavailable(str(error)) from error

    async def _follow(self) -> None:
        if not self.ready:
            await self._connect()
        elif self._changed.is_set():
            await asyncio.sleep(self._read_at + self._rest - time.monotonic())
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
            began = time.monotonic()
            rows = await connection.fetch(_CHANNELS, timeout=READING_TAKES_AT_MOST)
            enterprises = [EnterpriseRow(*row) for row in await connection.fetch(_ENTERPRISES)]
            keys = [KeyRow(*row) for row in await connection.fetch(_KEYS)]
            usccs = {row.enterprise_id: row.uscc for row in enterprises}
            monitors = [_monitor(row, usccs) for row in await connection.fetch(_MONITORS)]
            ends = [tuple(row) for row in await connection.fetch(end_devices.ROWS)]

            def built() -> tuple[Registry, EndDevices]:
                channels = [ChannelRow._make(row) for row in rows]
                return (
                    build(channels, enterprises, keys, monitors),
                    end_devices.build(ends, channels, usccs),
                )

            # seconds for a million channels, in which readings go on being stored
            self._registry, self._end_devices = await asyncio.to_thread(built)
            self._read_at = time.monotonic()
            took = self._read_at - began
            self._rest = RESTS * took if took > LONG else 0.0
            DIRECTORY_CHANNELS.set(len(rows))


def _monitor(row: asyncpg.Record, enterprises: dict[int, str]) -> Monitor:
    device, code, mn, enterprise, locked, password, addresses, since, keys = row
    sender = Sender(mn, enterprise, enterprises[enterprise])
    return Monitor(
        device,
        code,
        mn,
        sender,
        bool(locked),
        password,
        tuple(addresses or ()),
        since,
        tuple(keys),
    )
