"""A database, a broker, collectors and gateways that keep what is not answered; all can die."""

import asyncio
import math
import os
import signal
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from deploy.local import database
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from deploy.local.settings import free_port
from tests.conftest import COLLECTOR_PASSWORD
from tests.end_to_end.conftest import Ingest
from tests.end_to_end.faults import books, readings
from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.size import SIZE
from tests.gateway import Gateway
from tests.registry import Plant, add_plant

TEMPLATE = "template_faults"
PATIENCE_S = 120.0 + 20 * SIZE.stall_s + SIZE.minutes / 50


@dataclass(slots=True)
class Scene:
    """The line of one test, on a database with two plants."""

    cluster: Cluster
    db: Database
    broker: Broker
    plants: Sequence[Plant]
    collectors: Sequence[Ingest]
    gateways: Sequence[Gateway]
    sent: int = 0
    _documents: int = 0
    _begun: float = field(default_factory=time.monotonic)

    def open(self) -> None:
        """Start the broker and the collectors."""
        accounts = {plant.uscc: "secret" for plant in self.plants}
        self.broker.let_in({COLLECTOR: COLLECTOR_PASSWORD, **accounts})
        self.broker.start()
        for collector in self.collectors:
            collector.start()
        for collector in self.collectors:
            asyncio.run(collector.ready())

    def close(self) -> None:
        for gateway in self.gateways:
            gateway.kill()
        for collector in self.collectors:
            collector.kill()
        self.broker._program.signal(signal.SIGKILL)  # nobody needs what it would save
        self.broker.stop()

    def send(self) -> None:
        """Let the gateways send their readings; returns at once."""
        for number, gateway in zip(readings.PLANTS, self.gateways, strict=True):
            for name, lines in enumerate(readings.halves(number)):
                gateway.bring(lines, f"{name}")
                self.sent += len(lines)
                self._documents += math.ceil(len(lines) / readings.BATCH)
            gateway.start()
        self._begun = time.monotonic()

    def await_share(self, share: float) -> None:
        """Return when so many of the documents are answered, at most all of them."""
        wanted = math.floor(share * self._documents)
        deadline = time.monotonic() + PATIENCE_S
        while sum(gateway.count_answered() for gateway in self.gateways) < wanted:
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.01)

    def shares(self, times: int = SIZE.deaths) -> Iterator[float]:
        """Yield points of the flow at which something is to happen, each once it is reached."""
        for place in range(1, times + 1):
            share = place / (times + 1)
            self.await_share(share)
            yield share

    def finish(self) -> None:
        """Wait until the gateways have an outcome for every document."""
        for gateway in self.gateways:
            gateway.finish(PATIENCE_S)

    def expect(self, fault: str, undisturbed: Books, *, rejected: bool = False) -> None:
        """Compare with an undisturbed run what was acknowledged, stored and rolled up.

        Nothing is in the rejected payloads, unless something is to be there.
        """
        seconds = time.monotonic() - self._begun
        found = asyncio.run(books.close(self.db))
        stored = len(found.tables["readings"])
        answers = [item for g in self.gateways for item in g.answered().values()]
        duplicates = sum(answer["duplicate"] for answer in answers)
        acknowledged = duplicates + sum(answer["stored"] for answer in answers)
        print(
            f"\n{fault}: sent {self.sent:,}, acknowledged {acknowledged:,}, stored {stored:,},"
            f" duplicates counted {duplicates:,}, {seconds:.1f} s"
        )
        assert acknowledged == stored == self.sent
        assert (found.revisions, bool(found.rejected)) == (0, rejected)
        books.compare(found, undisturbed)

    def told(self) -> str:
        logs = [gateway.log for gateway in self.gateways]
        logs += [collector.log for collector in self.collectors]
        return "\n--\n".join(log.read_text()[-1_500:] for log in logs)


def prepare(cluster: Cluster) -> list[Plant]:
    """Make the template of the scenes' databases, with the plants."""

    async def register() -> list[Plant]:
        owner = await asyncpg.connect(cluster.url(TEMPLATE))
        try:
            return [
                await add_plant(owner, readings.SPECS, number=number) for number in readings.PLANTS
            ]
        finally:
            await owner.close()

    asyncio.run(database.create(cluster, TEMPLATE))
    database.migrate(cluster, TEMPLATE)
    return asyncio.run(register())


@contextmanager
def opened(
    cluster: Cluster, runtime: Runtime, plants: Sequence[Plant], folder: Path, slots: int = 1
) -> Iterator[Scene]:
    """Run a scene on a database of its own; its processes end with it."""
    db = asyncio.run(_clone(cluster))
    folder.mkdir()
    folder.chmod(0o755)
    broker = Broker(runtime, folder / "broker", free_port())
    collectors = [_collector(db, broker, slot, folder) for slot in range(1, slots + 1)]
    address = f"127.0.0.1:{broker.port}"
    options = ["--batch", str(readings.BATCH)]
    gateways = [Gateway(address, plant.uscc, folder / plant.uscc, options) for plant in plants]
    scene = Scene(cluster, db, broker, plants, collectors, gateways)
    try:
        scene.open()
        yield scene
    finally:
        scene.close()
        asyncio.run(_drop(cluster, db))


@contextmanager
def stalled(cluster: Cluster) -> Iterator[None]:
    """Let every process of PostgreSQL stand still for as long as the block takes."""
    postmaster = psutil.Process(cluster._program.pid())
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def _clone(cluster: Cluster) -> Database:
    name = f"faults_{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(cluster.url("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    await connection.close()
    return await database.open_logins(cluster, name)


async def _drop(cluster: Cluster, db: Database) -> None:
    """Remove a database: a crashed cluster syncs every file that it has before it starts."""
    cluster.start()
    connection = await asyncpg.connect(cluster.url("postgres"))
    await connection.execute(f"DROP DATABASE {db.owner.rpartition('/')[2]} WITH (FORCE)")
    await connection.close()


def _collector(db: Database, broker: Broker, slot: int, folder: Path) -> Ingest:
    port = free_port()
    environment = {
        **os.environ,
        "QINGYU_INGEST_CONFIG": str(Path(__file__).with_name("ingest.toml")),
        "QINGYU_DATABASE": db.ingest,
        "QINGYU_INGEST_BIND": f"127.0.0.1:{port}",
        "QINGYU_MQTT": f"127.0.0.1:{broker.port}",
        "QINGYU_MQTT_USER": COLLECTOR,
        "QINGYU_MQTT_PASSWORD": COLLECTOR_PASSWORD,
        "SLOT": str(slot),
        "STORE_TIMEOUT_S": str(SIZE.store_timeout_s),
    }
    return Ingest(f"http://127.0.0.1:{port}", environment, folder / f"ingest-{slot}.log")
