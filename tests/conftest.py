"""A real TimescaleDB for every test that asks for one: a clone of a migrated template."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from deploy.local import database
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime, ensure_database_and_broker
from deploy.local.settings import free_port

settings.register_profile("untimed", deadline=None)  # machines are shared and noisy
settings.load_profile("untimed")

TEMPLATE = "template_qingyu"
SMALL = {
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timescaledb.max_background_workers": "0",
    "max_connections": "200",
    "fsync": "off",  # these tests kill no database; those that do have a cluster of their own
    "full_page_writes": "off",
}
DURABLE = {**SMALL, "fsync": "on", "full_page_writes": "on"}
COLLECTOR_PASSWORD = "of-the-collector"


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    return ensure_database_and_broker()


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that the user of PostgreSQL can enter, too."""
    folder = Path(tempfile.mkdtemp(prefix="qingyu-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(runtime: Runtime, scratch: Path) -> Iterator[Cluster]:
    cluster = Cluster(runtime, scratch / "postgres", free_port(), SMALL)
    cluster.start()
    yield cluster
    cluster.stop("immediate")


@pytest.fixture(scope="session")
def broker(runtime: Runtime, scratch: Path) -> Iterator[Broker]:
    broker = Broker(runtime, scratch / "broker", free_port())
    broker.let_in({COLLECTOR: COLLECTOR_PASSWORD})
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def durable(runtime: Runtime, scratch: Path) -> Iterator[Cluster]:
    """A cluster that keeps what it commits; tests may kill it."""
    cluster = Cluster(runtime, scratch / "durable", free_port(), DURABLE)
    cluster.start()
    yield cluster
    cluster.stop("immediate")


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> Database:
    asyncio.run(database.create(cluster, TEMPLATE))
    database.migrate(cluster, TEMPLATE)
    urls = asyncio.run(database.open_logins(cluster, TEMPLATE))
    asyncio.run(_close(cluster, TEMPLATE))
    return urls


async def _close(cluster: Cluster, name: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    await connection.close()


@pytest.fixture
async def db(cluster: Cluster, template: Database) -> Database:
    """URLs of a database of this test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(cluster.url("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    await connection.close()  # never dropped: its 12 MB go with the cluster, in one piece
    return Database(
        *(
            url.replace(f"/{TEMPLATE}", f"/{name}")
            for url in (template.owner, template.ingest, template.service)
        )
    )


@pytest.fixture
async def owner(db: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do everything, to arrange and to inspect."""
    connection = await asyncpg.connect(db.owner)
    yield connection
    await connection.close()
