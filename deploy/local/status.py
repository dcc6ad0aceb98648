"""What a local run is doing, in one line."""

import asyncio
import time
from dataclasses import dataclass

import asyncpg

EVERY = 2.0  # seconds between two looks

# Cheap on a table of any size: how far each channel has come, and what waits.
_LOOK = """
    SELECT (SELECT count(*) FROM counties) AS counties,
           (SELECT count(*) FROM channel_extents) AS channels,
           (SELECT extract(epoch FROM now() - max(last_at)) FROM channel_extents) AS age_s,
           (SELECT count(*) FROM changed_stretches) AS stretches,
           (SELECT count(*) FROM changed_stretches
            WHERE first_at < now() - INTERVAL '3 hours') +
           (SELECT count(*) FROM changed_usage
            WHERE first_at < now() - INTERVAL '3 hours') AS history,
           (SELECT count(*) FROM alerts WHERE phase = 'firing') AS firing
"""


@dataclass(frozen=True, slots=True)
class Look:
    """The state of the database at one moment.

    ``history`` counts what is not rolled up or judged and lies farther back than live readings.
    """

    counties: int
    channels: int
    age_s: float | None
    stretches: int
    history: int
    firing: int

    @property
    def settled(self) -> bool:
        """Whether all history that arrived is rolled up and judged."""
        return self.channels > 0 and self.history == 0

    def __str__(self) -> str:
        """Return the line."""
        newest = "nothing yet" if self.age_s is None else f"newest {max(self.age_s, 0):.0f} s old"
        return (
            f"{self.counties} counties, {self.channels} channels, {newest}, "
            f"{self.stretches} stretches to roll up, {self.firing} alerts firing"
        )


async def _look(database: str) -> Look:
    connection = await asyncpg.connect(database, timeout=5)
    try:
        row = await connection.fetchrow(_LOOK)
        age = row["age_s"]
        return Look(
            row["counties"],
            row["channels"],
            None if age is None else float(age),
            row["stretches"],
            row["history"],
            row["firing"],
        )
    finally:
        await connection.close()


def look(database: str) -> Look | None:
    """Return the state of the database, None when it does not answer."""
    try:
        return asyncio.run(_look(database))
    except (asyncpg.PostgresError, OSError, TimeoutError):
        return None


class Status:
    """Looks now and then, and keeps the last line."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._at = 0.0
        self.line = ""

    def refresh(self) -> str:
        """Return the line, looked up again when it is old."""
        if time.monotonic() - self._at >= EVERY:
            self._at = time.monotonic()
            found = look(self._database)
            self.line = "the database does not answer" if found is None else str(found)
        return self.line
