"""The live feed: ids in order of commit, and no gap for whoever resumes."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress

import asyncpg
import pytest

from deploy.local.database import Database
from schemas.locks import Lock
from service.feed import Feed
from service.store.engine import Engine
from tests.registry import COUNTY, add_county

EVERYWHERE = [""]


async def append(
    connection: asyncpg.Connection, county: str = COUNTY, *, locked: bool = True
) -> int:
    """Append an event as the service does, or without the lock that keeps ids in order."""
    if locked:
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", int(Lock.EVENTS))
    event = await connection.fetchval(
        "INSERT INTO alert_events (county_code, kind, as_of, body)"
        " VALUES ($1, 'change', now(), '{}') RETURNING event_id",
        county,
    )
    await connection.execute("NOTIFY alert_events")
    return int(event)


@pytest.fixture
async def feed(engine: Engine, db: Database, owner: asyncpg.Connection) -> AsyncIterator[Feed]:
    await add_county(owner)
    feed = Feed(engine, db.service)
    task = asyncio.create_task(feed.run())
    yield feed
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def take(
    feed: Feed, last: int | None, count: int, regions: Sequence[str] = EVERYWHERE
) -> list[int]:
    """Return the ids of the first events that a subscriber receives."""
    ids: list[int] = []
    async with asyncio.timeout(10), aclosing(feed.after(last, regions, None)) as events:
        async for event in events:
            ids.append(event.event_id)
            if len(ids) == count:
                break
    return ids


async def test_a_subscriber_receives_what_is_committed(
    feed: Feed, owner: asyncpg.Connection
) -> None:
    receiving = asyncio.create_task(take(feed, None, 3))
    await asyncio.sleep(0.3)
    sent = [await append(owner, locked=False) for _ in range(3)]
    assert await receiving == sent


async def test_a_subscriber_resumes_after_the_last_it_saw(
    feed: Feed, owner: asyncpg.Connection
) -> None:
    sent = [await append(owner, locked=False) for _ in range(5)]
    assert await take(feed, sent[1], 3) == sent[2:]


async def test_a_gap_older_than_memory_comes_from_the_table(
    feed: Feed, owner: asyncpg.Connection
) -> None:
    sent = [await append(owner, locked=False) for _ in range(50)]
    while not feed.ready:
        await asyncio.sleep(0.02)
    feed._events.clear()  # as after a restart with much behind it
    feed._complete_after = sent[-1]
    assert await take(feed, sent[9], 40) == sent[10:]


async def test_an_id_from_the_future_is_taken_for_now(
    feed: Feed, owner: asyncpg.Connection
) -> None:
    await append(owner, locked=False)
    receiving = asyncio.create_task(take(feed, 10**12, 1))
    await asyncio.sleep(0.3)
    sent = await append(owner, locked=False)
    assert await receiving == [sent]


async def test_a_subscriber_sees_its_region_only(feed: Feed, owner: asyncpg.Connection) -> None:
    await add_county(owner, "620602")
    receiving = asyncio.create_task(take(feed, None, 1, ["620602"]))
    await asyncio.sleep(0.3)
    await append(owner, COUNTY, locked=False)
    there = await append(owner, "620602", locked=False)
    assert await receiving == [there]


async def writers(db: Database, *, locked: bool) -> None:
    """Append from several transactions that commit in another order than they began."""

    async def write(number: int) -> None:
        connection = await asyncpg.connect(db.owner)
        for turn in range(15):
            async with connection.transaction():
                await append(connection, locked=locked)
                await asyncio.sleep(0.001 * ((number * 7 + turn * 3) % 11))
        await connection.close()

    await asyncio.gather(*(write(number) for number in range(8)))


async def follow(db: Database, until: int) -> list[int]:
    """Poll as a reader does who asks for what is later than the last it saw."""
    connection = await asyncpg.connect(db.owner)
    seen: list[int] = []
    for _ in itertools.count():
        committed = await connection.fetchval("SELECT count(*) FROM alert_events")
        rows = await connection.fetch(
            "SELECT event_id FROM alert_events WHERE event_id > $1 ORDER BY event_id",
            seen[-1] if seen else 0,
        )
        seen += [row[0] for row in rows]
        if committed == until:  # before this look
            break
    await connection.close()
    return seen


async def test_no_reader_skips_an_event_of_a_later_commit(
    db: Database, owner: asyncpg.Connection, feed: Feed
) -> None:
    receiving = asyncio.create_task(take(feed, 0, 120))
    polling = asyncio.create_task(follow(db, 120))
    await writers(db, locked=True)
    all_ids = [row[0] for row in await owner.fetch("SELECT event_id FROM alert_events ORDER BY 1")]
    assert len(all_ids) == 120
    assert await polling == all_ids
    assert await receiving == all_ids


async def test_without_the_lock_a_reader_would_skip_events(
    db: Database, owner: asyncpg.Connection
) -> None:
    """The control: it is the lock, taken before the id is drawn, that keeps the order."""
    await add_county(owner)
    polling = asyncio.create_task(follow(db, 120))
    await writers(db, locked=False)
    assert len(await polling) < 120
