"""HJ 212 over real sockets: what a monitor is answered, and what is then in the tables."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.access import ROLES, Grant
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import EVERYWHERE, make_engine
from tests.end_to_end.conftest import Site
from tests.monitors import Line, Site212, add_monitor, local, packet
from tests.registry import Plant

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
PATIENCE_S = 15.0


CODES = (("SB1", "running_state", "instant"), ("ga0601", "oxygen", "instant"))


@pytest.fixture
async def monitor(owner: asyncpg.Connection, plant: Plant) -> Site212:
    monitor = await add_monitor(owner, plant, wire_codes=CODES)
    await asyncio.sleep(0.3)  # the registry reaches the collector by NOTIFY
    return monitor


@pytest.fixture
async def line(site: Site) -> AsyncIterator[Line]:
    line = await Line.open(site.hj212_port)
    yield line
    await line.close()


async def values(owner: asyncpg.Connection, channel: int) -> list[tuple[datetime, float, int]]:
    rows = await owner.fetch(
        "SELECT at, value, quality FROM readings WHERE channel_id = $1 ORDER BY at", channel
    )
    return [tuple(row) for row in rows]


async def eventually(what: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not wanted(found := await what()):
            await asyncio.sleep(0.1)
    return found


async def test_an_answer_means_committed(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    sent = packet(
        monitor.mn, "2011", f"DataTime={local(HOUR)};a24088-Rtd=12.5,a24088-Flag=N", at=HOUR
    )
    await line.send(sent)
    answer = await line.next()
    assert await values(owner, monitor.channels["nmhc", "instant"]) == [(HOUR, 12.5, 0)]
    qn = sent.decode().partition("QN=")[2][:17]
    assert answer == (f"QN={qn};ST=91;CN=9014;PW=123456;MN={monitor.mn};Flag=4;CP=&&&&")
    frames = await owner.fetch(
        "SELECT frame, source FROM accepted_frames WHERE mn = $1", monitor.mn
    )
    assert [(row["frame"], row["source"]) for row in frames] == [(sent[:-2], "127.0.0.1")]


async def test_statistics_of_one_clock_time_are_different_channels(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    contents = {
        "2011": "a24088-Rtd=1",
        "2051": "a24088-Avg=2",
        "2061": "a24088-Avg=3,a24088-ZsAvg=4",
        "2031": "a24088-Avg=5",
    }
    for cn, content in contents.items():
        await line.send(packet(monitor.mn, cn, f"DataTime={local(HOUR)};{content}", at=HOUR))
        assert "CN=9014" in await line.next()
    found = {
        statistic: [value for _, value, _ in await values(owner, channel)]
        for (quantity, statistic), channel in monitor.channels.items()
        if quantity == "nmhc"
    }
    assert found == {
        "instant": [1.0],
        "minute.mean": [2.0],
        "hour.mean": [3.0],
        "hour.mean_corrected": [4.0],
        "day.mean": [5.0],
    }


@pytest.mark.parametrize(("flag", "quality"), [("N", 0), ("M", 2), ("S", 4), ("D", 2), ("Q", 1)])
async def test_flags_become_qualities(
    line: Line, monitor: Site212, owner: asyncpg.Connection, flag: str, quality: int
) -> None:
    content = f"DataTime={local(HOUR)};a24088-Rtd=0,a24088-Flag={flag}"
    await line.send(packet(monitor.mn, "2011", content, at=HOUR))
    await line.next()
    assert await values(owner, monitor.channels["nmhc", "instant"]) == [(HOUR, 0.0, quality)]


async def test_states_and_private_codes_find_their_channels(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    await line.send(packet(monitor.mn, "2021", f"DataTime={local(HOUR)};SB1-RS=1", at=HOUR))
    await line.send(packet(monitor.mn, "2011", f"DataTime={local(HOUR)};ga0601-Rtd=8.5", at=HOUR))
    assert "CN=9014" in await line.next()
    assert "CN=9014" in await line.next()
    assert await values(owner, monitor.channels["SB1", "instant"]) == [(HOUR, 1.0, 0)]
    assert await values(owner, monitor.channels["ga0601", "instant"]) == [(HOUR, 8.5, 0)]


async def test_a_code_without_a_channel_is_seen_with_its_last_value(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    for minute, value in enumerate((1.0, 2.0)):
        at = HOUR + timedelta(minutes=minute)
        await line.send(
            packet(monitor.mn, "2011", f"DataTime={local(at)};a99999-Rtd={value}", at=at)
        )
        assert "CN=9014" in await line.next()
    row = await eventually(
        lambda: owner.fetchrow("SELECT * FROM unmapped_codes WHERE sender = $1", monitor.mn),
        lambda row: row is not None and row["occurrences"] == 2,
    )
    assert (row["wire_code"], row["statistic"], row["last_value"]) == ("a99999", "instant", 2.0)


async def test_a_bad_crc_is_silence_and_the_good_frame_behind_it_counts(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    good = packet(monitor.mn, "2011", f"DataTime={local(HOUR)};a24088-Rtd=2", at=HOUR)
    bad = packet(monitor.mn, "2011", f"DataTime={local(HOUR)};a24088-Rtd=1", at=HOUR)
    await line.send(bad.replace(b"Rtd=1", b"Rtd=7") + good)
    assert good.decode()[6:26] in await line.next()
    assert await line.is_silent()
    assert [v for _, v, _ in await values(owner, monitor.channels["nmhc", "instant"])] == [2.0]
    kept = await owner.fetchval(
        "SELECT payload FROM rejected_payloads WHERE reason = 'bad_crc' AND source = '127.0.0.1'"
        " ORDER BY payload_id DESC LIMIT 1"
    )
    assert kept == bad.replace(b"Rtd=1", b"Rtd=7")[:-2]


async def test_a_frame_cut_into_single_bytes_is_one_frame(line: Line, monitor: Site212) -> None:
    sent = packet(monitor.mn, "2011", f"DataTime={local(HOUR)};a24088-Rtd=2", at=HOUR)
    for byte in sent:
        await line.send(bytes([byte]))
    assert "CN=9014" in await line.next()


async def test_many_frames_at_once_are_all_answered_in_order(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    frames = [
        packet(monitor.mn, "2011", f"DataTime={local(at)};a24088-Rtd={second}", at=at)
        for second in range(500)
        if (at := HOUR + timedelta(seconds=second))
    ]
    await line.send(b"".join(frames))
    answers = [await line.next() for _ in frames]
    assert [answer[3:20] for answer in answers] == [f.decode()[9:26] for f in frames]
    assert len(await values(owner, monitor.channels["nmhc", "instant"])) == 500


async def test_heartbeats_restarts_and_the_line_are_in_the_link_table(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    await line.send(packet(monitor.mn, "9015", "", at=now - timedelta(seconds=30), flag=9))
    assert "CN=9013" in await line.next()
    restarted = f"DataTime={local(now)};RestartTime={local(HOUR)}"
    await line.send(packet(monitor.mn, "2081", restarted, at=now - timedelta(seconds=30)))
    assert "CN=9014" in await line.next()
    row = await eventually(
        lambda: owner.fetchrow(
            "SELECT * FROM device_links WHERE device_id = $1", monitor.device_id
        ),
        lambda row: row is not None and row["restarted_at"] is not None,
    )
    assert row["restarted_at"] == HOUR
    assert row["connected_since"] <= row["last_frame_at"]
    assert row["last_heartbeat_at"] is not None
    assert -33 < row["clock_skew_s"] < -28
    assert (row["source"], row["frames"], row["verdict"]) == ("127.0.0.1", 2, "stored")
    await line.close()
    await eventually(
        lambda: owner.fetchval(
            "SELECT connected_since IS NULL FROM device_links WHERE device_id = $1",
            monitor.device_id,
        ),
        bool,
    )


async def test_conditions_in_letters_are_kept_as_marks(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    content = f"DataTime={local(HOUR)};p99101-Rtd=St;p99102-Rtd=N"
    await line.send(packet(monitor.mn, "2011", content, at=HOUR, flag=9, st="45"))
    assert "CN=9014" in await line.next()
    rows = await owner.fetch(
        "SELECT wire_code, at, mark FROM condition_marks WHERE device_id = $1 ORDER BY 1",
        monitor.device_id,
    )
    assert [tuple(row) for row in rows] == [("p99101", HOUR, "St"), ("p99102", HOUR, "N")]


async def test_split_packets_are_stored_and_answered_one_by_one(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    second = packet(
        monitor.mn, "2061", f"DataTime={local(HOUR)};a00000-Avg=9", at=HOUR, flag=7,
        extra="PNUM=2;PNO=2;",
    )  # fmt: skip
    first = packet(
        monitor.mn, "2061", f"DataTime={local(HOUR)};a24088-Avg=8", at=HOUR, flag=7,
        extra="PNUM=2;PNO=1;",
    )  # fmt: skip
    for part in (second, first):
        await line.send(part)
        assert part.decode()[9:26] in await line.next()
    assert await values(owner, monitor.channels["gas_flow", "hour.mean"]) == [(HOUR, 9.0, 0)]
    assert await values(owner, monitor.channels["nmhc", "hour.mean"]) == [(HOUR, 8.0, 0)]


async def test_frames_of_an_unknown_mn_wait_and_are_stored_once_it_is_registered(
    line: Line, plant: Plant, owner: asyncpg.Connection
) -> None:
    probe = await add_monitor(owner, plant)
    await owner.execute("UPDATE devices SET mn = NULL WHERE device_id = $1", probe.device_id)
    await asyncio.sleep(0.3)
    for minute in range(3):
        at = HOUR + timedelta(minutes=minute)
        content = f"DataTime={local(at)};a24088-Rtd={minute}"
        await line.send(packet(probe.mn, "2011", content, at=at))
        assert "CN=9014" in await line.next()
    waiting = "SELECT count(*) FROM rejected_payloads WHERE sender = $1 AND source = '127.0.0.1'"
    assert await owner.fetchval(waiting, probe.mn) == 3
    await owner.execute(
        "UPDATE devices SET mn = $2 WHERE device_id = $1", probe.device_id, probe.mn
    )
    await eventually(lambda: owner.fetchval(waiting, probe.mn), lambda count: count == 0)
    stored = await values(owner, probe.channels["nmhc", "instant"])
    assert [value for _, value, _ in stored] == [0.0, 1.0, 2.0]


async def test_a_locked_monitor_is_taken_from_its_address_and_with_its_pw_only(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    async def send(pw: str) -> str:
        content = f"DataTime={local(HOUR)};a24088-Rtd=1"
        await line.send(packet(monitor.mn, "2011", content, at=HOUR, pw=pw))
        return await line.next()

    await send("123456")
    learnt = await eventually(
        lambda: owner.fetchrow(
            "SELECT * FROM monitor_bindings WHERE device_id = $1", monitor.device_id
        ),
        lambda row: row is not None,
    )
    assert (learnt["password"], learnt["addresses"], learnt["locked"]) == (
        "123456", ["127.0.0.1/32"], False,
    )  # fmt: skip
    await owner.execute(
        "UPDATE monitor_bindings SET locked = true WHERE device_id = $1", monitor.device_id
    )
    await asyncio.sleep(0.3)
    await owner.execute(
        "DELETE FROM readings WHERE channel_id = ANY($1)", list(monitor.channels.values())
    )
    await send("654321")
    reasons = "SELECT reason FROM rejected_payloads WHERE sender = $1 ORDER BY payload_id"
    assert [row[0] for row in await owner.fetch(reasons, monitor.mn)] == ["wrong_pw"]
    await owner.execute(
        "UPDATE monitor_bindings SET addresses = '{10.0.0.0/8}' WHERE device_id = $1",
        monitor.device_id,
    )
    await asyncio.sleep(0.3)
    await send("123456")
    found = [row[0] for row in await owner.fetch(reasons, monitor.mn)]
    assert found == ["wrong_pw", "wrong_address"]
    assert await values(owner, monitor.channels["nmhc", "instant"]) == []


async def test_items_that_cannot_be_read_keep_the_frame_and_the_good_values(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    content = f"DataTime={local(HOUR)};a24088-Rtd=x;a00000-Rtd=5"
    await line.send(packet(monitor.mn, "2011", content, at=HOUR))
    assert "CN=9014" in await line.next()
    assert await values(owner, monitor.channels["gas_flow", "instant"]) == [(HOUR, 5.0, 0)]
    kept = "SELECT reason FROM rejected_payloads WHERE sender = $1"
    assert await owner.fetchval(kept, monitor.mn) == "not_number"


async def test_no_answer_while_the_store_is_away_and_one_after_sending_again(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    sent = packet(monitor.mn, "2011", f"DataTime={local(HOUR)};a24088-Rtd=4", at=HOUR)
    await owner.execute("ALTER TABLE readings RENAME TO away")
    await line.send(sent)
    assert await line.is_silent()
    await owner.execute("ALTER TABLE away RENAME TO readings")
    await line.send(sent)
    assert "CN=9014" in await line.next()
    assert [v for _, v, _ in await values(owner, monitor.channels["nmhc", "instant"])] == [4.0]


async def test_the_clock_is_set_when_a_monitor_asks(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    await line.send(packet(monitor.mn, "1013", "PolId=a24088", at=now))
    assert "CN=9013" in await line.next()
    await line.send(packet(monitor.mn, "2011", f"DataTime={local(HOUR)};a24088-Rtd=4", at=now))
    assert "CN=9014" in await line.next()
    request = await line.next()
    assert "CN=1012" in request
    assert f"CP=&&SystemTime={local(now)[:10]}" in request
    qn = request[3:20]
    await line.send(packet(monitor.mn, "9011", "QnRtn=1", at=now, qn=qn, st="91", flag=4))
    await line.send(packet(monitor.mn, "9012", "ExeRtn=1", at=now, qn=qn, st="91", flag=4))
    row = await eventually(
        lambda: owner.fetchrow(
            "SELECT * FROM device_commands WHERE device_id = $1", monitor.device_id
        ),
        lambda row: row["finished_at"] is not None,
    )
    assert (row["state"], row["request_return"], row["execution_return"]) == ("done", 1, 1)
    assert (row["requested_by"], row["attempts"], row["qn"]) == ("device", 1, qn)


async def test_a_command_reaches_its_monitor_and_its_reply_is_kept(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    await line.send(packet(monitor.mn, "2011", f"DataTime={local(HOUR)};a24088-Rtd=4", at=now))
    await line.next()
    command = await owner.fetchval(
        "INSERT INTO device_commands (device_id, cn, parameters, requested_by, expires_at)"
        " VALUES ($1, '1061', '{}', 'test', now() + INTERVAL '1 minute') RETURNING command_id",
        monitor.device_id,
    )
    request = await line.next()
    qn = request[3:20]
    assert f"ST=31;CN=1061;PW=123456;MN={monitor.mn};Flag=5;CP=&&&&" in request
    await line.send(packet(monitor.mn, "9011", "QnRtn=1", at=now, qn=qn, st="91", flag=4))
    await line.send(packet(monitor.mn, "1061", "RtdInterval=30", at=now, qn=qn, flag=4))
    await line.send(packet(monitor.mn, "9012", "ExeRtn=1", at=now, qn=qn, st="91", flag=4))
    row = await eventually(
        lambda: owner.fetchrow("SELECT * FROM device_commands WHERE command_id = $1", command),
        lambda row: row["finished_at"] is not None,
    )
    assert row["state"] == "done"
    assert json.loads(row["reply"]) == {"RtdInterval": "30"}


async def test_accepted_frames_are_read_again_once_a_code_has_its_channel(
    line: Line, monitor: Site212, owner: asyncpg.Connection, site: Site
) -> None:
    content = f"DataTime={local(HOUR)};a24088-Rtd=1.5;ga0701-Rtd=760"
    await line.send(packet(monitor.mn, "2011", content, at=HOUR))
    assert "CN=9014" in await line.next()
    channel = await owner.fetchval(
        "INSERT INTO channels (device_id, quantity, statistic, kind, role, label,"
        " expected_interval_s, hold_s, in_service_from, wire_code) VALUES ($1, 'gas_temperature',"
        " 'instant', 'gauge', 'condition', 'start', 60, 900, '2020-01-01', 'ga0701')"
        " RETURNING channel_id",
        monitor.device_id,
    )
    settings = Settings(database=site.db.service)
    app = make_app(settings)
    engine = make_engine(site.db.service, "test", region=EVERYWHERE)
    async with engine.begin() as connection:
        grants = [Grant("", domain, verb) for domain, verb in ROLES["administrator"]]
        key = await clients.create(connection, f"administrator {monitor.mn}", None, grants)
    await engine.dispose()
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url="http://api", headers={"Authorization": f"Bearer {key}"}
        ) as client,
    ):
        now = datetime.now(UTC)
        asked = {"mn": monitor.mn, "from": (now - timedelta(hours=1)).isoformat(),
                 "to": (now + timedelta(minutes=1)).isoformat()}  # fmt: skip
        made = await client.post("/api/v1/frames/replay", json=asked)
        assert made.status_code == 202, made.text
        url = f"/api/v1/rejected-payloads/replays/{made.json()['id']}"
        shown = await eventually(
            lambda: _json(client, url), lambda found: found["state"] == "finished"
        )
    assert (shown["payloads"], shown["stored"], shown["duplicate"]) == (1, 1, 1)
    assert await values(owner, channel) == [(HOUR, 760.0, 0)]
    assert not await owner.fetchval(
        "SELECT count(*) FROM rejected_payloads WHERE sender = $1", monitor.mn
    )


async def _json(client: httpx.AsyncClient, url: str) -> Any:
    return (await client.get(url)).json()
