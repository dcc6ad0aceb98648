"""A database that lives as long as a `with`: for checks and tries."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import database
from deploy.local.database import Database
from deploy.local.postgres import Cluster
from deploy.local.runtime import ensure_database_and_broker
from deploy.local.settings import free_port

NAME = "scratch"
SMALL = {"shared_buffers": "128MB", "fsync": "off", "timescaledb.max_background_workers": "0"}


@contextmanager
def running() -> Iterator[Database]:
    """Start a cluster in a temporary folder with a migrated database; drop it at the end."""
    runtime = ensure_database_and_broker()
    with tempfile.TemporaryDirectory(prefix="qingyu-scratch-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(runtime, Path(folder) / "postgres", free_port(), SMALL)
        cluster.start()
        try:
            asyncio.run(database.create(cluster, NAME))
            database.migrate(cluster, NAME)
            yield asyncio.run(database.open_logins(cluster, NAME))
        finally:
            cluster.stop("immediate")
