"""Opening registrations and mapping codes: what an operator may do, and what is refused."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.local.database import Database
from ingest.keeper import Keeper, UnmappedCode
from schemas.access import ROLES, Grant
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import Engine
from tests.registry import COUNTY, Plant, Spec, add_plant

CODE = "0000000002330011"
AT = datetime(2026, 11, 1, tzinfo=UTC)
OTHER = "620602"


class Api:
    """The API, with a key for each role and region."""

    def __init__(self, client: httpx.AsyncClient, engine: Engine) -> None:
        self._client, self._engine = client, engine
        self._headers: dict[str, str] = {}

    async def become(self, role: str, region: str = "") -> None:
        grants = [Grant(region, domain, verb) for domain, verb in ROLES[role]]
        async with self._engine.begin() as connection:
            key = await clients.create(connection, f"{role} {region}", None, grants)
        self._headers = {"Authorization": f"Bearer {key}"}

    async def get(self, path: str, **asked: str) -> list[dict[str, Any]]:
        answer = await self._client.get(path, params=asked, headers=self._headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self._client.post(path, json=body, headers=self._headers)


@pytest.fixture
async def api(db: Database, engine: Engine) -> AsyncIterator[Api]:
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://qingyu/api/v1"
        ) as client:
            api = Api(client, engine)
            await api.become("administrator")
            yield api


@pytest.fixture
async def plant(owner: asyncpg.Connection) -> Plant:
    return await add_plant(owner, [Spec(), Spec(device="M-02")])


async def wait(
    pool: asyncpg.Pool, plant: Plant, statistic: str = "instant", code: str = CODE
) -> dict[str, str]:
    """Let a code wait; returns what names it."""
    sender = f"{plant.uscc}/M-01"
    await Keeper(pool).note("nhjc", sender, [UnmappedCode(code, statistic, AT, AT, 1.5, 2)])
    return {"collector": "nhjc", "sender": sender, "wire_code": code, "statistic": statistic}


AS_HOUR = {"quantity": "electricity", "unit": "万kWh", "channel_statistic": "hour.total"}
AS_DAY = {"quantity": "electricity", "unit": "万kWh"}


async def test_a_registration_is_opened_and_shows_no_secret(
    api: Api, plant: Plant, owner: asyncpg.Connection
) -> None:
    answer = await api.post(
        "/nhjc-devices",
        enterprise=plant.uscc,
        device="M-01",
        window_h=2,
        addresses=["10.1.2.3/16"],
        settings={"valid": {"0": "good", "1": "bad"}, "cipher": "sm4"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["addresses"] == ["10.1.0.0/16"]
    await owner.execute("UPDATE nhjc_devices SET device_key = $1", "ab" * 16)
    [row] = await api.get("/nhjc-devices", enterprise=plant.uscc)
    assert row["settings"]["cipher"] == "sm4"
    until = datetime.fromisoformat(row["open_until"]) - datetime.now(UTC)
    assert timedelta(hours=1) < until <= timedelta(hours=2)
    assert "ab" * 16 not in str(row)
    assert await owner.fetchval(
        "SELECT count(*) FROM audit_log WHERE action = 'open_nhjc_registration'"
    )
    await owner.execute("SET ROLE qingyu_service")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.fetch("SELECT device_key FROM nhjc_devices")


async def test_an_identity_is_renewed_only_when_asked(
    api: Api, plant: Plant, owner: asyncpg.Connection
) -> None:
    body = {"enterprise": plant.uscc, "device": "M-01"}
    await api.post("/nhjc-devices", **body)
    await owner.execute("UPDATE nhjc_devices SET device_key = 'k', learned = '10.0.0.1'")
    await api.post("/nhjc-devices", **body, window_h=0)
    assert await owner.fetchval("SELECT device_key FROM nhjc_devices") == "k"
    assert await owner.fetchval("SELECT open_until FROM nhjc_devices") is None
    await api.post("/nhjc-devices", **body, renew=True)
    row = await owner.fetchrow("SELECT device_key, learned FROM nhjc_devices")
    assert tuple(row) == (None, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"device": "M-99"}, 404, id="no such device"),
        pytest.param({"addresses": ["10.1.2.3/99"]}, 422, id="no network"),
        pytest.param({"window_h": 10_000}, 422, id="a window of a year"),
        pytest.param({"settings": {"valid": {"1": "fine"}}}, 422, id="no quality"),
        pytest.param({"settings": {"upload_time": "25:00:00"}}, 422, id="no time"),
        pytest.param({"settings": {"success_code": "ok"}}, 422, id="no number"),
        pytest.param({"settings": {"polarity": 1}}, 422, id="no such setting"),
    ],
)
async def test_a_registration_that_makes_no_sense_is_refused(
    api: Api, plant: Plant, body: dict[str, Any], status: int
) -> None:
    whole = {"enterprise": plant.uscc, "device": "M-01", **body}
    answer = await api.post("/nhjc-devices", **whole)
    assert answer.status_code == status
    assert answer.json()["detail_zh"]


async def test_only_an_administrator_of_the_region_opens_and_maps(
    api: Api, plant: Plant, pool: asyncpg.Pool
) -> None:
    key = await wait(pool, plant)
    opening = {"enterprise": plant.uscc, "device": "M-01"}
    for role, region, status in (("operator", "", 403), ("administrator", OTHER, 404)):
        await api.become(role, region)
        assert (await api.post("/nhjc-devices", **opening)).status_code == status
        assert (await api.post("/unmapped-codes/map", **key, **AS_HOUR)).status_code == status
    assert await api.get("/unmapped-codes") == []
    await api.become("operator", COUNTY)
    [row] = await api.get("/unmapped-codes", collector="nhjc")
    assert (row["enterprise"], row["device"]) == (plant.uscc, "M-01")


async def test_codes_of_unknown_senders_are_shown_to_who_sees_all(
    api: Api, pool: asyncpg.Pool
) -> None:
    await Keeper(pool).note("hj212", "MN-?", [UnmappedCode("w00000", "instant", AT, AT, 1, 1)])
    [row] = await api.get("/unmapped-codes")
    assert (row["sender"], row["enterprise"], row["suggestion"]) == ("MN-?", None, None)


async def test_the_newest_value_and_the_count_are_kept(
    api: Api, plant: Plant, pool: asyncpg.Pool
) -> None:
    await wait(pool, plant)
    sender, later, earlier = f"{plant.uscc}/M-01", AT + timedelta(days=1), AT - timedelta(days=1)
    for at, value in ((later, 7.0), (earlier, 3.0)):
        await Keeper(pool).note("nhjc", sender, [UnmappedCode(CODE, "instant", at, at, value, 1)])
    [row] = await api.get("/unmapped-codes")
    assert (row["last_value"], row["occurrences"]) == (7.0, 4)
    assert datetime.fromisoformat(row["last_at"]) == later


async def test_lists_of_codes_have_pages(api: Api, plant: Plant, pool: asyncpg.Pool) -> None:
    codes = [f"{n:016}" for n in range(5)]
    for code in codes:
        await wait(pool, plant, code=code)
    seen, cursor = [], None
    while True:
        asked = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        answer = await api._client.get("/unmapped-codes", params=asked, headers=api._headers)
        seen += [row["wire_code"] for row in answer.json()["items"]]
        if (cursor := answer.json()["next"]) is None:
            break
    assert seen == codes


async def channel(owner: asyncpg.Connection) -> asyncpg.Record:
    [row] = await owner.fetch(
        "SELECT d.code AS device, c.*, s.scale FROM channels AS c"
        " JOIN devices AS d USING (device_id) JOIN channel_settings AS s USING (channel_id)"
        " WHERE wire_code IS NOT NULL"
    )
    return row


async def test_a_mapped_code_has_a_channel_and_waits_no_more(
    api: Api, plant: Plant, pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    key = await wait(pool, plant)
    answer = await api.post("/unmapped-codes/map", **key, **AS_HOUR, device="M-02")
    assert answer.status_code == 200, answer.text
    row = await channel(owner)
    assert (row["device"], row["statistic"], row["kind"]) == ("M-02", "hour.total", "amount")
    assert (row["role"], row["label"], row["scale"]) == ("consumption", "start", 10_000)
    assert (row["in_service_from"], row["expected_interval_s"]) == (AT, 3600)
    assert await api.get("/unmapped-codes") == []
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'map_code'")
    assert (await api.post("/unmapped-codes/map", **key, **AS_HOUR)).status_code == 404


async def test_one_consumption_is_summed_once(
    api: Api, plant: Plant, pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    hour, day = await wait(pool, plant), await wait(pool, plant, "day.total")
    assert (await api.post("/unmapped-codes/map", **hour, **AS_HOUR)).status_code == 200
    answer = await api.post("/unmapped-codes/map", **day, **AS_DAY, role="consumption")
    assert (answer.status_code, answer.json()["code"]) == (409, "counted_twice")
    answer = await api.post("/unmapped-codes/map", **day, **AS_DAY)
    assert answer.json()["role"] == "check"
    assert await owner.fetchval("SELECT count(*) FROM channels WHERE wire_code = $1", CODE) == 2


async def test_a_month_is_for_comparison(
    api: Api, plant: Plant, pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    month = await wait(pool, plant, "month.total")
    answer = await api.post("/unmapped-codes/map", **month, **AS_DAY, role="consumption")
    assert (answer.status_code, answer.json()["parameter"]) == (422, "channel")
    assert (await api.post("/unmapped-codes/map", **month, **AS_DAY)).json()["role"] == "check"


async def test_a_channel_that_stands_takes_the_code(
    api: Api, plant: Plant, pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    key = await wait(pool, plant)
    answer = await api.post("/unmapped-codes/map", **key, quantity="electricity", unit="kWh")
    assert answer.status_code == 200, answer.text
    row = await channel(owner)
    assert (row["channel_id"], row["kind"]) == (plant.channels[0], "register")
    other = await wait(pool, plant, code="0000000002330021")
    answer = await api.post("/unmapped-codes/map", **other, quantity="electricity", unit="kWh")
    assert (answer.status_code, answer.json()["code"]) == (409, "channel_exists")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"device": "M-99"}, 404, id="no such device"),
        pytest.param({"wire_code": "1"}, 404, id="no such code"),
        pytest.param({"quantity": "phlogiston"}, 422, id="no quantity"),
        pytest.param({"unit": "t"}, 422, id="another unit"),
        pytest.param({"channel_statistic": "week.total"}, 422, id="no statistic"),
        pytest.param({"channel_statistic": "day.total"}, 422, id="of another period"),
        pytest.param({"kind": "register"}, 422, id="a register of an hour"),
    ],
)
async def test_a_mapping_that_makes_no_sense_is_refused(
    api: Api, plant: Plant, pool: asyncpg.Pool, body: dict[str, Any], status: int
) -> None:
    key = await wait(pool, plant)
    answer = await api.post("/unmapped-codes/map", **{**key, **AS_HOUR, **body})
    assert answer.status_code == status, answer.text
    assert len(await api.get("/unmapped-codes")) == 1
