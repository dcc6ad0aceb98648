"""What is written to: the product's own database settings, and a registry of 20,000 meters."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from deploy.local import database
from deploy.local.database import Database
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime, ensure_database_and_broker
from deploy.local.settings import free_port
from schemas.factors import FACTORS
from tests.registry import Plant, add_plant

ENTERPRISES, CHANNELS = 4, 5_000  # one MQTT account each
MONITORS = [f"BENCH{number:019d}" for number in range(1, 51)]  # by MN
MEASURED = list(FACTORS.values())[:12]  # by each monitor
REGISTERED = ENTERPRISES * CHANNELS + len(MONITORS) * len(MEASURED)
NAME = "bench"
# Each run writes into a week, and so into a chunk, of its own.
FIRST_WEEK = datetime(2023, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
_weeks = iter(range(10_000))


@dataclass(slots=True)
class Line:
    """A database with everything registered, and where the programs beside it may live."""

    runtime: Runtime
    folder: Path
    cluster: Cluster
    db: Database
    plants: list[Plant]

    def fresh_week(self) -> datetime:
        """Return the start of a week without a chunk, after a CHECKPOINT; drops the others."""
        start = FIRST_WEEK + WEEK * next(_weeks)
        asyncio.run(self._execute(f"SELECT drop_chunks('readings', TIMESTAMPTZ '{start + WEEK}')"))
        self.checkpoint()
        return start

    def checkpoint(self) -> None:
        """Write everything that is dirty, so that it is nobody else's cost."""
        asyncio.run(self._execute("CHECKPOINT"))

    def count(self, since: datetime) -> int:
        """Return how many readings the table holds of one week."""

        async def count() -> int:
            connection = await asyncpg.connect(self.db.owner)
            found = await connection.fetchval(
                "SELECT count(*) FROM readings WHERE at >= $1 AND at < $2", since, since + WEEK
            )
            await connection.close()
            return int(found)

        return asyncio.run(count())

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.db.owner)
        await connection.execute(statement)
        await connection.close()


@contextmanager
def running() -> Iterator[Line]:
    """Start the database in a scratch folder and stop it at the end."""
    runtime = ensure_database_and_broker()
    with tempfile.TemporaryDirectory(prefix="qingyu-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(runtime, folder / "postgres", free_port())
        cluster.start()
        try:
            asyncio.run(database.create(cluster, NAME))
            database.migrate(cluster, NAME)
            db = asyncio.run(database.open_logins(cluster, NAME))
            plants = asyncio.run(_register(db))
            yield Line(runtime, folder, cluster, db, plants)
        finally:
            cluster.stop("immediate")


async def _register(db: Database) -> list[Plant]:
    connection = await asyncpg.connect(db.owner)
    plants = []
    for number in range(1, ENTERPRISES + 1):
        plant = await add_plant(connection, [], number=number)
        await connection.execute(
            "INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind, metering_level)"
            " SELECT $1, 'M-' || n, '', '', 'meter', 1 FROM generate_series(1, $2::int) AS n",
            plant.enterprise_id,
            CHANNELS,
        )
        rows = await connection.fetch(
            "INSERT INTO channels (device_id, quantity, statistic, kind, role, label,"
            " expected_interval_s, hold_s, in_service_from)"
            " SELECT device_id, 'electricity', 'instant', 'register', 'consumption',"
            " 'end', 60, 60, '2020-01-01' FROM devices WHERE enterprise_id = $1"
            " ORDER BY device_id RETURNING channel_id",
            plant.enterprise_id,
        )
        plants.append(replace(plant, channels=[row[0] for row in rows]))
    await _add_monitors(connection, plants[0], MONITORS)
    await connection.close()
    return plants


async def _add_monitors(connection: asyncpg.Connection, plant: Plant, mns: Sequence[str]) -> None:
    await connection.execute(
        "INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind, mn)"
        " SELECT $1, mn, '', '', 'monitor', mn FROM unnest($2::text[]) AS mn",
        plant.enterprise_id,
        mns,
    )
    await connection.execute(
        "INSERT INTO channels (device_id, quantity, statistic, kind, role, label,"
        " expected_interval_s, hold_s, in_service_from)"
        " SELECT device_id, quantity, 'instant', 'gauge', 'check', 'start', 60, 60,"
        " '2020-01-01' FROM devices, unnest($1::text[]) AS quantity WHERE mn IS NOT NULL",
        [factor.quantity for factor in MEASURED],
    )
