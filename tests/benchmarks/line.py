"""The line that is measured: the product's own database settings, broker and collector."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from deploy.local import database
from deploy.local.database import Database
from deploy.local.mosquitto import COLLECTOR, Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import ensure_database_and_broker
from deploy.local.settings import CHECKOUT, free_port
from tests.registry import Plant, add_plant

ENTERPRISES, CHANNELS = 4, 5_000  # one MQTT account each
NAME = "bench"
# Each run writes into a week, and so into a chunk, of its own.
FIRST_WEEK = datetime(2023, 1, 5, tzinfo=UTC)
_weeks = iter(range(10_000))


@dataclass(slots=True)
class Line:
    """Database, broker and one collector process, with 20,000 channels registered."""

    cluster: Cluster
    db: Database
    broker: Broker
    plants: list[Plant]
    ingest_url: str

    def fresh_week(self) -> datetime:
        """Return the start of a week without a chunk, after a CHECKPOINT."""

        async def checkpoint() -> None:
            connection = await asyncpg.connect(self.db.owner)
            await connection.execute("CHECKPOINT")
            await connection.close()

        asyncio.run(checkpoint())
        return FIRST_WEEK + timedelta(weeks=next(_weeks))

    def stored(self, collector: str) -> float:
        """Return how many readings the collector says it committed."""
        text = urllib.request.urlopen(f"{self.ingest_url}/metrics").read().decode()
        pattern = rf'readings_total{{collector="{collector}",outcome="stored"}} (\S+)'
        found = re.search(pattern, text)
        return float(found[1]) if found else 0.0

    def wait_until_stored(self, collector: str, wanted: float, patience: float = 300) -> None:
        """Return as soon as the collector committed so many readings."""
        deadline = time.monotonic() + patience
        while self.stored(collector) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.stored(collector):,.0f} of {wanted:,.0f} stored")
            time.sleep(0.1)

    def count(self, since: datetime) -> int:
        """Return how many readings the table holds of one week."""

        async def count() -> int:
            connection = await asyncpg.connect(self.db.owner)
            found = await connection.fetchval(
                "SELECT count(*) FROM readings WHERE at >= $1 AND at < $2",
                since,
                since + timedelta(weeks=1),
            )
            await connection.close()
            return int(found)

        return asyncio.run(count())


@contextmanager
def running() -> Iterator[Line]:
    """Start everything in a scratch folder and stop it at the end."""
    runtime = ensure_database_and_broker()
    with tempfile.TemporaryDirectory(prefix="qingyu-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(runtime, folder / "postgres", free_port())
        broker = Broker(runtime, folder / "broker", free_port())
        cluster.start()
        try:
            asyncio.run(database.create(cluster, NAME))
            database.migrate(cluster, NAME)
            db = asyncio.run(database.open_logins(cluster, NAME))
            plants = asyncio.run(_register(db))
            broker.write_accounts({COLLECTOR: "c", **{plant.uscc: "p" for plant in plants}})
            broker.start()
            with _ingest(db, broker, folder) as url:
                yield Line(cluster, db, broker, plants, url)
        finally:
            broker.stop()
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
            "INSERT INTO channels (device_id, quantity, statistic, kind, role, unit, scale, label,"
            " expected_interval_s, hold_s, in_service_from)"
            " SELECT device_id, 'electricity', 'instant', 'register', 'consumption', 'kWh', 1,"
            " 'end', 60, 60, '2020-01-01' FROM devices WHERE enterprise_id = $1"
            " ORDER BY device_id RETURNING channel_id",
            plant.enterprise_id,
        )
        plants.append(replace(plant, channels=[row[0] for row in rows]))
    await connection.close()
    return plants


@contextmanager
def _ingest(db: Database, broker: Broker, folder: Path) -> Iterator[str]:
    port = free_port()
    environment = {
        **os.environ,
        "QINGYU_DATABASE": db.ingest,
        "QINGYU_INGEST_BIND": f"127.0.0.1:{port}",
        "QINGYU_HJ212_BIND": f"127.0.0.1:{free_port()}",
        "QINGYU_MQTT": f"127.0.0.1:{broker.port}",
        "QINGYU_MQTT_USER": COLLECTOR,
        "QINGYU_MQTT_PASSWORD": "c",
    }
    with (folder / "ingest.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingest"],
            cwd=CHECKOUT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                text = urllib.request.urlopen(f"{url}/metrics").read().decode()
                if "mqtt_connected 1.0" in text and "directory_channels 20000.0" in text:
                    break
            except OSError:
                pass
            time.sleep(0.1)
        else:
            raise TimeoutError((folder / "ingest.log").read_text()[-2000:])
        yield url
    finally:
        process.terminate()
        process.wait(30)
