"""What every collector keeps to: what its sender is told, and what is then in the tables."""

import asyncio
import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.contract.senders import SENDERS, Sender, Told, Value
from tests.end_to_end.conftest import Site
from tests.registry import Plant

AT_ONCE_S, PATIENCE_S = 3.0, 40.0
# Holds every commit of readings back until the lock is free: deferred, so it fires in COMMIT.
HOLD_COMMITS = """
    CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(212, 1);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON changed_stretches
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_commit();
"""
LET_COMMIT = "DROP TRIGGER hold_commit ON changed_stretches; DROP FUNCTION hold_commit()"
WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'qingyu-ingest' AND wait_event_type = 'Lock'
      AND datname = current_database()
"""


@pytest.fixture(params=SENDERS)
async def sender(
    request: pytest.FixtureRequest, site: Site, plant: Plant, owner: asyncpg.Connection
) -> AsyncIterator[Sender]:
    async with SENDERS[request.param](site, plant, owner) as sender:
        yield sender


@pytest.fixture
async def second(site: Site) -> AsyncIterator[asyncpg.Connection]:
    """Another connection of the owner's, to hold a lock with."""
    connection = await asyncpg.connect(site.db.owner)
    yield connection
    await connection.close()


async def stored(owner: asyncpg.Connection, plant: Plant) -> list[float]:
    rows = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at", plant.channels[0]
    )
    return [row[0] for row in rows]


async def revisions(owner: asyncpg.Connection, plant: Plant) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await owner.fetch(
        "SELECT value, replaced_by FROM reading_revisions WHERE channel_id = $1", plant.channels[0]
    )
    return found


async def until(owner: asyncpg.Connection, query: str) -> int:
    """Return what a query finds, as soon as it finds something."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := await owner.fetchval(query)) is None:
            await asyncio.sleep(0.02)
    return int(found)


async def until_told(
    sender: Sender, sending: asyncio.Task[Told], values: list[Value], unknown: list[Value]
) -> Told:
    """Send again, as a sender does, until something is told."""
    async with asyncio.timeout(PATIENCE_S):
        answer = await sending
        while answer is Told.NOTHING:
            await asyncio.sleep(0.5)
            answer = await sender.send(values, unknown)
    return answer


FIRST, SECOND = [(0, 1.0), (1, 2.0)], [(2, 3.0)]


async def test_stored(sender: Sender, plant: Plant, owner: asyncpg.Connection) -> None:
    assert await sender.send(FIRST + SECOND) is Told.STORED
    assert await stored(owner, plant) == [1, 2, 3]


async def test_duplicate(sender: Sender, plant: Plant, owner: asyncpg.Connection) -> None:
    assert await sender.send(FIRST) is Told.STORED
    assert await sender.send(FIRST + SECOND) is Told.STORED
    assert await stored(owner, plant) == [1, 2, 3]
    assert await revisions(owner, plant) == []


async def test_revised(sender: Sender, plant: Plant, owner: asyncpg.Connection) -> None:
    assert await sender.send(FIRST) is Told.STORED
    assert await sender.send([(0, 1.0), (1, 5.0)]) is Told.STORED
    assert await stored(owner, plant) == [1, 5]
    [old] = await revisions(owner, plant)
    assert old["value"] == 2
    assert old["replaced_by"] == sender.name


async def test_rejected(sender: Sender, plant: Plant, owner: asyncpg.Connection) -> None:
    """The good are stored, the others are kept, and nobody sends either again."""
    answer = await sender.send(FIRST, unknown=[(0, 77.25)])
    assert answer is (Told.REJECTED if sender.tells_rejected else Told.STORED)
    assert await stored(owner, plant) == [1, 2]
    [kept] = await owner.fetch(
        "SELECT reason, detail, payload FROM rejected_payloads WHERE sender = $1",
        sender.unknown_name,
    )
    assert kept["reason"].startswith("unknown_")
    assert kept["detail"]
    assert b"77.25" in kept["payload"]


async def test_unavailable_is_not_told_stored_until_it_is(
    sender: Sender, plant: Plant, owner: asyncpg.Connection
) -> None:
    await owner.execute("ALTER TABLE readings RENAME TO away")
    sending = asyncio.create_task(sender.send(FIRST))
    done, _ = await asyncio.wait([sending], timeout=AT_ONCE_S)
    assert not done or sending.result() is Told.NOTHING
    await owner.execute("ALTER TABLE away RENAME TO readings")
    assert await until_told(sender, sending, FIRST, []) is Told.STORED
    assert await stored(owner, plant) == [1, 2]


async def test_a_crash_before_the_commit_loses_nothing(
    sender: Sender,
    site: Site,
    plant: Plant,
    owner: asyncpg.Connection,
    second: asyncpg.Connection,
) -> None:
    """Killed in the middle of its transaction, which is then ended."""
    locked = second.transaction()
    await locked.start()
    await second.execute("LOCK TABLE readings IN SHARE MODE")
    sending = asyncio.create_task(sender.send(FIRST))
    backend = await until(owner, WAITING)
    site.ingest.kill()
    await owner.execute("SELECT pg_terminate_backend($1, 10000)", backend)
    await locked.rollback()
    assert await stored(owner, plant) == []
    site.ingest.start()
    await site.ingest.ready()
    assert await until_told(sender, sending, FIRST, []) is Told.STORED
    assert await stored(owner, plant) == [1, 2]


async def test_a_crash_after_the_commit_and_before_the_answer_doubles_nothing(
    sender: Sender,
    site: Site,
    plant: Plant,
    owner: asyncpg.Connection,
    second: asyncpg.Connection,
) -> None:
    """The commit is held back until the collector is stopped, so it can never learn of it."""
    await owner.execute(HOLD_COMMITS)
    await second.execute("SELECT pg_advisory_lock(212, 1)")
    sending = asyncio.create_task(sender.send(FIRST))
    await until(owner, WAITING)
    process = site.ingest.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    await second.execute("SELECT pg_advisory_unlock(212, 1)")
    await until(owner, f"SELECT 1 FROM readings WHERE channel_id = {plant.channels[0]}")
    site.ingest.kill()
    await owner.execute(LET_COMMIT)
    site.ingest.start()
    await site.ingest.ready()
    assert await until_told(sender, sending, FIRST, []) is Told.STORED
    assert await stored(owner, plant) == [1, 2]
    assert await revisions(owner, plant) == []
