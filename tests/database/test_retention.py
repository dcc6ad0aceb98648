"""What is older than it is kept is dropped, table by table."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service import retention
from service.settings import Settings
from service.store.engine import Engine
from tests.database.monitors import add_station

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = Settings(
    database="postgresql://unused",
    retention_days=100,
    rollup_retention_days=200,
    frame_retention_days=30,
    rejected_retention_days=100,
)
OLD, NEW = NOW - timedelta(days=400), NOW - timedelta(days=10)
ROWS = {  # one at an instant; all hypertables, and what is deleted by row
    "readings": "(channel_id, at, value, quality) VALUES (1, $1, 1, 0)",
    "accepted_frames": "(received_at, mn, source, frame) VALUES ($1, 'MN', '127.0.0.1', '##')",
    "usage_15m": "(channel_id, at, amount, measured_s, flags) VALUES (1, $1, 1, 900, 0)",
    "usage_daily": "(channel_id, day, amount, measured_s, flags)"
    " VALUES (1, CAST($1 AS timestamptz)::date, 1, 900, 0)",
    "emissions_hourly": "(outlet_id, at, quantity, measured_s, valid)"
    " VALUES (1, $1, 'nmhc', 3600, true)",
    "rejected_payloads": "(collector, sender, reason, detail, payload, payload_bytes, digest,"
    " first_received_at, last_received_at)"
    " VALUES ('http', 'x', 'bad_json', '', '', 0, sha256(CAST($1 AS text)::bytea), $1, $1)",
}


@pytest.fixture
async def aged(owner: asyncpg.Connection) -> asyncpg.Connection:
    for table, values in ROWS.items():
        for instant in (OLD, NEW):
            statement = f"INSERT INTO {table} {values}"
            if table == "rejected_payloads":
                statement = statement.replace("CAST($1 AS text)", f"'{instant}'")
            await owner.execute(statement, instant)
    return owner


async def test_old_condition_marks_are_deleted(owner: asyncpg.Connection, engine: Engine) -> None:
    station = await add_station(owner, 1)
    for instant in (OLD, NEW):
        await owner.execute(
            "INSERT INTO condition_marks (device_id, wire_code, at, mark)"
            " VALUES ($1, 'p99101', $2, 'St')",
            station.device_id,
            instant,
        )
    await retention.drop_old(engine, SETTINGS, NOW)
    assert await owner.fetchval("SELECT array_agg(at) FROM condition_marks") == [NEW]


async def test_frames_of_an_unknown_monitor_wait_for_a_day(
    owner: asyncpg.Connection, engine: Engine
) -> None:
    for reason, hours in (("unknown_mn", 23), ("unknown_mn", 25), ("wrong_pw", 25)):
        await owner.execute(
            "INSERT INTO rejected_payloads (collector, sender, reason, detail, payload,"
            " payload_bytes, digest, last_received_at)"
            " VALUES ('hj212', $1, $2, '', '', 0, sha256(convert_to($1, 'UTF8')), $3)",
            f"{reason}{hours}",
            reason,
            NOW - timedelta(hours=hours),
        )
    await retention.drop_old(engine, SETTINGS, NOW)
    left = await owner.fetch("SELECT sender FROM rejected_payloads ORDER BY 1")
    assert [row[0] for row in left] == ["unknown_mn23", "wrong_pw25"]


async def counted(owner: asyncpg.Connection) -> dict[str, int]:
    return {table: await owner.fetchval(f"SELECT count(*) FROM {table}") for table in ROWS}


async def test_only_what_is_too_old_is_dropped(aged: asyncpg.Connection, engine: Engine) -> None:
    dropped = await retention.drop_old(engine, SETTINGS, NOW)

    assert dropped == dict.fromkeys(set(ROWS) - {"rejected_payloads"}, 1)
    assert await counted(aged) == dict.fromkeys(ROWS, 1)
    assert await retention.drop_old(engine, SETTINGS, NOW) == dict.fromkeys(dropped, 0)


async def test_a_table_that_is_locked_costs_the_others_nothing(
    aged: asyncpg.Connection, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with aged.transaction():
        await aged.execute("LOCK TABLE usage_15m IN ACCESS EXCLUSIVE MODE")
        dropped = await retention.drop_old(engine, SETTINGS, NOW)

    assert "nothing of usage_15m was dropped" in caplog.text
    assert dropped == dict.fromkeys(set(ROWS) - {"rejected_payloads", "usage_15m"}, 1)
