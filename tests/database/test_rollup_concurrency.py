"""Writers, workers and their deaths in between: the rollups end right and the log empty."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service import rollup
from service.domain.reach import Span
from service.store import stretches, usage
from service.store.engine import Connection, Engine
from service.store.stretches import Picked
from tests.database.test_rollup_properties import EVER, INDICATORS, Line, assert_same
from tests.registry import Spec, add_channel
from tests.series import Row, Series, expected

HOURS = [(3600.0 * hour, 10.0 * hour, 0) for hour in range(30)]


@pytest.fixture
def line(owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> Line:
    return Line(owner, pool, engine)


async def log_is_empty(line: Line) -> bool:
    return not await line.owner.fetchval("SELECT count(*) FROM changed_stretches")


class Pause:
    """Stops the first caller of a function before or after it, until told to go on."""

    def __init__(self, inner: Callable[..., Awaitable[Any]], *, before: bool) -> None:
        self.inner, self.before = inner, before
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, *arguments: Any) -> Any:
        first = not self.reached.is_set()
        if first and self.before:
            await self._wait()
        result = await self.inner(*arguments)
        if first and not self.before:
            await self._wait()
        return result

    async def _wait(self) -> None:
        self.reached.set()
        await self.go_on.wait()


@pytest.mark.parametrize(
    ("module", "name", "before"),
    [
        pytest.param(stretches, "claim", True, id="between lock and claim"),
        pytest.param(stretches, "claim", False, id="between claim and recompute"),
        pytest.param(usage, "replace_registers", False, id="between recompute and commit"),
    ],
)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(HOURS[:20], HOURS[20:], id="a later stretch"),
        pytest.param(HOURS[:10] + HOURS[20:], HOURS[10:20], id="a gap is filled"),
        pytest.param(
            [(at, value + 5, 0) for at, value, _ in HOURS], HOURS, id="every value corrected"
        ),
    ],
)
async def test_a_commit_in_between_is_never_missed(
    monkeypatch: pytest.MonkeyPatch,
    line: Line,
    module: Any,
    name: str,
    before: bool,
    first: list[Row],
    second: list[Row],
) -> None:
    """A worker stands still at each border of its statements while a writer commits.

    Another worker then finds the lock taken; the log it leaves alone brings the rest.
    """
    series = Series(Spec(expected_interval_s=3600), HOURS)
    await line.register(series)
    await line.write(first)
    pause = Pause(getattr(module, name), before=before)
    monkeypatch.setattr(module, name, pause)
    working = asyncio.create_task(rollup.roll_up_each(line.engine, INDICATORS, EVER))
    await asyncio.wait_for(pause.reached.wait(), 10)
    await line.write(second)
    await line.roll_up()
    pause.go_on.set()
    await working
    await line.roll_up()
    assert await log_is_empty(line)
    assert_same(await line.buckets(), expected(series))


async def test_a_snapshot_older_than_the_lock_would_be_wrong(line: Line) -> None:
    """The control: claim and recompute on the snapshot with which the worker began.

    A worker whose transaction took its snapshot before another one's commit overwrites what that
    one wrote, or fails; in READ COMMITTED, with a statement for each, it does neither.
    """
    series = Series(Spec(expected_interval_s=3600), HOURS)
    await line.register(series)
    await line.write(HOURS[:10])
    async with line.engine.connect() as stale:
        await stale.execution_options(isolation_level="REPEATABLE READ")
        await stretches.backlog(stale)  # takes the snapshot
        await line.write(HOURS[10:])
        await line.roll_up()
        assert await stretches.pick(stale, 0, 1) == Picked(
            [line.enterprise_id], line.enterprise_id
        )  # sees what is long done, locks it
        with pytest.raises(DBAPIError, match="could not serialize"):
            await rollup.roll_up(stale, [line.enterprise_id], INDICATORS, EVER)
        await stale.rollback()
    assert_same(await line.buckets(), expected(series))


async def test_writers_and_workers_race_while_workers_are_killed(
    line: Line, owner: asyncpg.Connection
) -> None:
    dice = random.Random(7)
    rows = [(60.0 * minute, 3.0 * minute, 0) for minute in range(1_500)]
    series = Series(Spec(), rows)
    await line.register(series)
    writing = True

    async def write(mine: list[Row]) -> None:
        dice.shuffle(mine)
        for start in range(0, len(mine), 25):
            await line.write(mine[start : start + 25])
            await asyncio.sleep(0.002)

    async def work() -> None:
        while writing:
            with contextlib.suppress(DBAPIError, OSError):  # killed
                await rollup.roll_up_each(line.engine, INDICATORS, EVER)
            await asyncio.sleep(0)

    async def kill() -> int:
        killed = 0
        while writing:
            await asyncio.sleep(0.05)
            killed += await owner.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM ("
                " SELECT pid FROM pg_stat_activity WHERE application_name = 'test'"
                " AND datname = current_database() AND state <> 'idle'"
                " ORDER BY random() LIMIT 1) AS victim"
            )
        return killed

    workers = [asyncio.create_task(work()) for _ in range(3)]
    killer = asyncio.create_task(kill())
    await asyncio.gather(*(write(rows[part::4]) for part in range(4)))
    writing = False
    await asyncio.gather(*workers)
    assert await killer > 3
    await line.roll_up()
    assert await log_is_empty(line)
    assert_same(await line.buckets(), expected(series))


async def test_a_second_worker_takes_the_next_enterprise(line: Line) -> None:
    series = Series(Spec(), HOURS)
    await line.register(series)
    await line.write(HOURS)
    first = line.enterprise_id
    await line.register(series)
    await line.write(HOURS)
    async with line.engine.begin() as one, line.engine.begin() as other:
        assert await stretches.pick(one, 0, 1) == Picked([first], first)
        assert await stretches.pick(other, 0, 2) == Picked([line.enterprise_id], line.enterprise_id)
        assert await stretches.pick(other, line.enterprise_id, 2) is None


async def test_a_change_that_is_too_large_is_continued(
    monkeypatch: pytest.MonkeyPatch, line: Line
) -> None:
    monkeypatch.setattr(rollup, "QUARTERS_AT_ONCE", 1)
    series = Series(Spec(expected_interval_s=3600), HOURS)
    await line.register(series)
    second = line.channel_id
    await line.write(HOURS)
    series_too = Series(Spec(expected_interval_s=3600, quantity="coke"), HOURS)
    line.channel_id = await add_channel(line.owner, line.enterprise_id, series_too.spec, "M-99")
    await line.write(HOURS)
    assert await rollup.roll_up_each(line.engine, INDICATORS, EVER)  # something is left
    assert not await log_is_empty(line)
    await line.roll_up()
    assert_same(await line.buckets(), expected(series_too))
    line.channel_id = second
    assert_same(await line.buckets(), expected(series))


async def test_many_enterprises_share_a_transaction_and_one_at_fault_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, line: Line
) -> None:
    """The changes of the one at fault stay in the log; those of the others are rolled up."""
    series = Series(Spec(), HOURS)
    channels: list[int] = []
    for _ in range(6):
        await line.register(series)
        await line.write(HOURS)
        channels.append(line.channel_id)
    at_fault, replace, at_once = channels[3], usage.replace_registers, []

    async def fail(connection: Connection, spans: Sequence[Span]) -> None:
        at_once.append([span.channel_id for span in spans])
        if at_fault in at_once[-1]:
            await connection.execute(text("SELECT 1 / 0"))
        await replace(connection, spans)

    monkeypatch.setattr(usage, "replace_registers", fail)
    assert not await rollup.roll_up_each(line.engine, INDICATORS, EVER)
    assert at_once == [channels[:1], channels[1:], *([channel] for channel in channels[1:])]
    for line.channel_id in channels:
        assert_same(await line.buckets(), {} if line.channel_id == at_fault else expected(series))
    monkeypatch.setattr(usage, "replace_registers", replace)
    await line.roll_up()
    line.channel_id = at_fault
    assert_same(await line.buckets(), expected(series))
    assert await log_is_empty(line)
