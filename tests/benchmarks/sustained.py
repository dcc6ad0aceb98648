"""The highest rate at which ingest and rollups together keep up, found and then confirmed."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from deploy.local import database
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.settings import free_port
from tests.benchmarks.fleet import Fleet, register
from tests.benchmarks.line import Line
from tests.benchmarks.pacing import FLEET, MINUTE, let_in, sending
from tests.benchmarks.rig import PASSWORD, collector, program, wait_until_alive
from tests.benchmarks.stages import Stages
from tests.benchmarks.watch import Verdict, Watch, judge

CONFIRMED_S = float(os.environ.get("QINGYU_BENCH_SUSTAINED_S", "300"))
PROBED_S = float(os.environ.get("QINGYU_BENCH_PROBED_S", "40"))
FIRST = float(os.environ.get("QINGYU_BENCH_FIRST_RATE", "55000"))  # readings/s: the goal
STEP_UP, STEP_DOWN = 1.2, 0.9
ATTEMPTS = 5  # to confirm
ROUGHLY_FLAT = 0.1  # of a short run, which sees few rounds of the rollup
ROUNDS_IN_A_PROBE = 10  # a fleet whose minute takes longer is not judged by a short run
BACKENDS = {
    "qingyu-ingest": "database, ingest",
    "qingyu-rollup": "database, rollup",
    "qingyu-analyze": "database, evaluators",
}


@dataclass(slots=True)
class Site:
    """A database with everything registered, of which each run has a clone; and its fleet."""

    line: Line
    name: str
    db: Database
    fleet: Fleet
    runs: int = 0

    async def run(self, rate: float, seconds: float) -> Verdict:
        """Send at a rate for so long to programs of its own and return what that came to.

        The fleet's clock comes to ours at the end: readings may not be ahead of it, and what lies
        behind it for long would be judged again and again by evaluators.
        """
        self.runs += 1
        clone = f"{self.name}_{self.runs}"
        await database.clone(self.line.cluster, self.name, clone)
        db = Database(*(url.replace(f"/{self.name}", f"/{clone}") for url in self.db.urls))
        owner = await asyncpg.connect(db.owner)
        try:
            await owner.execute("CHECKPOINT")
            with _programs(self.line, clone, db, self.fleet) as programs:
                verdict = await _watched(programs, owner, self.fleet, rate, seconds)
        finally:
            await owner.close()
            await database.drop(self.line.cluster, clone)
        _report(self.fleet, verdict)
        return verdict


@dataclass(frozen=True, slots=True)
class Programs:
    """What runs, by process: a broker, a collector with its port of HTTP, the analysis."""

    broker: Broker
    http: int
    stages: dict[str, int]
    postmaster: int


async def _watched(
    programs: Programs, owner: asyncpg.Connection, fleet: Fleet, rate: float, seconds: float
) -> Verdict:
    begins = datetime.now(UTC) - MINUTE * (rate * seconds / fleet.channels + 1)
    begins = begins.replace(second=0, microsecond=0)
    with sending(programs.broker, fleet.templates, begins, rate) as sender:
        stages = Stages({**programs.stages, "sender": sender.pid}, programs.postmaster, BACKENDS)
        watch = Watch(owner, programs.http, stages)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await watch.sample(sender.sent)
            await asyncio.sleep(1)
    return judge(rate, watch.samples, stages.spent)


def sustained(line: Line, channels: int) -> Verdict | None:
    """Return the highest rate that a fleet of so many channels kept; None where none was found."""
    return asyncio.run(_sustained(line, channels))


async def _sustained(line: Line, channels: int) -> Verdict | None:
    name = f"sustained_{channels}"
    await database.create(line.cluster, name)
    database.migrate(line.cluster, name)
    db = await database.open_logins(line.cluster, name)
    owner = await asyncpg.connect(db.owner)
    fleet = await register(owner, channels)
    await owner.close()
    try:
        return await _search(Site(line, name, db, fleet))
    finally:
        await database.drop(line.cluster, name)


async def _search(site: Site) -> Verdict | None:
    """Climb by short runs while they hold, then confirm: down where it fails, up where it holds.

    The end is a rate that holds beside one that does not.
    """
    rate, held, failed = FIRST, None, False
    while site.fleet.channels / rate * ROUNDS_IN_A_PROBE < PROBED_S:
        if not (await site.run(rate * STEP_UP, PROBED_S)).holds(ROUGHLY_FLAT):
            break
        rate *= STEP_UP
    for _ in range(ATTEMPTS):
        verdict = await site.run(rate, CONFIRMED_S)
        if verdict.holds():
            held = verdict
            if failed:
                break
            rate *= STEP_UP
        else:
            failed = True
            if held:
                break
            rate *= STEP_DOWN
    return held


@contextmanager
def _programs(line: Line, name: str, db: Database, fleet: Fleet) -> Iterator[Programs]:
    broker = Broker(line.runtime, line.folder / name, free_port())
    broker.let_in({COLLECTOR: PASSWORD, FLEET: PASSWORD})
    broker.start()
    http, monitoring, log = free_port(), free_port(), broker.folder / "analyze.log"
    own = {"QINGYU_DATABASE": db.service, "QINGYU_ANALYZE_BIND": f"127.0.0.1:{monitoring}"}
    try:
        let_in(broker)
        with (
            collector(db.ingest, broker, 1, http, free_port(), fleet.channels) as collecting,
            program(["service", "analyze"], own, log) as analyzing,
        ):
            wait_until_alive(monitoring, log)
            stages = {"collector": collecting, "analysis": analyzing, "broker": broker.pid or 0}
            pid_file = line.cluster.data / "postmaster.pid"
            yield Programs(broker, http, stages, int(pid_file.read_text().split()[0]))
    finally:
        broker.stop()


def _report(fleet: Fleet, verdict: Verdict) -> None:
    print(
        f"  {fleet.channels:,} channels, {verdict.rate:,.0f} readings/s"
        f" {'holds' if verdict.holds() else 'does not hold'}: sent {verdict.sent_rate:,.0f},"
        f" committed {verdict.committed_rate:,.0f}; backlog of ingest"
        f" {verdict.ingest_backlog:,.0f} ({verdict.ingest_growth:+.1%}), of the rollup"
        f" {verdict.rollup_backlog:,.0f} ({verdict.rollup_growth:+.1%}), lag"
        f" {verdict.lag_s:.0f} s, at most {verdict.longest_lag_s:.0f} s; cores {verdict.cores}",
        file=sys.stderr,
    )
