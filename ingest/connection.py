"""One TCP connection of HJ 212: bytes in, frames to the station, answers and commands out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ingest.links import Links
from ingest.monitoring import HJ212_CLOSED, LIMITED
from ingest.protocols.hj212_frames import Frame, Framer, Skipped
from ingest.registry import Monitor
from ingest.station import COLLECTOR, Station

READ_BYTES = 16 * 1024
LONGEST_WAIT_S = 30.0  # of whoever has sent too much
DRAIN_S = 30.0  # a peer that does not read its answers is let go


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer may take, in seconds, and how often it may fail."""

    identify_s: float
    frame_s: float
    idle_s: float
    max_failures: int


class Connection:
    """Reads no further while what it read is not stored: the peer's sending then stops."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: str,
        framer: Framer,
        station: Station,
        links: Links,
        patience: Patience,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._address = address
        self._framer = framer
        self._station = station
        self._links = links
        self._patience = patience
        self._opened_at = datetime.now(UTC)
        self._monitors: dict[str, Monitor] = {}  # by MN: a logger may speak for several
        self._failures = 0
        self._is_identified = False  # by a good frame, even of an unknown MN
        self._frame_since: float | None = None  # an unfinished frame has waited from then on

    async def run(self) -> None:
        """Serve until the peer ends, or one of its times is over."""
        opened = asyncio.get_running_loop().time()
        while True:
            try:
                async with asyncio.timeout_at(self._deadline(opened)):
                    data = await self._reader.read(READ_BYTES)
            except TimeoutError:
                if not self._framer.waiting:
                    HJ212_CLOSED.labels(cause="idle" if self._is_identified else "silent").inc()
                    return
                await self._take(self._framer.give_up())
                self._frame_since = None
            else:
                if not data:
                    break
                await self._take(self._framer.feed(data))
            if wait_s := min(self._station.wait_s(self._monitors.values()), LONGEST_WAIT_S):
                LIMITED.labels(collector=COLLECTOR, outcome="delayed").inc()
                await asyncio.sleep(wait_s)
            if self._failures >= self._patience.max_failures:
                HJ212_CLOSED.labels(cause="noise").inc()
                return
        while self._framer.waiting:  # cut in the middle: what lies behind may be whole
            await self._take(self._framer.give_up())

    def send(self, frame: bytes) -> None:
        """Send a command; it is lost with the connection."""
        self._writer.write(frame)

    def close(self) -> None:
        """End the connection, and note for its monitors that it is gone."""
        for monitor in self._monitors.values():
            self._links.close(monitor.device_id, self._opened_at)
            self._station.commander.detach(monitor.device_id, self.send)
        self._writer.transport.abort()

    def _deadline(self, opened: float) -> float:
        now = asyncio.get_running_loop().time()
        if self._framer.waiting:
            self._frame_since = self._frame_since or now
            return self._frame_since + self._patience.frame_s
        self._frame_since = None
        if not self._is_identified:
            return opened + self._patience.identify_s
        return now + self._patience.idle_s

    async def _take(self, found: Sequence[Frame | Skipped]) -> None:
        frames = [item for item in found if isinstance(item, Frame)]
        skipped = [item for item in found if isinstance(item, Skipped)]
        if frames:
            self._frame_since = None
            reply = await self._station.take(frames, self._address, self.send)
            self._attach(reply.monitors)
            self._failures = 0
            self._is_identified = True
            await self._answer(b"".join(reply.answers))
        if skipped:
            self._failures += len(skipped)
            sender = next(iter(self._monitors), self._address)
            await self._station.skip(skipped, sender, self._address)

    def _attach(self, monitors: dict[str, Monitor]) -> None:
        for mn, monitor in monitors.items():
            if mn not in self._monitors:
                self._links.line(monitor, self._address).connected_since = self._opened_at
        self._monitors |= monitors

    async def _answer(self, answers: bytes) -> None:
        if not answers:
            return
        self._writer.write(answers)
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._writer.drain()
        except TimeoutError:
            HJ212_CLOSED.labels(cause="deaf").inc()
            raise ConnectionAbortedError("the peer does not read") from None
