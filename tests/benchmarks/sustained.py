"""The highest rate at which ingest and rollups together keep up, found and then confirmed."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from deploy.local import database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.settings import free_port
from tests.benchmarks.fleet import Fleet, register
from tests.benchmarks.line import Line
from tests.benchmarks.pacing import FLEET, MINUTE, let_in, sending
from tests.benchmarks.rig import PASSWORD, collector, program, stored, wait_until_alive
from tests.benchmarks.stages import Stages
from tests.benchmarks.watch import Verdict, Watch, judge

CONFIRMED_S = float(os.environ.get("QINGYU_BENCH_SUSTAINED_S", "300"))
PROBED_S = float(os.environ.get("QINGYU_BENCH_PROBED_S", "40"))
FIRST = float(os.environ.get("QINGYU_BENCH_FIRST_RATE", "55000"))  # readings/s: the goal
STEP_UP, STEP_DOWN = 1.2, 0.9
ATTEMPTS = 5  # to confirm
ROUGHLY_FLAT = 0.1  # of a short run, which sees few rounds of the rollup
ROUNDS_IN_A_PROBE = 10  # a fleet whose minute takes longer is not judged by a short run
PATIENCE_S = 600.0  # until all that waits is rolled up
BACKENDS = {
    "qingyu-ingest": "database, ingest",
    "qingyu-rollup": "database, rollup",
    "qingyu-analyze": "database, evaluators",
}
# The fleet's clock runs faster than ours and may not overtake it, so it begins as far behind as so
# many seconds at this rate take it; no farther, because evaluators judge again what lies behind.
BEGINS_S, BEGINS_RATE = 1_800, 80_000


@dataclass(slots=True)
class Site:
    """The programs that run, and how far the fleet's own clock has come."""

    owner: asyncpg.Connection
    broker: Broker
    fleet: Fleet
    http: int
    programs: dict[str, int]
    postmaster: int
    clock: datetime

    async def run(self, rate: float, seconds: float) -> Verdict:
        """Send at a rate for so long and return what that came to."""
        await self.settle()
        await self.owner.execute("CHECKPOINT")
        with sending(self.broker, self.fleet.templates, self.clock, rate) as sender:
            stages = Stages({**self.programs, "sender": sender.pid}, self.postmaster, BACKENDS)
            watch = Watch(self.owner, self.http, stages)
            watch.begin()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                await watch.sample(sender.sent)
                await asyncio.sleep(1)
            self.clock += (sender.minutes + 1) * MINUTE
        verdict = judge(rate, watch.samples, stages.spent)
        _report(self.fleet, verdict)
        return verdict

    def lasts(self, rate: float, seconds: float) -> bool:
        """Whether the fleet's clock stays behind ours for so long at a rate."""
        return self.clock + minutes_of(self.fleet.channels, rate, seconds) < datetime.now(UTC)

    async def settle(self) -> None:
        """Wait until nothing is under way any more."""
        deadline, committed = time.monotonic() + PATIENCE_S, -1.0
        while True:
            now = stored(self.http, "mqtt")
            waits = await self.owner.fetchval("SELECT EXISTS (SELECT FROM changed_stretches)")
            if now == committed and not waits:
                return
            if time.monotonic() > deadline:
                raise TimeoutError("the line does not come to rest")
            committed = now
            await asyncio.sleep(1)


def minutes_of(channels: int, rate: float, seconds: float) -> timedelta:
    """Return how far so many seconds take the fleet's clock, each channel once in its minute."""
    return MINUTE * (rate * seconds / channels)


def sustained(line: Line, channels: int) -> Verdict | None:
    """Return the highest rate that a fleet of so many channels kept; None where none was found."""
    return asyncio.run(_sustained(line, channels))


async def _sustained(line: Line, channels: int) -> Verdict | None:
    name = f"sustained_{channels}"
    await database.create(line.cluster, name)
    database.migrate(line.cluster, name)
    db = await database.open_logins(line.cluster, name)
    owner = await asyncpg.connect(db.owner)
    try:
        fleet = await register(owner, channels)
        with _site(line, name, db, owner, fleet) as site:
            return await _search(site)
    finally:
        await owner.close()
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
        if not site.lasts(rate, CONFIRMED_S):
            print("  the fleet's clock has come to ours", file=sys.stderr)
            break
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
def _site(
    line: Line, name: str, db: database.Database, owner: asyncpg.Connection, fleet: Fleet
) -> Iterator[Site]:
    broker = Broker(line.runtime, line.folder / name, free_port())
    broker.let_in({COLLECTOR: PASSWORD, FLEET: PASSWORD})
    broker.start()
    http, monitoring, log = free_port(), free_port(), broker.folder / "analyze.log"
    behind = minutes_of(fleet.channels, BEGINS_RATE, BEGINS_S)
    own = {"QINGYU_DATABASE": db.service, "QINGYU_ANALYZE_BIND": f"127.0.0.1:{monitoring}"}
    try:
        let_in(broker)
        with (
            collector(db.ingest, broker, 1, http, free_port(), fleet.channels) as collecting,
            program(["service", "analyze"], own, log) as analyzing,
        ):
            wait_until_alive(monitoring, log)
            yield Site(
                owner,
                broker,
                fleet,
                http,
                {"collector": collecting, "analysis": analyzing, "broker": broker.pid or 0},
                int((line.cluster.data / "postmaster.pid").read_text().split()[0]),
                (datetime.now(UTC) - behind).replace(second=0, microsecond=0),
            )
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
