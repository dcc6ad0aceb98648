"""Commands to monitors over the routes: asking, following, cancelling, hostile input."""

import asyncio
import csv
import io
import json
from typing import Any

import asyncpg
import pytest

from deploy.local.database import Database
from schemas.commands import COMMANDS, State
from service.api.commands import MAX_OPEN
from tests.database.caller import Caller
from tests.database.monitors import OTHER, Station, add_station

CLAIM = "SELECT command_id FROM device_commands WHERE state = 'waiting' FOR UPDATE SKIP LOCKED"


@pytest.fixture
async def station(owner: asyncpg.Connection, caller: Caller) -> Station:
    await caller.become("administrator")
    return await add_station(owner, 1, version="2017")


async def ask(caller: Caller, station: Station, cn: str = "1011", **more: Any) -> dict[str, Any]:
    answer = await caller.post(f"/monitors/{station.mn}/commands", {"cn": cn, **more})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_command_is_asked_for_and_waits(
    caller: Caller, station: Station, owner: asyncpg.Connection
) -> None:
    asked = await ask(caller, station, "1062", parameters={"RtdInterval": 60}, valid_for_s=30)
    assert (asked["state"], asked["cn"], asked["mn"]) == ("waiting", "1062", station.mn)
    assert (asked["parameters"], asked["name_en"]) == (
        {"RtdInterval": 60}, COMMANDS["1062"].en,
    )  # fmt: skip
    row = await owner.fetchrow("SELECT * FROM device_commands")
    assert row is not None
    assert (row["device_id"], json.loads(row["parameters"])) == (
        station.device_id, {"RtdInterval": 60},
    )  # fmt: skip
    assert (row["expires_at"] - row["requested_at"]).total_seconds() == 30
    assert (await caller.get(f"/commands/{asked['id']}")).json() == asked
    detail = json.loads(await owner.fetchval("SELECT detail FROM audit_log"))
    assert detail["cn"] == "1062"


async def test_asking_wakes_the_collector(db: Database, caller: Caller, station: Station) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(db.ingest)
    await listener.add_listener("commands", lambda *_: heard.put_nowait("commands"))
    await ask(caller, station)
    async with asyncio.timeout(10):
        assert await heard.get() == "commands"
    await listener.close()


async def test_answers_are_told_with_their_meaning(
    caller: Caller, station: Station, owner: asyncpg.Connection
) -> None:
    asked = await ask(caller, station)
    await owner.execute(
        "UPDATE device_commands SET state = 'failed', request_return = 1, execution_return = 77,"
        """ finished_at = now(), reply = '{"SystemTime": "20261122080000"}'"""
    )
    told = (await caller.get(f"/commands/{asked['id']}")).json()
    assert told["request_return"] == {"code": 1, "zh": "准备执行请求", "en": "ready"}
    assert told["execution_return"] == {"code": 77, "zh": None, "en": None}
    assert told["reply"] == {"SystemTime": "20261122080000"}


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        pytest.param({"cn": "1002"}, 422, "bad_command", id="not in the catalogue"),
        pytest.param({"cn": "1062", "parameters": {"RtdInterval": 5}}, 422, "bad_command",
                     id="a value out of bounds"),
        pytest.param({"cn": "3012", "parameters": {"PolId": "a24088"}}, 422, "unconfirmed",
                     id="it moves the instrument"),
        pytest.param({"cn": "3022", "parameters": {"PolId": "a24088"}, "confirm": True}, 409,
                     "wrong_version", id="of another version"),
        pytest.param({"cn": "1011", "valid_for_s": 9}, 422, "invalid", id="too short a time"),
        pytest.param({"cn": "1011", "valid_for_s": 10**9}, 422, "invalid", id="too long a time"),
        pytest.param({"cn": "1011", "parameters": {"PolId": "\x00"}}, 422, "bad_command",
                     id="NUL in a value"),
        pytest.param({"cn": "1011", "parameters": {"\x00": "x"}}, 422, "bad_command",
                     id="NUL in a name"),
        pytest.param({"cn": "1011", "parameters": {"PolId": {"a": {"b": []}}}}, 422, "invalid",
                     id="nested"),
        pytest.param({"cn": "1011", "parameters": {"x" * 1000: 1}}, 422, "invalid",
                     id="a long name"),
        pytest.param({"cn": "1011", "parameters": {str(n): n for n in range(11)}}, 422, "invalid",
                     id="many names"),
        pytest.param({"cn": "1011", "parameters": {"PolId": "a" * 1_000_000}}, 422, "bad_command",
                     id="a long value"),
        pytest.param({"cn": "1011", "x": 1}, 422, "invalid", id="a field that is not there"),
        pytest.param([], 422, "invalid", id="no object"),
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_is_refused(
    caller: Caller, station: Station, owner: asyncpg.Connection, document: Any, status: int,
    code: str,
) -> None:  # fmt: skip
    answer = await caller.post(f"/monitors/{station.mn}/commands", document)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail_zh"]
    assert len(answer.content) < 5_000
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"cn": "\\ud800"}', id="half a surrogate"),
        pytest.param(b'{"cn": "1011", "parameters": {"\\ud800": 1}}', id="in a name"),
        pytest.param(b'{"cn": "1011", "parameters": {"PolId": "\\ud800"}}', id="in a value"),
        pytest.param(b'{"a":' * 200_000, id="nested for ever"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b'{"cn": NaN}', id="not a number"),
    ],
)
async def test_a_hostile_document_is_refused(caller: Caller, station: Station, body: bytes) -> None:
    answer = await caller.client.post(
        f"/monitors/{station.mn}/commands",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in {400, 422}


async def test_what_moves_the_instrument_goes_with_a_confirmation(
    caller: Caller, station: Station
) -> None:
    asked = await ask(caller, station, "3012", parameters={"PolId": "a24088"}, confirm=True)
    assert asked["state"] == "waiting"


async def test_a_password_never_comes_back(
    caller: Caller, station: Station, owner: asyncpg.Connection
) -> None:
    asked = await ask(caller, station, "1072", parameters={"NewPW": "s3cr3t"}, confirm=True)
    kept = await owner.fetchval("SELECT parameters FROM device_commands")
    assert json.loads(kept) == {"NewPW": "s3cr3t"}  # for the collector
    paths = ("/commands", "/commands?format=csv", f"/commands/{asked['id']}")
    told = [json.dumps(asked), *[(await caller.get(path)).text for path in paths]]
    told.append((await caller.delete(f"/commands/{asked['id']}")).text)
    told.append(str(await owner.fetch("SELECT detail FROM audit_log")))
    told.append(await owner.fetchval("SELECT parameters FROM device_commands"))  # not needed now
    assert not any("s3cr3t" in text for text in told)


async def test_a_device_has_no_more_open_commands_than_it_may(
    caller: Caller, station: Station, owner: asyncpg.Connection
) -> None:
    path = f"/monitors/{station.mn}/commands"
    answers = await asyncio.gather(
        *(caller.post(path, {"cn": "1011"}) for _ in range(MAX_OPEN + 5))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * MAX_OPEN + [409] * 5
    await owner.execute("UPDATE device_commands SET expires_at = now() WHERE command_id % 2 = 0")
    assert (await caller.post(path, {"cn": "1011"})).status_code == 201


async def test_one_that_waits_is_cancelled_once(caller: Caller, station: Station) -> None:
    asked = await ask(caller, station)
    cancelled = (await caller.delete(f"/commands/{asked['id']}")).json()
    assert cancelled["state"] == "cancelled"
    assert cancelled["finished_at"]
    again = await caller.delete(f"/commands/{asked['id']}")
    assert (again.status_code, again.json()["code"]) == (409, "not_waiting")


@pytest.mark.parametrize("state", sorted(set(State) - {State.WAITING}))
async def test_one_that_waits_no_more_is_not_cancelled(
    caller: Caller, station: Station, owner: asyncpg.Connection, state: str
) -> None:
    asked = await ask(caller, station)
    await owner.execute("UPDATE device_commands SET state = $1", state)
    assert (await caller.delete(f"/commands/{asked['id']}")).status_code == 409
    assert await owner.fetchval("SELECT state FROM device_commands") == state


async def test_one_that_is_being_sent_is_not_cancelled(
    caller: Caller, station: Station, pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    asked = await ask(caller, station)
    async with pool.acquire() as collector, collector.transaction():
        assert await collector.fetchval(CLAIM) == asked["id"]
        async with asyncio.timeout(10):  # refused at once, not after the sending
            assert (await caller.delete(f"/commands/{asked['id']}")).status_code == 409
        await collector.execute("UPDATE device_commands SET state = 'sent', sent_at = now()")
    assert (await caller.delete(f"/commands/{asked['id']}")).status_code == 409
    assert await owner.fetchval("SELECT state FROM device_commands") == "sent"


async def test_a_command_is_either_sent_or_cancelled(
    caller: Caller, station: Station, pool: asyncpg.Pool
) -> None:
    asked = [(await ask(caller, station))["id"] for _ in range(MAX_OPEN)]

    async def send() -> set[int]:
        sent: set[int] = set()
        for _ in asked:
            async with pool.acquire() as collector, collector.transaction():
                command = await collector.fetchval(f"{CLAIM} LIMIT 1")
                if command is not None:
                    await collector.execute(
                        "UPDATE device_commands SET state = 'sent' WHERE command_id = $1", command
                    )
                    sent.add(command)
        return sent

    async def cancel() -> set[int]:
        gone = set()
        for command in reversed(asked):
            if (await caller.delete(f"/commands/{command}")).status_code == 200:
                gone.add(command)
        return gone

    sent, gone = await asyncio.gather(send(), cancel())
    assert not sent & gone
    states = {item["id"]: item["state"] for item in await caller.items("/commands")}
    assert {command for command, state in states.items() if state == "sent"} == sent
    assert {command for command, state in states.items() if state == "cancelled"} == gone


async def test_pages_of_commands_join_while_others_are_asked_for(
    caller: Caller, station: Station
) -> None:
    asked = [(await ask(caller, station))["id"] for _ in range(5)]
    page = (await caller.get("/commands", limit=2)).json()
    seen = [item["id"] for item in page["items"]]
    await ask(caller, station)
    while page["next"] is not None:
        page = (await caller.get("/commands", limit=2, cursor=page["next"])).json()
        seen += [item["id"] for item in page["items"]]
    assert seen == asked[::-1]


async def test_commands_are_filtered_and_come_as_a_table(
    caller: Caller, station: Station, owner: asyncpg.Connection
) -> None:
    other = await add_station(owner, 2, county=OTHER)
    first = await ask(caller, station)
    second = await ask(caller, other)
    await caller.delete(f"/commands/{second['id']}")
    assert [i["id"] for i in await caller.items("/commands", state="waiting")] == [first["id"]]
    assert [i["id"] for i in await caller.items("/commands", mn=other.mn)] == [second["id"]]
    answer = await caller.get("/commands", format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["id"] for row in rows] == [str(second["id"]), str(first["id"])]


async def test_who_may_ask_and_who_may_look(
    caller: Caller, station: Station, owner: asyncpg.Connection
) -> None:
    asked = await ask(caller, station)
    path = f"/monitors/{station.mn}/commands"
    await caller.become("operator")
    assert (await caller.get(f"/commands/{asked['id']}")).status_code == 200
    assert (await caller.post(path, {"cn": "1011"})).status_code == 403
    assert (await caller.delete(f"/commands/{asked['id']}")).status_code == 403
    for role, enterprise in (("regulator", None), ("enterprise", station.uscc)):
        await caller.become(role, "", enterprise)
        assert (await caller.get("/commands")).status_code == 403
        assert (await caller.post(path, {"cn": "1011"})).status_code == 403
    await caller.become("administrator", OTHER)
    assert await caller.items("/commands") == []
    assert (await caller.get(f"/commands/{asked['id']}")).status_code == 404
    assert (await caller.post(path, {"cn": "1011"})).status_code == 404
    assert (await caller.delete(f"/commands/{asked['id']}")).status_code == 404
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 1


async def test_the_catalogue_is_listed(caller: Caller, station: Station) -> None:
    listed = {item["cn"]: item for item in await caller.items("/commands/catalogue")}
    assert listed.keys() == COMMANDS.keys()
    assert listed["1062"]["parameters"][0]["accepts"] == "30…3600"
    assert listed["1064"]["parameters"][0]["accepts"] == "1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30"


@pytest.mark.parametrize(
    "path",
    [
        "/commands/0",
        f"/commands/{2**63}",
        "/commands/x",
        "/commands?state=lost",
        "/commands?cursor=WzFlNDAwXQ==",
        "/commands?cursor=WyIxIl0=",
        "/commands?mn=%00",
    ],
)
async def test_hostile_questions_get_an_answer(caller: Caller, station: Station, path: str) -> None:
    answer = await caller.get(path)
    assert answer.status_code == 422
    assert answer.json()["detail_zh"]
