"""HJ 212 over TCP: monitors connect, and each frame is answered (9014) after its commit.

HJ/T 212-2005, HJ 212-2017 and HJ 212-2025. Silence is the answer to what cannot be proven or
stored now: the monitor then sends again.
"""

import asyncio
import logging
import re
import ssl
from collections import Counter
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from ingest.certificates import followed
from ingest.commands import Commander
from ingest.connection import READ_BYTES, Connection, Patience
from ingest.errors import Reason, Rejected
from ingest.intake import Answer, Intake
from ingest.links import Links
from ingest.monitoring import HJ212_CLOSED, HJ212_CONNECTIONS
from ingest.protocols import hj212, hj212_cipher
from ingest.protocols.hj212_frames import MAX_SEGMENT, Frame, Framer
from ingest.quarantine import Quarantine
from ingest.station import Station, store_again

logger = logging.getLogger(__name__)

_MN = re.compile(rb"[;,]MN=([^;,]{1,64})[;,]")


class Settings(BaseModel):
    """The table of this collector in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    bind: str  # host:port
    certificate: str | None = None
    certificate_key: str | None = None
    longest_segment: int = Field(default=MAX_SEGMENT, ge=1024, le=MAX_SEGMENT)  # bytes
    max_connections: int = Field(default=2_000, gt=0)
    max_connections_per_address: int = Field(default=200, gt=0)
    identify_s: float = Field(default=120.0, gt=0)  # until the first good frame
    frame_s: float = Field(default=30.0, gt=0)  # for a frame to be whole
    idle_s: float = Field(default=3_900.0, gt=0)  # some send by the hour only
    max_failures: int = Field(default=20, gt=0)  # bytes skipped, without a good frame between
    learning_days: float = Field(default=7.0, gt=0)
    answer_s: float = Field(default=10.0, gt=0)  # HJ 212-2017, 6.2: then a command is sent again
    execute_s: float = Field(default=120.0, gt=0)


async def run(settings: Settings, intake: Intake) -> None:
    """Serve until cancelled; what is not answered by then the monitors send again."""
    links = Links(
        intake.pool, intake.keeper, f"hj212 {settings.bind}", timedelta(settings.learning_days)
    )
    quarantine = Quarantine(intake.keeper, intake.pool, intake.directory)
    commander = Commander(intake.pool, intake.directory, settings.answer_s, settings.execute_s)
    station = Station(intake, links, quarantine, commander)
    listener = _Listener(settings, intake, links, station)
    host, _, port = settings.bind.rpartition(":")
    tls = _tls(settings)
    server = await asyncio.start_server(
        listener.serve, host, int(port), limit=READ_BYTES, ssl=tls, backlog=1_024
    )
    logger.info("listening for HJ 212 on %s", settings.bind)
    async with (
        followed(tls, settings.certificate, settings.certificate_key),
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(links.run())
        tasks.create_task(commander.run())
        tasks.create_task(quarantine.run(listener.release))
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            listener.stop()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.certificate, settings.certificate_key)
    return context


async def replay(intake: Intake, sender: str, payload: bytes) -> Answer | Rejected:
    """Return the answer to a frame that was refused, to its monitor as it is registered now.

    Whoever asks for it vouches for the frame: PW and address are not looked at.
    """
    del sender  # the frame names its monitor
    framer = Framer(reveal=lambda segment: _reveal(segment, intake))
    frames = [item for item in framer.feed(payload) if isinstance(item, Frame)]
    if len(frames) != 1:
        return Rejected(Reason.BAD_FRAME, "its CRC or length is still wrong")
    packet = hj212.parse(frames[0].segment)
    monitor = await intake.directory.monitor(packet.mn)
    return await store_again(intake, packet, monitor)


def _reveal(segment: bytes, intake: Intake) -> bytes | None:
    """Return an enciphered segment in plain, by the keys of its monitor."""
    match = _MN.search(segment)
    monitor = intake.directory.monitors.get(match[1].decode(errors="replace")) if match else None
    return hj212_cipher.reveal(segment, monitor.cipher_keys) if monitor else None


class _Listener:
    """The connections of one collector."""

    def __init__(self, settings: Settings, intake: Intake, links: Links, station: Station) -> None:
        self._settings = settings
        self._intake = intake
        self._links = links
        self._station = station
        self._held: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one monitor until either side ends; raises nothing."""
        address = _address(writer)
        if self._is_full(address):
            HJ212_CLOSED.labels(cause="full").inc()
            writer.transport.abort()
            return
        task = asyncio.current_task()
        self._tasks.add(task)
        self._held[address] += 1
        HJ212_CONNECTIONS.inc()
        connection = Connection(
            reader, writer, address, self._framer(), self._station, self._links, self._patience()
        )
        try:
            await connection.run()
        except (OSError, asyncio.CancelledError):
            pass  # the peer is gone, or we are stopping
        except Exception:
            logger.exception("a connection ended for a reason that is ours")
        finally:
            connection.close()
            HJ212_CONNECTIONS.dec()
            self._held[address] -= 1
            self._held += Counter()  # forgets whoever holds none
            self._tasks.discard(task)

    def _is_full(self, address: str) -> bool:
        return (
            len(self._tasks) >= self._settings.max_connections
            or self._held[address] >= self._settings.max_connections_per_address
        )

    def _patience(self) -> Patience:
        settings = self._settings
        return Patience(
            settings.identify_s, settings.frame_s, settings.idle_s, settings.max_failures
        )

    def _framer(self) -> Framer:
        return Framer(
            self._settings.longest_segment, lambda segment: _reveal(segment, self._intake)
        )

    def stop(self) -> None:
        """End every connection."""
        for task in filter(None, self._tasks):
            task.cancel()

    async def release(self, raw: bytes, source: str) -> bool:
        """Take a frame that was in quarantine; tell whether it is dealt with."""
        frames = [item for item in self._framer().feed(raw) if isinstance(item, Frame)]
        if not frames:  # it is enciphered, and its key is not there yet
            return False
        return not (await self._station.take(frames, source)).left


def _address(writer: asyncio.StreamWriter) -> str:
    peer = writer.get_extra_info("peername")
    return str(peer[0]) if peer else ""
