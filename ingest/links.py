"""What is known of each monitor's line: since when, its last frames, its clock, the last verdict.

Kept in memory and written every few seconds, as are codes that no channel carries: neither is
part of what is acknowledged.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from ingest import bindings
from ingest.errors import Unavailable
from ingest.keeper import Keeps, UnmappedCode
from ingest.outage import LOST
from ingest.registry import Monitor
from schemas.reading import Coded

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 2.0
MAX_CODES = 1_000  # of one monitor that wait to be written
COLLECTOR = "hj212"
EPOCH = datetime.fromtimestamp(0, UTC)
CLOCKS = 20  # of a monitor's last frames; what is sent late only seems slow

_CLEAR = """
    UPDATE device_links SET connected_since = NULL, recorded_at = now()
    WHERE collector = $1 AND connected_since IS NOT NULL
"""
_WRITE = """
    INSERT INTO device_links AS known (device_id, collector, source, version, connected_since,
        last_frame_at, last_heartbeat_at, restarted_at, clock_skew_s, verdict, frames,
        incomplete_sets)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (device_id) DO UPDATE
    SET collector = excluded.collector, source = excluded.source,
        version = coalesce(excluded.version, known.version),
        connected_since = excluded.connected_since,
        last_frame_at = coalesce(excluded.last_frame_at, known.last_frame_at),
        last_heartbeat_at = coalesce(excluded.last_heartbeat_at, known.last_heartbeat_at),
        restarted_at = coalesce(excluded.restarted_at, known.restarted_at),
        clock_skew_s = coalesce(excluded.clock_skew_s, known.clock_skew_s),
        verdict = excluded.verdict, frames = known.frames + excluded.frames,
        incomplete_sets = known.incomplete_sets + excluded.incomplete_sets, recorded_at = now()
"""


@dataclass(slots=True)
class Line:
    """One monitor's line; the counts are since it was last written."""

    monitor: Monitor
    source: str
    password: str = ""
    version: str | None = None
    connected_since: datetime | None = None
    last_frame_at: datetime | None = None
    last_heartbeat_at: datetime | None = None
    restarted_at: datetime | None = None
    verdict: str = "connected"
    frames: int = 0
    incomplete_sets: int = 0
    skews: deque[float] = field(default_factory=lambda: deque(maxlen=CLOCKS))
    is_news: bool = True

    @property
    def clock_skew_s(self) -> float | None:
        """Return the monitor's clock minus ours, in seconds, as the most punctual frame has it."""
        return max(self.skews) if self.skews else None


class Links:
    """The lines of one collector."""

    def __init__(self, pool: asyncpg.Pool, keeper: Keeps, name: str, learning: timedelta) -> None:
        self._pool = pool
        self._keeper = keeper
        self._name = name
        self._learning = learning
        self._lines: dict[int, Line] = {}
        self._codes: dict[str, dict[tuple[str, str], UnmappedCode]] = {}  # by MN

    def line(self, monitor: Monitor, source: str) -> Line:
        """Return the line of a monitor, which is now at this address."""
        line = self._lines.get(monitor.device_id)
        if line is None:
            line = self._lines[monitor.device_id] = Line(monitor, source)
        line.monitor, line.source, line.is_news = monitor, source, True
        return line

    def close(self, device_id: int, since: datetime) -> None:
        """Note that the connection that was opened then is gone, unless there is a newer one."""
        line = self._lines.get(device_id)
        if line is not None and line.connected_since == since:
            line.connected_since, line.is_news = None, True

    def note_incomplete(self, mn: str) -> None:
        """Note that parts of a set of split packets never came."""
        for line in self._lines.values():
            if line.monitor.mn == mn:
                line.incomplete_sets, line.is_news = line.incomplete_sets + 1, True

    def note_code(self, mn: str, value: Coded) -> None:
        """Note a code that no channel carries, with its newest value."""
        codes = self._codes.setdefault(mn, {})
        key = (value.names[0], value.statistic)
        at = EPOCH + timedelta(microseconds=value.at)
        known = codes.get(key)
        if known is None:
            if len(codes) < MAX_CODES:
                codes[key] = UnmappedCode(*key, at, at, value.value, 1)
            return
        is_newer = at >= known.last_at
        codes[key] = UnmappedCode(
            *key,
            min(at, known.first_at),
            max(at, known.last_at),
            value.value if is_newer else known.last_value,
            known.occurrences + 1,
        )

    async def run(self) -> None:
        """Write what is new until cancelled."""
        is_first = True
        while True:
            try:
                async with self._pool.acquire() as connection:
                    if is_first:
                        await connection.execute(_CLEAR, self._name)
                        is_first = False
                    await self._write(connection)
                await self._list_codes()
            except (*LOST, Unavailable) as error:
                logger.warning("lines of monitors cannot be written now: %s", error)
            await asyncio.sleep(WRITE_EVERY_S)

    async def _write(self, connection: asyncpg.Connection) -> None:
        lines = [line for line in self._lines.values() if line.is_news]
        rows = [self._row(line) for line in lines]
        counts = [(line.frames, line.incomplete_sets) for line in lines]
        for line in lines:
            line.is_news = False
        try:
            await connection.executemany(_WRITE, rows)
        except LOST:
            for line in lines:
                line.is_news = True
            raise
        for line, (frames, sets) in zip(lines, counts, strict=True):
            line.frames -= frames
            line.incomplete_sets -= sets
        await self._learn(connection, lines)

    async def _list_codes(self) -> None:
        for mn in list(self._codes):
            codes = self._codes.pop(mn)
            try:
                await self._keeper.note(COLLECTOR, mn, list(codes.values()))
            except Unavailable:
                self._codes.setdefault(mn, codes)
                raise

    async def _learn(self, connection: asyncpg.Connection, lines: list[Line]) -> None:
        now = datetime.now(UTC)
        news = [
            line
            for line in lines
            if line.last_frame_at
            and bindings.is_news(line.monitor, line.source, now, self._learning)
        ]
        if not news:
            return
        async with connection.transaction():  # one, so that the registry is read once for all
            for line in news:
                await bindings.learn(
                    connection, line.monitor, line.password, line.source, now, self._learning
                )

    def _row(self, line: Line) -> tuple[object, ...]:
        return (
            line.monitor.device_id,
            self._name,
            line.source,
            line.version,
            line.connected_since,
            line.last_frame_at,
            line.last_heartbeat_at,
            line.restarted_at,
            line.clock_skew_s,
            line.verdict,
            line.frames,
            line.incomplete_sets,
        )
