"""What is known of each monitor's line: since when, its last frames, its clock, the last verdict.

Kept in memory and written every few seconds, as are codes that no channel carries: neither is
part of what is acknowledged.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from ingest import bindings
from ingest.registry import Monitor
from schemas.reading import Coded

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 2.0
MAX_CODES = 1_000  # that wait to be written
CLOCKS = 20  # of a monitor's last frames; what is sent late only seems slow
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

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
_NOTE_CODE = """
    INSERT INTO unmapped_codes AS known
        (collector, sender, wire_code, statistic, last_at, last_value, occurrences)
    VALUES ('hj212', $1, $2, $3, to_timestamp($4::bigint / 1e6), $5, $6)
    ON CONFLICT (collector, sender, wire_code, statistic) DO UPDATE
    SET last_received_at = now(), occurrences = known.occurrences + excluded.occurrences,
        last_at = greatest(known.last_at, excluded.last_at),
        last_value = CASE WHEN excluded.last_at >= known.last_at THEN excluded.last_value
                          ELSE known.last_value END
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

    def __init__(
        self, acquire: Callable[[], asyncpg.pool.PoolAcquireContext], name: str, learning: timedelta
    ) -> None:
        self._acquire = acquire
        self._name = name
        self._learning = learning
        self._lines: dict[int, Line] = {}
        self._codes: dict[tuple[str, str, str], tuple[int, float, int]] = {}

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
        key = (mn, value.names[0], value.statistic)
        at, number, count = self._codes.get(key, (value.at, value.value, 0))
        if value.at >= at:
            at, number = value.at, value.value
        if count or len(self._codes) < MAX_CODES:
            self._codes[key] = (at, number, count + 1)

    async def run(self) -> None:
        """Write what is new until cancelled."""
        is_first = True
        while True:
            try:
                async with self._acquire() as connection:
                    if is_first:
                        await connection.execute(_CLEAR, self._name)
                        is_first = False
                    await self._write(connection)
            except LOST as error:
                logger.warning("lines of monitors cannot be written now: %s", error)
            await asyncio.sleep(WRITE_EVERY_S)

    async def _write(self, connection: asyncpg.Connection) -> None:
        lines = [line for line in self._lines.values() if line.is_news]
        rows = [self._row(line) for line in lines]
        counts = [(line.frames, line.incomplete_sets) for line in lines]
        for line in lines:
            line.is_news = False
        codes, self._codes = self._codes, {}
        try:
            await connection.executemany(_WRITE, rows)
            await connection.executemany(
                _NOTE_CODE, [(*key, *value) for key, value in sorted(codes.items())]
            )
        except LOST:
            for line in lines:
                line.is_news = True
            self._codes = codes | self._codes
            raise
        for line, (frames, sets) in zip(lines, counts, strict=True):
            line.frames -= frames
            line.incomplete_sets -= sets
        await self._learn(connection, lines)

    async def _learn(self, connection: asyncpg.Connection, lines: list[Line]) -> None:
        now = datetime.now(UTC)
        for line in lines:
            if line.last_frame_at and bindings.is_news(
                line.monitor, line.source, now, self._learning
            ):
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
