"""Rejected payloads are stored again after the registry was mended: once, and behind the newer."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from deploy.local.database import Database
from ingest.collectors import http, mqtt
from ingest.directory import Directory
from ingest.errors import Unavailable
from ingest.intake import Arrival, Intake
from ingest.keeper import Keeper
from ingest.limits import Limits
from ingest.replay import Replay, Replayer
from ingest.settings import Allowance
from ingest.writer import Writer
from service.store import replays
from service.store.engine import Engine
from service.store.rejected import Filter, Sight
from tests.registry import Plant, Spec, add_channel, add_plant

NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(days=1)
ALL = Sight(everything=True, unknown=True)
REPLAYERS: dict[str, Replayer] = {"http": http.replay, "mqtt": mqtt.replay}


def document(*values: float, device: str = "M-09", since: int = 0) -> bytes:
    items = [
        {
            "device": device,
            "quantity": "electricity",
            "at": (START + timedelta(hours=since + place)).isoformat(),
            "value": value,
        }
        for place, value in enumerate(values)
    ]
    return json.dumps({"readings": items}).encode()


@dataclass(slots=True)
class Line:
    """A plant whose senders speak, as two collectors do, and what replays what is refused."""

    owner: asyncpg.Connection
    engine: Engine
    plant: Plant
    directory: Directory
    intake: Intake
    replay: Replay

    async def send(self, payload: bytes, collector: str = "mqtt") -> Any:
        if collector == "mqtt":
            sender = await self.directory.account(self.plant.uscc)
        else:
            sender = await self.directory.client(self.plant.key)
        [answer] = await self.intake.take(collector, [Arrival(sender, payload)])
        return answer

    async def register(self, device: str = "M-09") -> int:
        return await add_channel(self.owner, self.plant.enterprise_id, Spec(), device)

    async def request(self, **wanted: Any) -> int:
        async with self.engine.begin() as connection:
            made = await replays.request(connection, "test", Filter(**wanted), ALL)
        return int(made["replay_id"])

    async def replayed(self, **wanted: Any) -> dict[str, Any]:
        replay_id = await self.request(**wanted)
        while await self.replay.advance():
            pass
        return await self.outcome(replay_id)

    async def outcome(self, replay_id: int) -> dict[str, Any]:
        async with self.engine.begin() as connection:
            found = await replays.one(connection, replay_id)
        assert found is not None
        return found

    async def readings(self, channel: int) -> list[float]:
        rows = await self.owner.fetch(
            "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at", channel
        )
        return [row[0] for row in rows]

    async def trail(self) -> list[tuple[float, str]]:
        rows = await self.owner.fetch(
            "SELECT value, replaced_by FROM reading_revisions ORDER BY revision_id"
        )
        return [tuple(row) for row in rows]

    async def rejected(self) -> list[tuple[str, int]]:
        rows = await self.owner.fetch(
            "SELECT reason, occurrences, payload FROM rejected_payloads ORDER BY payload_id"
        )
        return [(row[0], len(json.loads(row[2])["readings"])) for row in rows]


@pytest.fixture
async def line(
    db: Database, owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine
) -> AsyncIterator[Line]:
    plant = await add_plant(owner)
    directory = Directory(db.ingest, timedelta(days=365), Limits(Allowance()))
    writer = Writer(pool, 100_000)
    intake = Intake(directory, writer, Keeper(pool), pool, 1 << 26)
    replay = Replay(db.ingest, pool, directory, REPLAYERS)
    tasks = [asyncio.create_task(directory.run()), asyncio.create_task(writer.run())]
    while not directory.ready:
        await asyncio.sleep(0.01)
    await directory.refresh()
    yield Line(owner, engine, plant, directory, intake, replay)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def counts(replay: dict[str, Any], *names: str) -> list[int]:
    return [replay[name] for name in names]


@pytest.mark.parametrize("collector", ["mqtt", "http"])
async def test_what_was_refused_is_stored_once_the_device_is_registered(
    line: Line, collector: str
) -> None:
    await line.send(document(1, 2, 3), collector)
    channel = await line.register()
    replay = await line.replayed(reason="unknown_device")
    assert counts(replay, "payloads", "stored", "removed", "still_rejected") == [1, 3, 1, 0]
    assert replay["finished_at"] is not None
    assert await line.readings(channel) == [1, 2, 3]
    assert await line.rejected() == []
    assert await line.owner.fetchval("SELECT count(*) FROM changed_stretches") == 1


async def test_what_is_refused_still_stays_with_its_reason_of_today(line: Line) -> None:
    body = json.loads(document(1, 2))
    body["readings"] += json.loads(document(5, device="M-10"))["readings"]
    body["readings"][1]["quantity"] = "coal_tar"
    await line.send(json.dumps(body).encode())
    assert await line.rejected() == [("unknown_device", 3)]
    channel = await line.register()
    replay = await line.replayed(sender=line.plant.uscc)
    assert counts(replay, "stored", "removed", "still_rejected") == [1, 0, 1]
    assert replay["reasons"] == {"unknown_device": 1, "unknown_quantity": 1}
    assert await line.readings(channel) == [1]
    assert sorted(await line.rejected()) == [("unknown_device", 1), ("unknown_quantity", 1)]


async def test_a_payload_that_nothing_changes_for_keeps_its_row(line: Line) -> None:
    await line.send(document(1, 2))
    before = await line.owner.fetchrow("SELECT * FROM rejected_payloads")
    replay = await line.replayed(reason="unknown_device")
    assert counts(replay, "stored", "removed", "still_rejected") == [0, 0, 1]
    assert await line.owner.fetchrow("SELECT * FROM rejected_payloads") == before


async def test_the_last_received_wins_among_what_is_replayed(line: Line) -> None:
    for value in (1.0, 2.0, 3.0):
        await line.send(document(value))
    channel = await line.register()
    replay = await line.replayed(reason="unknown_device")
    assert counts(replay, "stored", "superseded", "removed") == [1, 2, 3]
    assert await line.readings(channel) == [3]
    by = f"stored before the replay of {line.plant.uscc}"
    assert await line.trail() == [(2, by), (1, by)]


async def test_what_was_accepted_since_is_not_overwritten(line: Line) -> None:
    await line.send(document(1, 7, 3))
    channel = await line.register()
    await line.directory.refresh()
    assert (await line.send(document(10, 7))).outcome.stored == 2
    replay = await line.replayed(reason="unknown_device")
    assert counts(replay, "stored", "duplicate", "superseded") == [1, 1, 1]
    assert await line.readings(channel) == [10, 7, 3]
    assert await line.trail() == [(1, f"stored before the replay of {line.plant.uscc}")]
    assert await line.rejected() == []


async def test_a_sender_whose_key_is_revoked_stays_refused(line: Line) -> None:
    await line.send(document(1), "http")
    await line.owner.execute("UPDATE clients SET revoked_at = now()")
    channel = await line.register()
    replay = await line.replayed(reason="unknown_device")
    assert replay["reasons"] == {"unknown_sender": 1}
    assert await line.rejected() == [("unknown_sender", 1)]
    assert await line.readings(channel) == []


async def test_cut_and_foreign_payloads_are_left_as_they_are(line: Line) -> None:
    await line.owner.execute("""
        INSERT INTO rejected_payloads
            (collector, sender, reason, detail, payload, payload_bytes, digest)
        VALUES ('mqtt', 'x', 'too_large', '', 'x', 9000000, 'a'),
               ('no such', 'x', 'malformed', '', 'x', 1, 'b')
    """)
    replay = await line.replayed(sender="x")
    assert replay["reasons"] == {"cut": 1, "no_replayer": 1}
    assert counts(replay, "still_rejected", "removed") == [2, 0]
    reasons = await line.owner.fetch("SELECT reason FROM rejected_payloads ORDER BY digest")
    assert [row[0] for row in reasons] == ["too_large", "malformed"]


async def test_a_payload_that_was_purged_meanwhile_is_gone(line: Line) -> None:
    await line.send(document(1))
    replay_id = await line.request(reason="unknown_device")
    await line.owner.execute("DELETE FROM rejected_payloads")
    while await line.replay.advance():
        pass
    assert counts(await line.outcome(replay_id), "gone", "still_rejected") == [1, 0]


async def test_a_crash_between_write_and_settling_changes_nothing(
    db: Database, pool: asyncpg.Pool, line: Line
) -> None:
    """The connection that settles dies after the second payload was written."""
    for value in (1.0, 2.0, 3.0):
        await line.send(document(value, value + 10))
    channel = await line.register()
    tried: list[bytes] = []

    async def dying(intake: Intake, sender: str, payload: bytes) -> Any:
        answer = await mqtt.replay(intake, sender, payload)
        tried.append(payload)
        if len(tried) == 2:
            await line.owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE state = 'idle in transaction' AND datname = current_database()"
            )
        return answer

    replay_id = await line.request(reason="unknown_device")
    killed = Replay(db.ingest, pool, line.directory, {"mqtt": dying})
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await killed.advance()
    assert len(tried) >= 2
    assert len(await line.rejected()) == 3
    while await line.replay.advance():
        pass
    replay = await line.outcome(replay_id)
    assert counts(replay, "removed", "still_rejected", "gone") == [3, 0, 0]
    assert await line.readings(channel) == [3, 13]
    values = [value for value, _ in await line.trail()]
    assert sorted(values) == [1, 2, 11, 12]
    assert await line.rejected() == []


async def test_a_store_that_is_away_is_waited_for(line: Line, pool: asyncpg.Pool) -> None:
    await line.send(document(1))
    channel = await line.register()
    failures = [Unavailable("away")]

    async def failing(intake: Intake, sender: str, payload: bytes) -> Any:
        if failures:
            raise failures.pop()
        return await mqtt.replay(intake, sender, payload)

    replay_id = await line.request(reason="unknown_device")
    replay = Replay("", pool, line.directory, {"mqtt": failing})
    assert await replay.advance()
    assert "away" in (await line.outcome(replay_id))["error"]
    assert (await line.outcome(replay_id))["finished_at"] is None
    while await replay.advance():
        pass
    assert (await line.outcome(replay_id))["error"] is None
    assert await line.readings(channel) == [1]


async def test_a_payload_that_makes_the_decoder_fail_is_left(
    line: Line, pool: asyncpg.Pool
) -> None:
    await line.send(document(1))

    async def broken(_intake: Intake, _sender: str, _payload: bytes) -> Any:
        raise ZeroDivisionError

    replay_id = await line.request(reason="unknown_device")
    replay = Replay("", pool, line.directory, {"mqtt": broken})
    while await replay.advance():
        pass
    assert (await line.outcome(replay_id))["reasons"] == {"failed": 1}
    assert await line.rejected() == [("unknown_device", 1)]


async def test_many_processes_share_replays_one_at_a_time(
    db: Database, pool: asyncpg.Pool, line: Line
) -> None:
    for value in range(120):
        await line.send(document(float(value)))
    channel = await line.register()
    under_way: list[int] = [0, 0]  # now, at most

    async def watched(intake: Intake, sender: str, payload: bytes) -> Any:
        under_way[0] += 1
        under_way[1] = max(under_way)
        try:
            return await mqtt.replay(intake, sender, payload)
        finally:
            under_way[0] -= 1

    requests = [await line.request(reason="unknown_device") for _ in range(2)]
    processes = [Replay(db.ingest, pool, line.directory, {"mqtt": watched}) for _ in range(3)]

    await asyncio.gather(
        *(_until_finished(process, line.engine, requests) for process in processes)
    )
    assert under_way[1] == 1
    first, second = [await line.outcome(request) for request in requests]
    assert counts(first, "removed", "stored", "superseded", "gone") == [120, 1, 119, 0]
    assert counts(second, "removed", "gone") == [0, 120]
    assert await line.readings(channel) == [119]


async def _until_finished(process: Replay, engine: Engine, requests: Sequence[int]) -> None:
    while True:
        await process.advance()
        async with engine.begin() as connection:
            found = [await replays.one(connection, request) for request in requests]
        if all(replay is not None and replay["finished_at"] for replay in found):
            return


async def test_the_worker_hears_of_a_request(line: Line) -> None:
    await line.send(document(1))
    channel = await line.register()
    working = asyncio.create_task(line.replay.run())
    replay_id = await line.request(reason="unknown_device")
    while not (await line.outcome(replay_id))["finished_at"]:
        await asyncio.sleep(0.02)
    working.cancel()
    await asyncio.wait([working])
    assert await line.readings(channel) == [1]
