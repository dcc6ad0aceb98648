"""The disk of the database is full until PostgreSQL refuses, or dies of it; then there is room."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from deploy.local.settings import free_port
from tests.conftest import DURABLE
from tests.end_to_end.faults import scene
from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import PATIENCE_S, Scene
from tests.end_to_end.faults.size import SIZE

MIB = 1 << 20
SETTINGS = {
    **DURABLE,
    "shared_buffers": "32MB",
    "min_wal_size": "32MB",
    "max_wal_size": "64MB",
    "wal_recycle": "off",  # a segment that is recycled would need no room
}


@pytest.fixture
def small_disk(scratch: Path) -> Iterator[Path]:
    """A file system of its own, for the cluster."""
    place = scratch / "small-disk"
    place.mkdir()
    size = 500 + SIZE.minutes // 100
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=755", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def small(small_disk: Path, runtime: Runtime) -> Iterator[Cluster]:
    cluster = Cluster(runtime, small_disk / "postgres", free_port(), SETTINGS)
    cluster.start()
    yield cluster
    cluster.stop("immediate")


def fill(disk: Path) -> Path:
    """Leave no block free; returns the file that takes them."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        block = bytes(MIB)
        try:
            while True:
                file.write(block)
        except OSError:
            pass
    return filler


async def want_room(stage: Scene) -> None:
    """Let the next commit need another segment of the log, for which there is no room."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        owner = await asyncpg.connect(stage.db.owner)
        await owner.execute("SELECT pg_switch_wal()")
        await owner.close()


def hold(stage: Scene, number: signal.Signals) -> None:
    for gateway in stage.gateways:
        if gateway.process is not None:
            gateway.process.send_signal(number)


def refusals(stage: Scene) -> float:
    text = httpx.get(f"{stage.collectors[0].url}/metrics").text
    for line in text.splitlines():
        if line.startswith('qingyu_ingest_groups_total{path="failed"}'):
            return float(line.split()[1])
    return 0.0


def test_a_full_disk_loses_nothing(
    small: Cluster, small_disk: Path, runtime: Runtime, scratch: Path, undisturbed: Books
) -> None:
    plants = scene.prepare(small)
    with scene.opened(small, runtime, plants, scratch / "full-disk") as stage:
        stage.send()
        stage.await_share(0.2)
        hold(stage, signal.SIGSTOP)  # else they may be through before the disk is full
        filler = fill(small_disk)
        asyncio.run(want_room(stage))
        hold(stage, signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE_S
        while refusals(stage) < 2:
            assert time.monotonic() < deadline, "PostgreSQL does not refuse"
            time.sleep(0.05)
        died = not small.running()
        assert any(gateway.waiting() for gateway in stage.gateways)
        filler.unlink()
        small.start()
        stage.finish()
        how = "PostgreSQL died of it" if died else "PostgreSQL refused"
        stage.expect(f"full disk, {how}", undisturbed)
