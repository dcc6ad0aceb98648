"""The real line: a durable TimescaleDB, a real Mosquitto, the programs as processes."""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local import database
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from deploy.local.settings import CHECKOUT, free_port
from tests.conftest import COLLECTOR_PASSWORD
from tests.registry import Plant, add_plant

# what a site collects beside what the local run does
MORE_COLLECTORS = """
[[collectors]]
kind = "nhjc"
bind = "127.0.0.1:${NHJC_PORT}"
public_url = "https://nhjc.example/base"
prefix = "/base"
"""


@dataclass(slots=True)
class Ingest:
    """One collector process."""

    url: str
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingest"],
                cwd=CHECKOUT,
                env=self.environment,
                stdout=output,
                stderr=output,
            )

    async def ready(self, patience: float = 30.0) -> None:
        deadline = time.monotonic() + patience
        async with httpx.AsyncClient() as client:
            while time.monotonic() < deadline and self.process and self.process.poll() is None:
                try:
                    answer = await client.get(f"{self.url}/metrics")
                    ready = await client.get(f"{self.url}/readyz")
                    if ready.is_success and "qingyu_ingest_mqtt_connected 1.0" in answer.text:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError(self.log.read_text()[-3000:])

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


@dataclass(slots=True)
class Site:
    """A database of this test's own, the broker, and a collector on both."""

    db: Database
    broker: Broker
    runtime: Runtime
    ingest: Ingest
    hj212_port: int
    nhjc: str  # where end devices register

    def open_account(self, user: str, password: str = "secret") -> None:
        self.broker.let_in({user: password})

    def mosquitto_pub(
        self, user: str, topic: str, payload: bytes, password: str = "secret"
    ) -> subprocess.CompletedProcess[bytes]:
        command: list[str] = [
            str(self.runtime.mosquitto_pub), "-V", "5", "-q", "1", "-p", str(self.broker.port),
            "-u", user, "-P", password, "-t", topic, "-s",
        ]  # fmt: skip
        return subprocess.run(command, input=payload, capture_output=True, check=False)


@contextlib.contextmanager
def running_site(
    durable: Cluster, broker: Broker, runtime: Runtime, folder: Path
) -> Iterator[Site]:
    """Run a collector on a database of its own; it logs to ``folder``."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    asyncio.run(database.create(durable, name))
    database.migrate(durable, name)
    urls = asyncio.run(database.open_logins(durable, name))
    port, hj212_port, nhjc_port = free_port(), free_port(), free_port()
    config = folder / "ingest.toml"
    usual = os.environ.get("QINGYU_INGEST_CONFIG", str(CHECKOUT / "deploy" / "ingest.toml"))
    config.write_text(Path(usual).read_text(encoding="utf-8") + MORE_COLLECTORS)
    environment = {
        **os.environ,
        "QINGYU_INGEST_CONFIG": str(config),
        "NHJC_PORT": str(nhjc_port),
        "QINGYU_DATABASE": urls.ingest,
        "QINGYU_INGEST_BIND": f"127.0.0.1:{port}",
        "QINGYU_HJ212_BIND": f"127.0.0.1:{hj212_port}",
        "QINGYU_MQTT": f"127.0.0.1:{broker.port}",
        "QINGYU_MQTT_USER": COLLECTOR,
        "QINGYU_MQTT_PASSWORD": COLLECTOR_PASSWORD,
    }
    ingest = Ingest(f"http://127.0.0.1:{port}", environment, folder / "log")
    ingest.start()
    try:
        asyncio.run(ingest.ready())
        nhjc = f"http://127.0.0.1:{nhjc_port}/base"
        yield Site(urls, broker, runtime, ingest, hj212_port, nhjc)
    finally:
        ingest.kill(signal.SIGTERM)


@pytest.fixture(scope="module")
def site(
    durable: Cluster, broker: Broker, runtime: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with running_site(durable, broker, runtime, tmp_path_factory.mktemp("ingest")) as site:
        yield site


@pytest.fixture
async def owner(site: Site) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(site.db.owner)
    yield connection
    await connection.close()


_numbers = itertools.count(1)


@pytest.fixture
async def plant(owner: asyncpg.Connection, site: Site) -> Plant:
    """An enterprise of this test's own, known to the collector and the broker."""
    plant = await add_plant(owner, number=next(_numbers))
    site.open_account(plant.uscc)
    await asyncio.sleep(0.2)  # the registry reaches the collector by NOTIFY
    return plant
