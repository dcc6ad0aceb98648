"""Whatever arrives in whatever order, the rollups are those of the pure functions."""

import math
from datetime import datetime
from itertools import pairwise

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.commit import commit
from service import rollup
from service.domain.calendar import day_of
from service.domain.segments import Bucket
from service.store.engine import Engine
from tests.registry import add_plant
from tests.series import (
    START,
    Row,
    Series,
    batch,
    expected,
    grouped,
    metered_series,
    register_series,
    value_series,
)

EVER = datetime.fromisoformat("2000-01-01T00:00:00Z")
INDICATORS = ["energy"]
TRIES = settings(
    max_examples=35,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Line:
    """One channel from arrival to rollup, on a database that other examples share."""

    numbers = iter(range(1, 1_000_000))

    def __init__(self, owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> None:
        self.owner, self.pool, self.engine = owner, pool, engine

    async def register(self, series: Series) -> None:
        plant = await add_plant(self.owner, [series.spec], number=next(self.numbers))
        self.enterprise_id, self.channel_id = plant.enterprise_id, plant.channels[0]
        for setting in series.settings[1:]:
            await self.owner.execute(
                "INSERT INTO channel_settings"
                " (channel_id, valid_from, multiplier, width, scale, unit, recorded_by)"
                " VALUES ($1, to_timestamp($2), $3, $4, $5, 'kWh', 'test')",
                self.channel_id,
                START + setting.valid_from,
                setting.multiplier,
                setting.width,
                setting.scale,
            )

    async def replace_dials(self, series: Series) -> None:
        for replacement in series.replacements:
            await self.owner.execute(
                "INSERT INTO device_events (device_id, channel_id, kind, at, closing_value,"
                " opening_value, recorded_by) SELECT device_id, channel_id, 'replacement',"
                " to_timestamp($2), $3, $4, 'test' FROM channels WHERE channel_id = $1",
                self.channel_id,
                START + replacement.at,
                replacement.closing,
                replacement.opening,
            )

    async def write(self, rows: list[Row]) -> None:
        async with self.pool.acquire() as connection:
            await commit(connection, grouped([batch(self.enterprise_id, self.channel_id, rows)]))

    async def roll_up(self) -> None:
        while await rollup.roll_up_each(self.engine, INDICATORS, EVER):
            pass

    async def buckets(self) -> dict[int, Bucket]:
        rows = await self.owner.fetch(
            "SELECT at, amount, estimated, mean, maximum, measured_s, flags FROM usage_15m"
            " WHERE channel_id = $1",
            self.channel_id,
        )
        return {int(row[0].timestamp()): Bucket(*row[1:]) for row in rows}


@pytest.fixture
def line(owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> Line:
    return Line(owner, pool, engine)


def assert_same(found: dict[int, Bucket], wanted: dict[int, Bucket]) -> None:
    assert sorted(found) == sorted(wanted)
    for at, bucket in wanted.items():
        for name in ("amount", "estimated", "mean", "maximum"):
            mine, theirs = getattr(found[at], name), getattr(bucket, name)
            assert (mine is None) == (theirs is None), (at, name, found[at], bucket)
            if mine is not None:
                assert math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-6), (at, name)
        assert math.isclose(found[at].measured_s, bucket.measured_s, abs_tol=0.01)
        assert found[at].flags == bucket.flags


@st.composite
def arrivals(draw: st.DrawFn, series: st.SearchStrategy[Series]) -> tuple[Series, list[list[Row]]]:
    """Draw a series and the batches in which it arrives: late, repeated, reordered, corrected.

    A key that is corrected arrives first with another value and last with its own.
    """
    drawn = draw(series)
    order = draw(st.permutations(drawn.rows))
    wrong = [
        (at, value + draw(st.floats(-50, 50)), draw(st.sampled_from([0, 2])))
        for at, value, _ in order
        if draw(st.integers(0, 5)) == 0
    ]
    repeated = [row for row in order if draw(st.integers(0, 5)) == 0]
    rows = wrong + order + repeated
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    bounds = [0, *cuts, len(rows)]
    return drawn, [rows[a:b] for a, b in pairwise(bounds) if a < b]


async def arrive(line: Line, series: Series, batches: list[list[Row]], rolls: list[bool]) -> None:
    await line.register(series)
    for number, rows in enumerate(batches):
        if number == len(batches) // 2:
            await line.replace_dials(series)
        await line.write(rows)
        if rolls[number % len(rolls)]:
            await line.roll_up()
    await line.roll_up()


@TRIES
@given(arrivals(st.one_of(register_series(), value_series())), st.lists(st.booleans(), min_size=1))
async def test_any_arrival_ends_in_the_same_rollups(
    line: Line, drawn: tuple[Series, list[list[Row]]], rolls: list[bool]
) -> None:
    series, batches = drawn
    await arrive(line, series, batches, rolls)
    assert_same(await line.buckets(), expected(series))


@TRIES
@given(arrivals(register_series()))
async def test_recomputing_changes_nothing(
    line: Line, drawn: tuple[Series, list[list[Row]]]
) -> None:
    series, batches = drawn
    await arrive(line, series, batches, [True])
    before = await line.buckets()
    await line.owner.execute(
        "INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)"
        " SELECT $1, ARRAY[$2::int], min(at), max(at) FROM readings WHERE channel_id = $2",
        line.enterprise_id,
        line.channel_id,
    )
    await line.roll_up()
    assert await line.buckets() == before


@TRIES
@given(metered_series())
async def test_buckets_add_up_to_what_flowed(line: Line, drawn: tuple[Series, float]) -> None:
    """Across any rollover, replacement, reversal, change of ratio and of unit."""
    series, flowed = drawn
    await line.register(series)
    await line.replace_dials(series)
    await line.write(series.rows)
    await line.roll_up()
    buckets = await line.buckets()
    assert sum(bucket.amount or 0.0 for bucket in buckets.values()) == pytest.approx(
        flowed, rel=1e-6, abs=1e-3
    )
    assert_same(buckets, expected(series))


@TRIES
@given(arrivals(register_series()))
async def test_days_are_the_sums_of_their_quarter_hours(
    line: Line, drawn: tuple[Series, list[list[Row]]]
) -> None:
    series, batches = drawn
    await arrive(line, series, batches, [True])
    sums: dict[str, float] = {}
    for at, bucket in (await line.buckets()).items():
        day = day_of(datetime.fromtimestamp(at, EVER.tzinfo)).isoformat()
        sums[day] = sums.get(day, 0.0) + (bucket.amount or 0.0)
    days = dict(
        await line.owner.fetch(
            "SELECT day::text, amount FROM usage_daily WHERE channel_id = $1", line.channel_id
        )
    )
    assert days == pytest.approx(sums, abs=1e-6)
    tce = await line.owner.fetchval(
        "SELECT sum(tce_calorific) FROM usage_daily WHERE channel_id = $1", line.channel_id
    )
    assert (tce or 0) == pytest.approx(sum(sums.values()) * 0.1229 / 1000, abs=1e-9)
