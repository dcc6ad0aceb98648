"""The write path: what is returned for is committed, once, with its trail."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from deploy.local.database import Database
from ingest.commit import prepare
from ingest.errors import Reason, Rejected, Unavailable
from ingest.registry import Batch, Sender
from ingest.writer import Outcome, Result, Writer
from tests.registry import add_plant

START = datetime(2026, 11, 1, tzinfo=UTC)
SENDER = Sender("gateway 1", 1, "91620623MA00000010")


def batch(*rows: tuple[int, float, float], sender: Sender = SENDER, quality: int = 0) -> Batch:
    """Rows of channel, hours after START, value."""
    return Batch(
        sender,
        [row[0] for row in rows],
        [round((START.timestamp() + row[1] * 3600) * 1e6) for row in rows],
        [row[2] for row in rows],
        [quality] * len(rows),
    )


@pytest.fixture
async def writer(pool: asyncpg.Pool) -> AsyncIterator[Writer]:
    writer = Writer(pool, rows_in_flight=100_000)
    task = asyncio.create_task(writer.run())
    yield writer
    task.cancel()
    await asyncio.wait([task])


async def write(writer: Writer, batch: Batch) -> Result:
    [result] = await writer.write([batch])
    return result


async def readings(owner: asyncpg.Connection) -> list[tuple[int, float, float]]:
    rows = await owner.fetch("SELECT channel_id, at, value FROM readings ORDER BY 1, 2")
    return [(row[0], (row[1] - START) / timedelta(hours=1), row[2]) for row in rows]


async def trail(owner: asyncpg.Connection) -> list[tuple[int, float, str]]:
    rows = await owner.fetch(
        "SELECT channel_id, value, replaced_by FROM reading_revisions ORDER BY revision_id"
    )
    return [tuple(row) for row in rows]


async def stretches(owner: asyncpg.Connection) -> list[tuple[int, list[int], float, float]]:
    rows = await owner.fetch(
        "SELECT enterprise_id, channel_ids, first_at, last_at FROM changed_stretches ORDER BY id"
    )
    hour = timedelta(hours=1)
    return [(row[0], row[1], (row[2] - START) / hour, (row[3] - START) / hour) for row in rows]


@pytest.mark.parametrize(
    ("batches", "outcomes", "stored", "revisions"),
    [
        pytest.param(
            [[(1, 0, 10.0), (1, 1, 11.0)]], [(2, 0, 0)], [(1, 0, 10.0), (1, 1, 11.0)], [],
            id="new readings are stored",
        ),
        pytest.param(
            [[(1, 0, 10.0)], [(1, 0, 10.0)]], [(1, 0, 0), (0, 1, 0)], [(1, 0, 10.0)], [],
            id="the same value again is a duplicate",
        ),
        pytest.param(
            [[(1, 0, 10.0)], [(1, 0, 12.0)]], [(1, 0, 0), (0, 0, 1)], [(1, 0, 12.0)], [10.0],
            id="another value for a key replaces it and leaves a trail",
        ),
        pytest.param(
            [[(1, 0, 10.0), (1, 0, 10.0)]], [(1, 1, 0)], [(1, 0, 10.0)], [],
            id="a repetition inside one batch is a duplicate",
        ),
        pytest.param(
            [[(1, 0, 10.0), (1, 0, 12.0)]], [(1, 0, 1)], [(1, 0, 12.0)], [10.0],
            id="inside one batch the last wins and the first is in the trail",
        ),
        pytest.param(
            [[(1, 0, 9.0)], [(1, 0, 10.0), (1, 0, 12.0)]], [(1, 0, 0), (0, 0, 2)],
            [(1, 0, 12.0)], [9.0, 10.0],
            id="what was there and what the batch itself replaced are both in the trail",
        ),
        pytest.param(
            [[(1, 0, 10.0)], [(1, 0, 10.0), (1, 0, 12.0)]], [(1, 0, 0), (0, 1, 1)],
            [(1, 0, 12.0)], [10.0],
            id="a duplicate and then a revision leave one entry",
        ),
        pytest.param(
            [[(1, 0, 10.0)], [(1, 0, 11.0), (1, 0, 10.0)]], [(1, 0, 0), (0, 0, 2)],
            [(1, 0, 10.0)], [10.0, 11.0],
            id="there and back leaves two entries and the old value",
        ),
        pytest.param(
            [[(2, 0, 1.0)], [(2, 1, 2.0), (1, 5, 1.0), (2, 0, 1.0), (1, 4, 1.5)]],
            [(1, 0, 0), (3, 1, 0)],
            [(1, 4, 1.5), (1, 5, 1.0), (2, 0, 1.0), (2, 1, 2.0)], [],
            id="new readings beside a duplicate are stored",
        ),
    ],
)  # fmt: skip
async def test_write_stores_once_with_its_trail(
    writer: Writer,
    owner: asyncpg.Connection,
    batches: list[list[tuple[int, float, float]]],
    outcomes: list[tuple[int, int, int]],
    stored: list[tuple[int, float, float]],
    revisions: list[float],
) -> None:
    seen = [await write(writer, batch(*rows)) for rows in batches]
    assert seen == [Outcome(*outcome) for outcome in outcomes]
    assert await readings(owner) == stored
    assert sorted(value for _, value, _ in await trail(owner)) == sorted(revisions)


async def test_a_revision_names_who_replaced_the_value(
    writer: Writer, owner: asyncpg.Connection
) -> None:
    await write(writer, batch((1, 0, 10.0)))
    await write(writer, batch((1, 0, 11.0), sender=Sender("second gateway", 1, "x")))
    assert await trail(owner) == [(1, 10.0, "second gateway")]


async def test_a_change_of_quality_alone_is_a_revision(
    writer: Writer, owner: asyncpg.Connection
) -> None:
    await write(writer, batch((1, 0, 10.0)))
    assert await write(writer, batch((1, 0, 10.0), quality=2)) == Outcome(0, 0, 1)
    assert await owner.fetchval("SELECT quality FROM readings") == 2


@pytest.mark.parametrize(
    ("before", "rows", "expected"),
    [
        pytest.param(
            [], [(1, 0, 1.0), (1, 0.5, 2.0)], [(1, [1], 0, 0.5)],
            id="instants are neither rounded nor widened",
        ),
        pytest.param(
            [], [(1, 0, 1.0), (2, 24, 1.0)], [(1, [1, 2], 0, 24)],
            id="a gap of a day is one stretch",
        ),
        pytest.param(
            [], [(1, 0, 1.0), (1, 24.1, 1.0)], [(1, [1], 0, 0), (1, [1], 24.1, 24.1)],
            id="a longer gap divides",
        ),
        pytest.param(
            [(1, 0, 1.0)], [(1, 0, 1.0), (1, 3, 1.0)], [(1, [1], 3, 3)],
            id="a duplicate changes nothing",
        ),
        pytest.param(
            [(1, 0, 1.0)], [(1, 0, 2.0)], [(1, [1], 0, 0)], id="a revision is a change",
        ),
        pytest.param([(1, 0, 1.0)], [(1, 0, 1.0)], [], id="only duplicates log nothing"),
    ],
)  # fmt: skip
async def test_write_logs_the_instants_that_changed(
    writer: Writer,
    owner: asyncpg.Connection,
    before: list[tuple[int, float, float]],
    rows: list[tuple[int, float, float]],
    expected: list[tuple[int, list[int], float, float]],
) -> None:
    if before:
        await write(writer, batch(*before))
        await owner.execute("DELETE FROM changed_stretches")
    await write(writer, batch(*rows))
    assert await stretches(owner) == expected


async def test_stretches_are_divided_by_enterprise(
    writer: Writer, owner: asyncpg.Connection
) -> None:
    other = Sender("gateway 2", 2, "y")
    await asyncio.gather(
        write(writer, batch((1, 0, 1.0), (1, 1, 1.0))),
        write(writer, batch((7, 0.5, 1.0), sender=other)),
    )
    assert sorted(await stretches(owner)) == [(1, [1], 0, 1), (2, [7], 0.5, 0.5)]


async def test_what_queued_under_a_transaction_is_one_group(
    writer: Writer, owner: asyncpg.Connection
) -> None:
    await asyncio.gather(*(write(writer, batch((1, hour, hour))) for hour in range(500)))
    groups = await owner.fetchval("SELECT count(DISTINCT xmin::text) FROM readings")
    assert await owner.fetchval("SELECT count(*) FROM readings") == 500
    assert groups <= 5


async def test_one_bad_submission_never_blocks_its_group(
    writer: Writer, owner: asyncpg.Connection
) -> None:
    bad = batch((1, 0, 1.0))
    bad.instants[0] = 2**62  # no instant that PostgreSQL knows
    outcomes = await asyncio.gather(
        write(writer, batch((1, 0, 1.0))),
        write(writer, bad),
        write(writer, batch((1, 1, 1.0))),
    )
    assert [outcomes[0], outcomes[2]] == [Outcome(1, 0, 0), Outcome(1, 0, 0)]
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].reason is Reason.NOT_STORABLE
    assert len(await readings(owner)) == 2


async def test_a_store_that_is_away_is_unavailable_and_comes_back(
    writer: Writer, owner: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await owner.execute("ALTER TABLE readings RENAME TO away")
    with pytest.raises(Unavailable):
        await write(writer, batch((1, 0, 1.0)))
    await owner.execute("ALTER TABLE away RENAME TO readings")
    assert await write(writer, batch((1, 0, 1.0))) == Outcome(1, 0, 0)


async def test_a_sender_that_goes_away_does_not_take_its_readings_back(
    writer: Writer, owner: asyncpg.Connection
) -> None:
    going = asyncio.create_task(write(writer, batch((1, 0, 1.0))))
    await asyncio.sleep(0)
    going.cancel()
    await write(writer, batch((1, 1, 1.0)))
    assert len(await readings(owner)) == 2


async def test_write_waits_while_too_much_is_in_flight(
    pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    writer = Writer(pool, rows_in_flight=2)
    first = asyncio.create_task(write(writer, batch((1, 0, 1.0), (1, 1, 1.0))))
    await asyncio.sleep(0)
    assert writer.full
    second = asyncio.create_task(write(writer, batch((1, 2, 1.0))))
    await asyncio.sleep(0.05)
    assert not second.done()
    running = asyncio.create_task(writer.run())
    assert await first == Outcome(2, 0, 0)
    assert await second == Outcome(1, 0, 0)
    running.cancel()
    await asyncio.wait([running])


async def test_stopping_tells_whoever_waits(pool: asyncpg.Pool) -> None:
    writer = Writer(pool, rows_in_flight=10)
    waiting = asyncio.create_task(write(writer, batch((1, 0, 1.0))))
    await asyncio.sleep(0)
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(Unavailable):
        await waiting


async def test_two_collectors_with_one_redelivery_neither_deadlock_nor_lose_trail(
    db: Database, owner: asyncpg.Connection
) -> None:
    """Both write the same keys with values of their own, in opposite orders, again and again."""
    await add_plant(owner)
    rounds, keys = 30, 200

    async def collect(name: str, value: float) -> None:
        async with asyncpg.create_pool(db.ingest, min_size=0, max_size=2, init=prepare) as pool:
            writer = Writer(pool, rows_in_flight=100_000)
            running = asyncio.create_task(writer.run())
            sender = Sender(name, 1, "x")
            order = range(keys) if value else reversed(range(keys))
            rows = list(order)
            for number in range(rounds):
                await write(
                    writer, batch(*((1, key / 60, value + number) for key in rows), sender=sender)
                )
            running.cancel()
            await asyncio.wait([running])

    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    await asyncio.gather(collect("a", 0.0), collect("b", 1000.0))
    assert await owner.fetchval(deadlocks) == 0
    assert await owner.fetchval("SELECT count(*) FROM readings") == keys
    # every write but the first of each key replaced exactly one value
    replaced = await owner.fetchval("SELECT count(*) FROM reading_revisions")
    assert replaced == keys * (2 * rounds - 1)
    # and each value was replaced once, but for the one that stands
    assert (
        await owner.fetchval(
            "SELECT count(*) FROM (SELECT DISTINCT channel_id, at, value FROM reading_revisions"
            " UNION SELECT channel_id, at, value FROM readings) AS seen"
        )
        == keys * 2 * rounds
    )
