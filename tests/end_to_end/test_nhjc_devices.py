"""End devices against the real line: registered once, stored when told so, mapped later."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from ingest.commit import prepare
from ingest.directory import Directory
from ingest.exchange import replay
from ingest.intake import Answer, Intake
from ingest.keeper import Keeper
from ingest.limits import Limits
from ingest.settings import Allowance
from ingest.writer import Writer
from schemas.access import ROLES, Grant
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import EVERYWHERE, make_engine
from tests.end_device import BEIJING, WIRE_CODE, EndDevice, item
from tests.end_to_end.conftest import Site
from tests.registry import Plant, Spec, add_channel, add_end_device

NOW = datetime.now(UTC).replace(microsecond=0)
MONTH = NOW.astimezone(BEIJING).replace(day=1, hour=0, minute=0, second=0)
SUCCESS = {"responseCode": "0", "responseMessage": "RECEIVE SUCCESS"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


@pytest.fixture
async def stranger() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at another address."""
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


@pytest.fixture
async def device(
    client: httpx.AsyncClient, site: Site, plant: Plant, owner: asyncpg.Connection
) -> EndDevice:
    """A registered device whose code is mapped to the plant's first channel."""
    await owner.execute(
        "UPDATE channels SET wire_code = $1 WHERE channel_id = $2", WIRE_CODE, plant.channels[0]
    )
    await add_end_device(owner, plant)
    device = EndDevice(client, site.nhjc, plant.uscc)
    assert (await device.register())["responseCode"] == "0"
    return device


async def values(owner: asyncpg.Connection, channel: int) -> list[float]:
    rows = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at", channel
    )
    return [row[0] for row in rows]


async def kept(owner: asyncpg.Connection, device: EndDevice) -> list[tuple[Any, ...]]:
    rows = await owner.fetch(
        "SELECT reason, occurrences, payload FROM rejected_payloads WHERE sender = $1"
        " ORDER BY payload_id",
        f"{device.uscc}/M-01",
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("cipher", ["none", "sm4"])
async def test_register_check_upload(
    client: httpx.AsyncClient, site: Site, plant: Plant, owner: asyncpg.Connection, cipher: str
) -> None:
    await owner.execute(
        "UPDATE channels SET wire_code = $1 WHERE channel_id = $2", WIRE_CODE, plant.channels[0]
    )
    await add_end_device(owner, plant, cipher=cipher, reg_version="7")
    device = EndDevice(client, site.nhjc, plant.uscc)
    answer = await device.register()
    assert {name: answer[name] for name in SUCCESS} == SUCCESS
    assert len(bytes.fromhex(answer["deviceId"])) == 16
    assert answer["centerDataURL"] == "https://nhjc.example/base/uploadEnergyData"
    assert "01:00:00" <= answer["uploadTime"] <= "05:00:00"
    assert ("secretKey" in answer) == (cipher == "sm4")
    version = await device.ask("loadDicVersionURL")
    assert version == {**SUCCESS, "regVersion": "7", "dicVersion": "1"}
    uploaded = await device.upload(item(12.5, NOW))
    assert (uploaded.status_code, uploaded.json()) == (200, SUCCESS)
    assert await values(owner, plant.channels[0]) == [12.5]
    assert (await device.ask("loadConfigURL"))["responseCode"] == "0"


async def test_an_identity_is_given_again_to_its_address_only(
    device: EndDevice, stranger: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    first = dict(device.answer)
    assert await device.register() == first
    answer = await EndDevice(stranger, device.url, device.uscc).register()
    assert answer["responseCode"] == "1"
    assert "127.0.0.2" in answer["responseMessage"]
    assert "deviceId" not in answer
    row = await owner.fetchrow(
        "SELECT refused_from, registered_from FROM nhjc_devices WHERE device_key = $1",
        first["deviceId"],
    )
    assert tuple(row) == ("127.0.0.2", "127.0.0.1")


@pytest.mark.parametrize(
    ("opened", "sentence"),
    [
        pytest.param(None, "未开放", id="never opened"),
        pytest.param({"window": "-1 minute"}, "未开放", id="too late"),
        pytest.param({"addresses": ["10.0.0.0/8"]}, "127.0.0.1", id="from elsewhere"),
    ],
)
async def test_nobody_registers_who_is_not_expected(
    client: httpx.AsyncClient,
    site: Site,
    plant: Plant,
    owner: asyncpg.Connection,
    opened: dict[str, Any] | None,
    sentence: str,
) -> None:
    if opened is not None:
        await add_end_device(owner, plant, **opened)
    answer = await EndDevice(client, site.nhjc, plant.uscc).register()
    assert answer["responseCode"] == "1"
    assert sentence in answer["responseMessage"]
    answer = await EndDevice(client, site.nhjc, "91620623MA99999990").register()
    assert "未登记的企业" in answer["responseMessage"]


async def test_devices_that_ask_together_get_one_identity(
    client: httpx.AsyncClient, site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    await add_end_device(owner, plant, addresses=["127.0.0.0/8"], cipher="sm4")
    askers = [EndDevice(client, site.nhjc, plant.uscc) for _ in range(8)]
    answers = await asyncio.gather(*(asker.register() for asker in askers))
    assert len({(answer["deviceId"], answer["secretKey"]) for answer in answers}) == 1


async def test_two_devices_behind_one_address_are_told_apart_by_their_path(
    client: httpx.AsyncClient, site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    await add_channel(owner, plant.enterprise_id, Spec(device="网关 2"), "M-02")
    await add_end_device(owner, plant)
    await add_end_device(owner, plant, "网关 2")
    device = EndDevice(client, site.nhjc, plant.uscc)
    assert "设备编号" in (await device.register())["responseMessage"]
    first, second = await device.register("M-01"), await device.register("网关 2")
    assert first["deviceId"] != second["deviceId"]


async def test_hour_day_and_month_of_one_code_are_apart(
    device: EndDevice, plant: Plant, owner: asyncpg.Connection
) -> None:
    def spec(period: str) -> Spec:
        return Spec(
            statistic=f"{period}.total",
            kind="amount",
            role="check",
            unit="万kWh",
            label="start",
            device="M-01",
            wire_code=WIRE_CODE,
        )

    channels = {0: plant.channels[0]}
    for kind, period in ((1, "day"), (2, "month"), (3, "year")):
        channels[kind] = await add_channel(owner, plant.enterprise_id, spec(period), "M-01")
    await asyncio.sleep(0.2)  # the registry reaches the collector by NOTIFY
    items = [item(10.0 + kind, MONTH, stat_type=kind) for kind in channels]
    assert (await device.upload(*items)).json() == SUCCESS
    found = {kind: await values(owner, channel) for kind, channel in channels.items()}
    assert found == {0: [10], 1: [11], 2: [12], 3: [13]}


async def test_a_code_reaches_the_meter_that_carries_it(
    device: EndDevice, plant: Plant, owner: asyncpg.Connection
) -> None:
    """One end device sends for all meters; a code that two of them carry is nobody's."""
    code = "02-00-0000-023300-21"
    spec = Spec(
        statistic="hour.total", kind="amount", label="start", wire_code=code.replace("-", "")
    )
    channel = await add_channel(owner, plant.enterprise_id, spec, "M-07")
    await asyncio.sleep(0.2)  # the registry reaches the collector by NOTIFY
    assert (await device.upload(item(8, MONTH, code))).json() == SUCCESS
    assert await values(owner, channel) == [8]
    await add_channel(owner, plant.enterprise_id, spec, "M-08")
    await asyncio.sleep(0.2)
    assert (await device.upload(item(9, MONTH, code))).json() == SUCCESS
    assert await values(owner, channel) == [8]
    assert [reason for reason, _, _ in await kept(owner, device)] == ["ambiguous_statistic"]


async def test_good_items_are_stored_and_the_others_kept(
    device: EndDevice, plant: Plant, owner: asyncpg.Connection
) -> None:
    items = [
        item(1, NOW),
        item("--", NOW),
        item(2, NOW + timedelta(days=2)),
        item(3, NOW - timedelta(minutes=1), valid=0),
        item(4, NOW - timedelta(minutes=2), inputType="5"),
        item(5, NOW - timedelta(minutes=3), statDate="yesterday"),
    ]
    for _ in range(2):  # sent again it is the same
        assert (await device.upload(*items)).json() == SUCCESS
    assert await values(owner, plant.channels[0]) == [4, 3, 1]
    qualities = await owner.fetch(
        "SELECT quality FROM readings WHERE channel_id = $1 ORDER BY at", plant.channels[0]
    )
    assert [row[0] for row in qualities] == [4, 2, 0]  # manual, bad, good
    refused = await kept(owner, device)
    assert {(reason, times) for reason, times, _ in refused} == {
        ("not_number", 2), ("bad_field", 2), ("future_time", 2),
    }  # fmt: skip
    assert not any(device.answer["deviceId"].encode() in payload for _, _, payload in refused)


async def test_another_enterprises_data_are_refused(
    device: EndDevice, plant: Plant, owner: asyncpg.Connection
) -> None:
    body = device.document(item(1, NOW)) | {"enterpriseCode": "91620602MA0000002X"}
    answer = (await device.post(device.at("centerDataURL"), body)).json()
    assert answer["responseCode"] == "1"
    assert "不符" in answer["responseMessage"]
    del body["enterpriseCode"]
    assert (await device.post(device.at("centerDataURL"), body)).json()["responseCode"] == "1"
    assert {reason for reason, _, _ in await kept(owner, device)} == {"wrong_enterprise"}
    assert await values(owner, plant.channels[0]) == []


async def test_nobody_uploads_without_an_identity(device: EndDevice) -> None:
    body = device.document(item(1, NOW)) | {"deviceId": "0" * 32}
    answer = (await device.post(device.at("centerDataURL"), body)).json()
    assert answer["responseCode"] == "1"
    assert "重新注册" in answer["responseMessage"]


async def test_a_wrong_key_is_told_and_what_was_sent_is_kept(
    client: httpx.AsyncClient, site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    await add_end_device(owner, plant, cipher="sm4")
    device = EndDevice(client, site.nhjc, plant.uscc)
    await device.register()
    device.answer["secretKey"] = "00" * 16
    await device.upload(item(1, NOW))
    answer = (await device.upload(item(1, NOW))).json()
    assert answer["responseCode"] == "1"
    assert answer["responseMessage"].startswith("解密失败")
    [(reason, times, _)] = await kept(owner, device)
    assert (reason, times) == ("decrypt_failed", 2)


DEEP = b'{"data": ' + b"[" * 200_000


@pytest.mark.parametrize(
    ("payload", "headers", "sentence"),
    [
        pytest.param(b"", {}, "JSON", id="empty"),
        pytest.param(b'{"deviceId":"KEY","data":[{"dataValue":NaN}]}', {}, "NaN", id="NaN"),
        pytest.param(DEEP, {}, "JSON", id="nested 200,000 deep"),
        pytest.param(
            '{"deviceId":"KEY","enterpriseCode":"电"}'.encode("gbk"), {}, "UTF-8", id="GBK"
        ),
        pytest.param(b'"' + b"x" * 9_000_000 + b'"', {}, "8 MiB", id="too large"),
        pytest.param(b"{}", {"Content-Encoding": "br"}, "gzip", id="unknown encoding"),
        pytest.param(b"{}", {"Content-Encoding": "gzip"}, "gzip", id="no gzip"),
        pytest.param(
            gzip.compress(bytes(70_000_000)), {"Content-Encoding": "gzip"}, "64 MiB", id="a bomb"
        ),
        pytest.param(b'{"deviceId":"KEY","enterpriseCode":"USCC"}', {}, "data", id="no items"),
        pytest.param(b'{"deviceId":"KEY","enterpriseCode":"a\\u0000b"}', {}, "不符", id="NUL"),
    ],
)
async def test_hostile_uploads_are_told_what_is_wrong(
    device: EndDevice, payload: bytes, headers: dict[str, str], sentence: str
) -> None:
    payload = payload.replace(b"KEY", device.answer["deviceId"].encode())
    payload = payload.replace(b"USCC", device.uscc.encode())
    url = device.at("centerDataURL")
    answer = await device.client.post(url, content=payload, headers=headers)
    assert (answer.status_code, answer.json()["responseCode"]) == (200, "1")
    assert sentence in answer.json()["responseMessage"]
    packed = gzip.compress(json.dumps(device.document(item(1, NOW))).encode())
    answer = await device.client.post(url, content=packed, headers={"Content-Encoding": "gzip"})
    assert answer.json() == SUCCESS


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"enterprise": {"name": "演示企业"}}, "0", id="as it is"),
        pytest.param({"enterprise": "\0"}, "1", id="NUL"),
        pytest.param({"deep": json.loads("[" * 400 + "]" * 400)}, "0", id="deep"),
    ],
)
async def test_what_a_device_says_of_itself_is_kept(
    device: EndDevice, plant: Plant, owner: asyncpg.Connection, body: dict[str, Any], code: str
) -> None:
    answer = await device.ask("centerInfoURL", enterpriseCode=plant.uscc, **body)
    assert answer["responseCode"] == code
    found = await owner.fetchval(
        "SELECT body FROM nhjc_documents JOIN devices USING (device_id) WHERE enterprise_id = $1",
        plant.enterprise_id,
    )
    assert (found is not None) == (code == "0")
    assert found is None or device.answer["deviceId"] not in found


@pytest.fixture
async def api(site: Site, owner: asyncpg.Connection) -> AsyncIterator[httpx.AsyncClient]:
    """The API with an administrator's key, on the same database."""
    engine = make_engine(site.db.service, "test", region=EVERYWHERE)
    grants = [Grant("", domain, verb) for domain, verb in ROLES["administrator"]]
    async with engine.begin() as connection:
        key = await clients.create(connection, f"administrator {NOW.timestamp()}", None, grants)
    await engine.dispose()
    app = make_app(Settings(database=site.db.service))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://qingyu/api/v1",
            headers={"Authorization": f"Bearer {key}"},
        ) as client,
    ):
        yield client
    await owner.execute(
        "DELETE FROM grants; DELETE FROM client_keys WHERE client_id IN"
        " (SELECT client_id FROM clients WHERE enterprise_id IS NULL);"
        " DELETE FROM clients WHERE enterprise_id IS NULL"
    )


async def replayed(site: Site, sender: str) -> list[Any]:
    """Return what became of a sender's refused payloads when they were tried again."""
    async with asyncpg.create_pool(site.db.ingest, max_size=2, min_size=0, init=prepare) as pool:
        directory = Directory(site.db.ingest, timedelta(days=366), Limits(Allowance()))
        writer = Writer(pool, 1_000)
        intake = Intake(directory, writer, Keeper(pool), pool, 1_000_000)
        running = [asyncio.create_task(task) for task in (directory.run(), writer.run())]
        while not directory.ready or directory._read_at == 0:
            await asyncio.sleep(0.01)
        rows = await pool.fetch("SELECT payload FROM rejected_payloads WHERE sender = $1", sender)
        answers = [await replay(intake, sender, row[0]) for row in rows]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return answers


async def test_an_unknown_code_waits_until_it_is_mapped(
    device: EndDevice, plant: Plant, owner: asyncpg.Connection, site: Site, api: httpx.AsyncClient
) -> None:
    code, sender = "01-00-0000-023300-21", f"{plant.uscc}/M-01"
    hours = [NOW - timedelta(hours=h) for h in range(3)]
    assert (
        await device.upload(*(item(7 + h, at, code) for h, at in enumerate(hours)))
    ).json() == SUCCESS
    config = {"collectItemConfig": [{"dataCode": code, "name": "1# 炉用电"}, "noise"]}
    await device.ask("centerInfoURL", enterpriseCode=plant.uscc, **config)
    listed = (await api.get("/unmapped-codes", params={"enterprise": plant.uscc})).json()["items"]
    [row] = listed
    assert (row["sender"], row["wire_code"], row["statistic"]) == (
        sender,
        code.replace("-", ""),
        "instant",
    )
    assert (row["last_value"], row["occurrences"], row["name"]) == (7, 3, "1# 炉用电")
    assert row["suggestion"]["quantity"] == "electricity"
    assert row["suggestion"]["confirmed"] is False
    chosen = {
        "collector": "nhjc",
        "sender": sender,
        "wire_code": row["wire_code"],
        "statistic": "instant",
    }
    answer = await api.post(
        "/unmapped-codes/map",
        json={
            **chosen,
            "quantity": "electricity",
            "channel_statistic": "hour.total",
            "unit": "万kWh",
            "in_service_from": (NOW - timedelta(days=1)).isoformat(),
        },
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["role"] == "consumption"
    assert (await api.get("/unmapped-codes", params={"enterprise": plant.uscc})).json()[
        "items"
    ] == []
    [replay_answer] = await replayed(site, sender)
    assert isinstance(replay_answer, Answer)
    assert replay_answer.outcome.stored == 3
    channel = await owner.fetchval(
        "SELECT channel_id FROM channels WHERE wire_code = $1", row["wire_code"]
    )
    assert await values(owner, channel) == [9, 8, 7]
    assert (await device.upload(item(70, hours[0], code))).json() == SUCCESS
    assert await values(owner, channel) == [9, 8, 70]
