"""The demo fleet on a real line: whatever is killed, what its meters showed is stored once."""

import asyncio
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from deploy.local import database, programs, settings
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.fleet import clock, notes, progress
from deploy.local.fleet.clock import HOUR, QUARTER, WEEK, Instants
from deploy.local.fleet.enterprises import EVERY, Enterprise, enterprises
from deploy.local.fleet.notes import Notes
from deploy.local.fleet.variables import SINCE
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.programs import Programs
from deploy.local.runtime import Runtime
from deploy.local.secrets import Secrets
from deploy.local.sender.spool import Spool
from deploy.local.settings import PORTS, Settings, free_port
from service.domain.calendar import SHANGHAI

DAYS = 200
PATIENCE_S = 120.0
READINGS = """
    SELECT e.uscc, d.code, c.quantity, c.statistic, r.at, r.value
    FROM readings AS r JOIN channels AS c USING (channel_id) JOIN devices AS d USING (device_id)
    JOIN enterprises AS e USING (enterprise_id) ORDER BY r.at
"""


@dataclass(slots=True)
class Line:
    """Broker, collector, API and fleet, on a database of their own."""

    settings: Settings
    db: Database
    broker: Broker
    programs: Programs

    async def wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}\n{self.log()}"
            await asyncio.sleep(0.02)

    def log(self) -> str:
        return self.programs.fleet.log.read_text()

    @property
    def share(self) -> float:
        found = progress.read(self.settings.home)
        return 0.0 if found is None else found.share

    @property
    def live(self) -> bool:
        found = progress.read(self.settings.home)
        return found is not None and found.live

    def kept(self) -> int:
        """Return how many documents wait for an outcome."""
        return len(list(notes.folder_in(self.settings.home).glob("*/waiting/*.json")))

    def restart(self) -> None:
        progress.forget(self.settings.home)
        self.programs.fleet.start()


@pytest.fixture(scope="module")
def line(durable: Cluster, runtime: Runtime, scratch: Path) -> Iterator[Line]:
    folder = scratch / "fleet"
    environment = {name: str(free_port()) for name in PORTS}
    environment |= {"QINGYU_HOME": str(folder / "home"), "QINGYU_DATA": str(folder / "data")}
    chosen = settings.read(environment)
    chosen.home.mkdir(parents=True)
    name = f"test_{uuid.uuid4().hex[:12]}"
    asyncio.run(database.create(durable, name))
    database.migrate(durable, name)
    urls = asyncio.run(database.open_logins(durable, name))
    keys = asyncio.run(Secrets(chosen.home / "secrets.json").keys(urls.service))
    broker = Broker(runtime, chosen.data / "broker", chosen.mqtt_port)
    broker.let_in({COLLECTOR: "collects"})
    broker.start()
    since = datetime.now(SHANGHAI).date() - timedelta(days=DAYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SINCE, since.isoformat())
        made = programs.make(chosen, urls, "collects", keys, broker.address)
    try:
        for program, port in ((made.ingest, chosen.ingest_port), (made.api, chosen.api_port)):
            program.start()
            await_ready(port)
        made.register_fleet()
        yield Line(chosen, urls, broker, made)
    finally:
        for program in (made.fleet, made.api, made.ingest):
            program.stop()
        broker.stop()


def await_ready(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not programs.answers(port)():
        assert time.monotonic() < deadline
        time.sleep(0.05)


Stored = dict[tuple[str, str, str, str], dict[int, float]]


async def stored(line: Line) -> Stored:
    """Return all readings: instant and value of each channel."""
    connection = await asyncpg.connect(line.db.owner)
    found: Stored = {}
    try:
        for row in await connection.fetch(READINGS):
            channel = found.setdefault(
                (row["uscc"], row["code"], row["quantity"], row["statistic"]), {}
            )
            channel[clock.seconds(row["at"])] = row["value"]
        assert not await connection.fetchval("SELECT count(*) FROM reading_revisions")
    finally:
        await connection.close()
    return found


def grid(start: int, until: int) -> Instants:
    """Return what the fleet sends of a history: hours, of the last week quarter hours."""
    border = (until - WEEK) // HOUR * HOUR + HOUR  # the week before may end an hour earlier
    hours = clock.grid(start - 1, until, HOUR)
    return np.union1d(hours, clock.grid(border, until, QUARTER))


def expect_the_models_values(line: Line, item: Enterprise, found: Stored, until: int) -> None:
    """Compare all readings of an enterprise with what its meters and its monitor show."""
    start = clock.midnight_of(datetime.now(SHANGHAI).date() - timedelta(days=DAYS))
    for meter in item.meters:
        readings = found[item.uscc, meter.device, meter.quantity, "instant"]
        at = np.array(sorted(readings), dtype=np.int64)
        assert [readings[int(instant)] for instant in at] == meter.dial(at).tolist()
        due = set(grid(start, until).tolist())
        assert due <= set(at.tolist()), f"{len(due - set(at.tolist()))} are missing"
        others = at[at % QUARTER != 0]
        assert ((others - item.offset) % EVERY == 0).all()  # live ones
    if (monitor := item.monitor) is not None:
        readings = found[item.uscc, monitor.device, monitor.quantity, "hour.mean"]
        hours = clock.grid(start - 1, until - HOUR, HOUR)
        means = monitor.means(hours)
        there = hours[~np.isnan(means)]
        assert {at: readings.get(at) for at in there.tolist()} == dict(
            zip(there.tolist(), means[~np.isnan(means)].tolist(), strict=True)
        )
        assert not set(readings) & set(hours[np.isnan(means)].tolist())


async def test_kills_lose_and_change_nothing(line: Line) -> None:
    """The broker and the fleet are killed amid the history, and the fleet when it is live."""
    line.programs.fleet.start()
    await line.wait("no history", lambda: line.share > 0)
    line.broker._program.signal(signal.SIGKILL)
    await line.wait("the broker lives", lambda: not line.broker.running())
    line.broker.start()
    before = line.share
    print(f"broker killed at {before:.0%} of the history")
    assert before < 1
    await line.wait("nothing after the broker", lambda: line.live or line.share > before)
    line.programs.fleet.signal(signal.SIGKILL)
    await line.wait("the fleet lives", lambda: not line.programs.fleet.running())
    print(f"fleet killed at {line.share:.0%}")
    line.restart()
    await line.wait("not live", lambda: line.live)
    line.programs.fleet.signal(signal.SIGKILL)
    await line.wait("the fleet lives", lambda: not line.programs.fleet.running())
    line.restart()
    await line.wait("not live again", lambda: line.live and line.kept() == 0)
    until = clock.seconds(datetime.now(SHANGHAI)) // QUARTER * QUARTER
    found = await stored(line)
    for item in enterprises(line.settings.series):
        expect_the_models_values(line, item, found, until)


async def test_a_refused_document_is_reported_and_blocks_nothing(line: Line) -> None:
    line.programs.fleet.stop()
    item = enterprises(line.settings.series)[0]
    ahead = '"2031-01-01T00:00:00+08:00"'
    reading = f'{{"device":"E-01","quantity":"electricity","at":{ahead},"value":1}}'
    kept = Notes(notes.folder_in(line.settings.home) / "notes.sqlite")
    spool = Spool(notes.folder_in(line.settings.home) / item.uscc)
    try:
        reached = kept.reached(item.uscc)
        assert reached is not None
        id_ = spool.new_id()
        spool.put(id_, f'{{"id":"{id_}","readings":[{reading}]}}'.encode())
    finally:
        spool.close()
        kept.close()
    line.restart()
    await line.wait("not live", lambda: line.live and line.kept() == 0)
    assert f"{item.uscc}: 1 refused" in line.log()
    assert "future_time" in (spool.refused / f"{id_}.json").read_text()
    connection = await asyncpg.connect(line.db.owner)
    try:
        newest = "SELECT max(at) FROM readings JOIN channels USING (channel_id)"
        deadline = time.monotonic() + PATIENCE_S
        while clock.seconds(await connection.fetchval(newest)) <= reached:
            assert time.monotonic() < deadline, "nothing is stored after it"
            await asyncio.sleep(0.1)
        assert await connection.fetchval("SELECT count(*) FROM rejected_payloads") == 1
    finally:
        await connection.close()
