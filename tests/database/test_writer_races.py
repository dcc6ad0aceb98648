"""What others commit between the statements of a merge, forced to happen exactly there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from deploy.local.database import Database
from ingest import merge
from ingest.commit import commit, prepare
from ingest.group import gather
from ingest.registry import Batch, Sender

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INSERT = "INSERT INTO readings (channel_id, at, value, quality) VALUES ($1, $2, $3, 0)"
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'"

Fates = Coroutine[Any, Any, list[int]]


@dataclass(slots=True)
class Race:
    """One that merges, another whose transaction is open, and one that watches."""

    mine: asyncpg.Connection
    other: asyncpg.Connection
    owner: asyncpg.Connection

    async def write(self, *values: float) -> list[int]:
        """Write a value for each minute; returns the fates."""
        at = [round((START + place * MINUTE).timestamp() * 1e6) for place in range(len(values))]
        batch = Batch(Sender("mine", 1, "x"), [1] * len(at), at, list(values), [0] * len(at))
        return list((await commit(self.mine, gather([batch]))).tolist())

    async def insert(self, minute: int, value: float) -> None:
        await self.other.execute(INSERT, 1, START + minute * MINUTE, value)

    async def blocked(self) -> None:
        """Return as soon as the one that merges waits for the other."""
        for _ in range(400):
            if await self.owner.fetchval(BLOCKED, self.mine.get_server_pid()):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody waits")

    async def readings(self) -> list[float]:
        rows = await self.owner.fetch("SELECT value FROM readings ORDER BY channel_id, at")
        return [row[0] for row in rows]

    async def trail(self) -> list[float]:
        rows = await self.owner.fetch("SELECT value FROM reading_revisions ORDER BY revision_id")
        return [row[0] for row in rows]


@pytest.fixture
async def race(db: Database, owner: asyncpg.Connection) -> AsyncIterator[Race]:
    mine, other = await asyncpg.connect(db.ingest), await asyncpg.connect(db.owner)
    await prepare(mine)
    race = Race(mine, other, owner)
    await race.insert(0, 1.0)
    yield race
    await mine.close()
    await other.close()


STORED, DUPLICATE, REVISED = 0, 1, 2


@pytest.mark.parametrize(
    ("meanwhile", "fates", "stands", "trail"),
    [
        pytest.param(
            lambda race: race.insert(1, 9.0),
            [DUPLICATE, REVISED, STORED], [1.0, 2.0, 3.0], [9.0],
            id="another value for a key that was not there is revised",
        ),
        pytest.param(
            lambda race: race.insert(1, 2.0),
            [DUPLICATE, DUPLICATE, STORED], [1.0, 2.0, 3.0], [],
            id="the same value for a key that was not there is a duplicate",
        ),
    ],
)  # fmt: skip
async def test_a_key_that_another_inserts_between_look_and_copy(
    race: Race,
    meanwhile: Callable[[Race], Coroutine[Any, Any, None]],
    fates: list[int],
    stands: list[float],
    trail: list[float],
) -> None:
    transaction = race.other.transaction()
    await transaction.start()
    await meanwhile(race)  # not committed: the look does not see it, the copy waits for it
    writing = asyncio.create_task(race.write(1.0, 2.0, 3.0))
    await race.blocked()
    await transaction.commit()
    assert await writing == fates
    assert await race.readings() == stands
    assert await race.trail() == trail


async def test_a_row_that_another_removes_between_look_and_lock(race: Race) -> None:
    await race.insert(1, 5.0)
    transaction = race.other.transaction()
    await transaction.start()
    await race.other.execute("DELETE FROM readings WHERE at = $1", START + MINUTE)
    writing = asyncio.create_task(race.write(1.0, 2.0))
    await race.blocked()
    await transaction.commit()
    assert await writing == [DUPLICATE, STORED]
    assert await race.readings() == [1.0, 2.0]
    assert await race.trail() == []


async def test_the_look_goes_by_the_index_past_the_planners_knowledge(race: Race) -> None:
    """New rows are beyond all statistics; for one expected row the planner would walk a chunk."""
    await race.owner.execute(
        "INSERT INTO readings (channel_id, at, value, quality)"
        " SELECT 2, $1::timestamptz + n * interval '1 minute', 1, 0"
        " FROM generate_series(1, 5000) AS n",
        START - 6000 * MINUTE,
    )
    await race.owner.execute("ANALYZE readings")
    async with race.mine.transaction():
        await race.mine.execute(
            "INSERT INTO staging SELECT $1::timestamptz, 1, n, 0, n"
            " FROM generate_series(1, 2000) AS n",
            START,
        )
        await race.mine.execute(merge.PREPARE)
        plan = await race.mine.fetch(f"EXPLAIN {merge.FIND}", START, START + MINUTE)
    shown = "\n".join(row[0] for row in plan)
    assert "Nested Loop Left Join" in shown
    assert "readings_pkey" in shown
