"""Clients and keys over the API: made, listed, renewed, revoked, and by whom."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.local.database import Database
from schemas.access import ROLES, Grant
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import Engine
from tests.registry import COUNTY, add_plant, uscc

OTHER = "620602"
SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
JSON = {"Content-Type": "application/json"}
LONG_AGO = "2020-01-01T00:00:00+08:00"
DIALECT = {"time": "local", "missing": ["--", None], "mapping": {
    "items": ["data"], "at": "t", "value": "v", "device": "^sn", "quantity": "q",
}}  # fmt: skip
GATEWAY = {"name": "gw", "role": "gateway", "enterprise": uscc(1)}


class Office:
    """The API as clients with keys see it."""

    def __init__(self, api: httpx.AsyncClient, engine: Engine) -> None:
        self.api, self.engine = api, engine

    async def enter(self, role: str, region: str = "", enterprise: str | None = None) -> None:
        """Become a new client of a role."""
        grants = [Grant(region, domain, verb) for domain, verb in ROLES[role]]
        async with self.engine.begin() as connection:
            name = f"{role} {region} {enterprise or ''}".strip()
            key = await clients.create(connection, name, enterprise, grants)
        self.api.headers["Authorization"] = f"Bearer {key}"

    async def names(self) -> list[str]:
        return [item["name"] for item in (await self.api.get("/clients")).json()["items"]]

    async def make(self, **fields: Any) -> dict[str, Any]:
        answer = await self.api.post("/clients", json={**GATEWAY, **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def good(self, key: str) -> bool:
        async with self.engine.connect() as connection:
            return await clients.find(connection, key) is not None


@pytest.fixture
async def office(db: Database, engine: Engine, owner: asyncpg.Connection) -> AsyncIterator[Office]:
    await add_plant(owner, number=1)
    await add_plant(owner, number=2, county=OTHER)
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        base = "http://qingyu/api/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as api:
            office = Office(api, engine)
            await office.enter("administrator")
            yield office


async def test_a_client_is_made_and_its_key_is_shown_once(
    office: Office, owner: asyncpg.Connection
) -> None:
    answer = await office.api.post("/clients", json={**GATEWAY, "dialect": DIALECT})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    key = answer.json()["key"]
    assert await office.good(key)
    listed = await office.api.get("/clients")
    assert key not in listed.text
    [item] = [item for item in listed.json()["items"] if item["name"] == "gw"]
    assert (item["enterprise"], item["dialect"]) == (uscc(1), DIALECT)
    assert item["grants"] == [{"region": COUNTY, "domain": "metering", "verb": "submit"}]
    assert [held["id"] for held in item["keys"]] == [answer.json()["id"]]
    for table in ("clients", "client_keys", "audit_log", "grants"):
        assert key not in str(await owner.fetch(f"SELECT * FROM {table}"))


async def test_a_second_key_is_good_beside_the_first_until_that_is_revoked(office: Office) -> None:
    old = await office.make()
    new = (await office.api.post("/clients/gw/keys")).json()
    assert await office.good(old["key"])
    assert await office.good(new["key"])
    for _ in range(2):  # once more does no harm
        assert (await office.api.delete(f"/clients/gw/keys/{old['id']}")).status_code == 204
    assert not await office.good(old["key"])
    assert await office.good(new["key"])


async def test_a_second_key_may_say_when_the_first_ends(
    office: Office, owner: asyncpg.Connection
) -> None:
    old = await office.make()
    body = {"others_end_at": SOON}
    new = (await office.api.post("/clients/gw/keys", json=body)).json()
    ends = dict(await owner.fetch("SELECT key_id, expires_at FROM client_keys"))
    assert ends[old["id"]] == datetime.fromisoformat(SOON)
    assert ends[new["id"]] is None
    await owner.execute("UPDATE client_keys SET expires_at = now() WHERE key_id = $1", old["id"])
    assert not await office.good(old["key"])


async def test_a_revoked_client_keeps_its_name_and_gets_no_key(office: Office) -> None:
    made = await office.make()
    assert (await office.api.delete("/clients/gw")).status_code == 204
    assert not await office.good(made["key"])
    assert (await office.api.post("/clients/gw/keys")).json()["code"] == "revoked"
    assert (await office.api.post("/clients", json=GATEWAY)).json()["code"] == "name_taken"
    assert "gw" in await office.names()


async def test_the_command_line_gives_a_client_one_new_key(office: Office) -> None:
    made = await office.make()
    grants = [Grant(COUNTY, domain, verb) for domain, verb in ROLES["gateway"]]
    async with office.engine.begin() as connection:
        key = await clients.create(connection, "gw", uscc(1), grants)
    assert await office.good(key)
    assert not await office.good(made["key"])


async def test_a_client_has_ten_keys_at_most(office: Office) -> None:
    made = await office.make()
    answers = [await office.api.post("/clients/gw/keys") for _ in range(10)]
    assert [answer.status_code for answer in answers] == [201] * 9 + [409]
    await office.api.delete(f"/clients/gw/keys/{made['id']}")
    assert (await office.api.post("/clients/gw/keys")).status_code == 201


async def test_a_dialect_is_declared_for_a_key_and_for_an_mqtt_account(office: Office) -> None:
    await office.make()
    for path in ("/clients/gw/dialect", f"/enterprises/{uscc(1)}/mqtt-dialect"):
        assert (await office.api.put(path, json=DIALECT)).json() == DIALECT
        refused = await office.api.put(path, json={**DIALECT, "time": "sundial"})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert (await office.api.get(f"/enterprises/{uscc(1)}/mqtt-dialect")).json() == DIALECT
    items = (await office.api.get("/clients")).json()["items"]
    assert [item["dialect"] for item in items if item["name"] == "gw"] == [DIALECT]
    for path in ("/clients/gw/dialect", f"/enterprises/{uscc(1)}/mqtt-dialect"):
        answer = await office.api.put(path, content=b"null", headers=JSON)
        assert (answer.status_code, answer.json()) == (200, None)


async def test_whatever_is_done_is_noted(office: Office, owner: asyncpg.Connection) -> None:
    made = await office.make()
    new = (await office.api.post("/clients/gw/keys", json={"expires_at": SOON})).json()
    await office.api.put("/clients/gw/dialect", json=DIALECT)
    await office.api.delete(f"/clients/gw/keys/{made['id']}")
    await office.api.delete("/clients/gw")
    rows = await owner.fetch("SELECT actor, action, detail FROM audit_log ORDER BY entry_id")
    assert [row["action"] for row in rows] == [
        "create_client", "create_key", "declare_dialect", "revoke_key", "revoke_client",
    ]  # fmt: skip
    assert {row["actor"] for row in rows} == {"administrator"}
    assert json.loads(rows[1]["detail"])["key"] == new["id"]


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"administrator"}))
async def test_only_an_administrator_may(office: Office, role: str) -> None:
    await office.make()
    await office.enter(role, COUNTY, uscc(1) if role in ("gateway", "enterprise") else None)
    for method, path, body in (
        ("GET", "/clients", None),
        ("POST", "/clients", {**GATEWAY, "name": "other"}),
        ("POST", "/clients/gw/keys", {}),
        ("DELETE", "/clients/gw/keys/1", None),
        ("DELETE", "/clients/gw", None),
        ("PUT", "/clients/gw/dialect", {}),
        ("PUT", f"/enterprises/{uscc(1)}/mqtt-dialect", {}),
        ("GET", f"/enterprises/{uscc(1)}/mqtt-dialect", None),
    ):
        answer = await office.api.request(method, path, json=body)
        assert answer.status_code == 403, (method, path)


async def test_an_administrator_of_a_county_stays_within_it(office: Office) -> None:
    await office.make()
    await office.make(name="elsewhere", enterprise=uscc(2))
    await office.make(name="everywhere", role="regulator", enterprise=None, region="")
    await office.make(name="here", role="regulator", enterprise=None, region=COUNTY)
    await office.enter("administrator", COUNTY)
    assert await office.names() == [f"administrator {COUNTY}", "gateway 1", "gw", "here"]
    for name in ("elsewhere", "everywhere", "administrator", "nobody"):
        for method, path in (
            ("POST", f"/clients/{name}/keys"),
            ("DELETE", f"/clients/{name}"),
            ("DELETE", f"/clients/{name}/keys/1"),
        ):
            assert (await office.api.request(method, path)).status_code == 404, (method, path)
        assert (await office.api.put(f"/clients/{name}/dialect", json={})).status_code == 404
    other = f"/enterprises/{uscc(2)}/mqtt-dialect"
    assert (await office.api.put(other, json=DIALECT)).status_code == 404
    for fields, wanted in (
        ({"enterprise": uscc(2)}, 404),
        ({"role": "administrator", "enterprise": None, "region": ""}, 403),
        ({"role": "regulator", "enterprise": None, "region": "6206"}, 403),
        ({"role": "regulator", "enterprise": None, "region": OTHER}, 403),
        ({"role": "regulator", "enterprise": None, "region": COUNTY}, 201),
    ):
        answer = await office.api.post("/clients", json={**GATEWAY, "name": "new", **fields})
        assert answer.status_code == wanted, fields


async def test_an_administrator_of_an_enterprise_stays_within_it(office: Office) -> None:
    await office.make(name="elsewhere", enterprise=uscc(2))
    await office.enter("administrator", "", uscc(1))
    assert await office.names() == [f"administrator  {uscc(1)}", "gateway 1"]
    answer = await office.api.post(
        "/clients", json={"name": "new", "role": "regulator", "region": COUNTY}
    )
    assert answer.json()["code"] == "bad_parameter"
    assert (await office.make(name="own"))["client"] == "own"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"name": ""}, 422, id="no name"),
        pytest.param({"name": "a/b"}, 422, id="a stroke in the name"),
        pytest.param({"name": "a\x00b"}, 422, id="NUL in the name"),
        pytest.param({"name": "x" * 201}, 422, id="a long name"),
        pytest.param({"role": "emperor"}, 422, id="an unknown role"),
        pytest.param({"region": "62%"}, 422, id="a pattern for a region"),
        pytest.param({"enterprise": None}, 422, id="a gateway of nobody"),
        pytest.param({"role": "regulator", "enterprise": None}, 422, id="no region"),
        pytest.param({"enterprise": uscc(9)}, 404, id="an unknown enterprise"),
        pytest.param({"expires_at": LONG_AGO}, 422, id="a key that ended long ago"),
        pytest.param({"expires_at": "2099-01-01T00:00:00"}, 422, id="an end without an offset"),
        pytest.param({"dialect": {"zone": "Mars"}}, 422, id="a dialect that cannot work"),
        pytest.param({"colour": "red"}, 422, id="an unknown field"),
    ],
)
async def test_a_client_that_cannot_be_is_refused(
    office: Office, fields: dict[str, Any], status: int
) -> None:
    before = await office.names()
    answer = await office.api.post("/clients", json={**GATEWAY, **fields})
    assert answer.status_code == status
    assert answer.json()["detail_zh"]
    assert await office.names() == before


@pytest.mark.parametrize("key", ["0", "99999999999", "x"])
async def test_a_key_that_is_not_there_is_not_revoked(office: Office, key: str) -> None:
    await office.make()
    answer = await office.api.delete(f"/clients/gw/keys/{key}")
    assert answer.status_code in (404, 422)


async def test_nobody_revokes_themselves(office: Office) -> None:
    assert (await office.api.delete("/clients/administrator")).json()["code"] == "own_client"


async def test_clients_come_in_pages(office: Office) -> None:
    for number in range(3):
        await office.make(name=f"gw {number}")
    names: list[str] = []
    parameters: dict[str, Any] = {"limit": 2}
    while True:
        page = (await office.api.get("/clients", params=parameters)).json()
        names += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]
    assert names == sorted(names) == await office.names()
