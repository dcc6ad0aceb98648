"""Accounts that the service makes in a real Mosquitto: who is let in, to what, and for how long."""

import asyncio
import contextlib
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from deploy.local.settings import free_port
from schemas.access import ROLES, Grant
from service import provisioning
from service.app import make_app
from service.control import Control
from service.settings import Settings
from service.store import clients
from service.store.engine import EVERYWHERE, Engine, make_engine
from tests.conftest import COLLECTOR_PASSWORD
from tests.end_to_end.conftest import Site, running_site
from tests.registry import COUNTY, Plant, add_plant

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
_numbers = iter(range(100, 1000))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the user of Mosquitto can enter, too."""
    path = Path(tempfile.mkdtemp(prefix="qingyu-accounts-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def broker(runtime: Runtime, folder: Path) -> Iterator[Broker]:
    """A broker of this module's own: its accounts are exactly those of one database."""
    broker = Broker(runtime, folder / "broker", free_port())
    broker.let_in({COLLECTOR: COLLECTOR_PASSWORD})
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def site(
    durable: Cluster, broker: Broker, runtime: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with running_site(durable, broker, runtime, tmp_path_factory.mktemp("ingest")) as site:
        yield site


@pytest.fixture
def settings(site: Site) -> Settings:
    address = site.broker.address
    return Settings.model_validate(
        {
            "database": site.db.service,
            "broker": address.broker,
            "broker_user": address.user,
            "broker_password": address.password,
        }
    )


@pytest.fixture
async def engine(site: Site) -> AsyncIterator[Engine]:
    engine = make_engine(site.db.service, "test", region=EVERYWHERE)
    yield engine
    await engine.dispose()


@pytest.fixture
async def api(settings: Settings, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with _api(settings, engine, "administrator") as client:
        yield client


@contextlib.asynccontextmanager
async def _api(
    settings: Settings, engine: Engine, role: str, region: str = ""
) -> AsyncIterator[httpx.AsyncClient]:
    grants = [Grant(region, domain, verb) for domain, verb in ROLES[role]]
    async with engine.begin() as connection:
        key = await clients.create(connection, f"{role} {region}", None, grants)
    app = make_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://qingyu/api/v1",
            headers={"Authorization": f"Bearer {key}"},
        ) as client,
    ):
        yield client


@pytest.fixture
async def plant(owner: asyncpg.Connection) -> Plant:
    return await add_plant(owner, number=next(_numbers))


async def create(api: httpx.AsyncClient, plant: Plant) -> dict[str, Any]:
    answer = await api.post("/mqtt-accounts", json={"enterprise": plant.uscc})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert not made["pending"], made
    return made


def refused(site: Site, made: dict[str, Any], topic: str) -> bool:
    sent = site.mosquitto_pub(made["user"], topic, b'{"readings": []}', made["password"])
    assert sent.returncode == 0 or b"ot authorized" in sent.stderr, sent.stderr
    return b"ot authorized" in sent.stderr


def hears(site: Site, made: dict[str, Any], topic: str) -> bool:
    """Tell whether the broker takes a subscription."""
    command = [
        str(site.runtime.mosquitto_sub), "-V", "5", "-q", "1", "-p", str(site.broker.port),
        "-u", made["user"], "-P", made["password"], "-t", topic, "-E", "-W", "10",
    ]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return not answer.stderr


class Gateway:
    """A sender that stays connected and knows what the broker acknowledged."""

    def __init__(self, site: Site, made: dict[str, Any]) -> None:
        self.topic = made["publish"]
        self.acknowledged: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.lost = threading.Event()
        ready = threading.Event()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        self.client.username_pw_set(made["user"], made["password"])
        self.client.on_connect = lambda *_: ready.set()
        self.client.on_disconnect = lambda *_: self.lost.set()
        self.client.on_publish = lambda *arguments: self.acknowledged.put(arguments[2])
        self.client.connect("127.0.0.1", site.broker.port)
        self.client.loop_start()
        assert ready.wait(10)

    def send(self, number: int) -> int:
        item = {
            "device": "M-01",
            "quantity": "electricity",
            "at": (START + timedelta(seconds=number)).isoformat(),
            "value": number,
        }
        return self.client.publish(self.topic, json.dumps({"readings": [item]}), qos=1).mid

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def test_an_enterprise_reaches_its_own_topics_and_no_others(
    site: Site, api: httpx.AsyncClient, owner: asyncpg.Connection, plant: Plant
) -> None:
    other = await add_plant(owner, number=next(_numbers))
    made, others = await create(api, plant), await create(api, other)
    assert made["user"] == plant.uscc
    assert made["password"] not in json.dumps((await api.get("/mqtt-accounts")).json())
    assert not refused(site, made, made["publish"])
    assert all(hears(site, made, topic) for topic in made["subscribe"])
    assert refused(site, made, others["publish"])
    assert refused(site, made, "$CONTROL/dynamic-security/v1")
    assert refused(site, made, "qingyu/v1/alerts/620602")
    for topic in (others["publish"], others["subscribe"][0], "qingyu/v1/+/outcomes", "#", "$SYS/#"):
        assert not hears(site, made, topic), topic


async def test_passwords_are_nowhere_in_clear(
    site: Site, api: httpx.AsyncClient, owner: asyncpg.Connection, plant: Plant
) -> None:
    made = await create(api, plant)
    row = await owner.fetchrow(
        "SELECT a::text AS everything FROM mqtt_accounts AS a WHERE user_name = $1", made["user"]
    )
    assert made["password"] not in row["everything"]
    assert made["password"].encode().hex() not in row["everything"]
    log = await owner.fetch("SELECT detail::text FROM audit_log")
    assert made["password"] not in str(log)
    assert made["password"] not in (site.broker.folder / "dynamic-security.json").read_text()


async def test_a_second_account_is_a_rotation(api: httpx.AsyncClient, plant: Plant) -> None:
    await create(api, plant)
    again = await api.post("/mqtt-accounts", json={"enterprise": plant.uscc})
    assert (again.status_code, again.json()["code"]) == (409, "account_exists")


async def test_a_disabled_account_is_cut_off_at_once(
    site: Site, api: httpx.AsyncClient, plant: Plant
) -> None:
    made = await create(api, plant)
    gateway = Gateway(site, made)
    gateway.send(1)
    assert gateway.acknowledged.get(timeout=10)
    answer = (await api.post(f"/mqtt-accounts/{made['user']}/disable")).json()
    assert (answer["state"], answer["pending"]) == ("disabled", False)
    assert gateway.lost.wait(10)
    gateway.close()
    assert refused(site, made, made["publish"])
    answer = (await api.post(f"/mqtt-accounts/{made['user']}/enable")).json()
    assert (answer["state"], answer["pending"]) == ("active", False)
    assert not refused(site, made, made["publish"])


async def test_a_deleted_account_never_comes_back(
    site: Site, api: httpx.AsyncClient, plant: Plant
) -> None:
    made = await create(api, plant)
    assert (await api.delete(f"/mqtt-accounts/{made['user']}")).json()["state"] == "revoked"
    assert refused(site, made, made["publish"])
    for action in ("enable", "disable"):
        answer = await api.post(f"/mqtt-accounts/{made['user']}/{action}")
        assert (answer.status_code, answer.json()["code"]) == (409, "account_revoked")
    new = await create(api, plant)
    assert new["user"] == f"{plant.uscc}-2"
    assert new["publish"] == f"qingyu/v1/{plant.uscc}/readings"
    assert refused(site, made, made["publish"])
    assert not refused(site, new, new["publish"])


async def test_a_rotation_under_a_sender_that_never_pauses_loses_nothing(
    site: Site, api: httpx.AsyncClient, owner: asyncpg.Connection, plant: Plant
) -> None:
    made = await create(api, plant)
    old = Gateway(site, made)
    sent, number, acknowledged = 0, 600, 0
    while sent < 200:
        old.send(sent)
        sent += 1
    rotating = asyncio.create_task(
        api.post(f"/mqtt-accounts/{made['user']}/passwords", json={"overlap_hours": 1})
    )
    while not rotating.done():
        old.send(sent)
        sent += 1
        await asyncio.sleep(0.001)
    new = (await rotating).json()
    shown = (await api.get("/mqtt-accounts", params={"enterprise": plant.uscc})).json()["items"]
    assert [item["state"] for item in shown] == ["ending", "active"]
    assert not old.lost.is_set()
    fresh = Gateway(site, new)
    for place in range(sent, number):
        (old if place < sent + 50 else fresh).send(place)
    for gateway in (old, fresh):
        with contextlib.suppress(queue.Empty):
            while acknowledged < number:
                await asyncio.to_thread(gateway.acknowledged.get, timeout=3)
                acknowledged += 1
    assert acknowledged == number
    assert (await api.delete(f"/mqtt-accounts/{made['user']}")).json()["state"] == "revoked"
    assert old.lost.wait(10)
    fresh.send(number)
    assert await asyncio.to_thread(fresh.acknowledged.get, timeout=10)
    old.close()
    fresh.close()
    while await _stored(owner, plant) <= number:
        await asyncio.sleep(0.02)
    assert await _stored(owner, plant) == number + 1


async def _stored(owner: asyncpg.Connection, plant: Plant) -> int:
    return int(
        await owner.fetchval(
            "SELECT count(*) FROM readings WHERE channel_id = $1", plant.channels[0]
        )
    )


async def test_an_overlap_ends_by_itself(
    site: Site, api: httpx.AsyncClient, engine: Engine, settings: Settings, plant: Plant
) -> None:
    made = await create(api, plant)
    path = f"/mqtt-accounts/{made['user']}/passwords"
    working = asyncio.create_task(provisioning.run(engine, settings, site.broker.address))
    new = (await api.post(path, json={"overlap_hours": 1 / 3600})).json()
    assert new["user"] == f"{plant.uscc}-2"
    while not refused(site, made, made["publish"]):
        await asyncio.sleep(0.1)
    assert not refused(site, new, new["publish"])
    working.cancel()
    await asyncio.wait([working])


async def test_a_change_while_the_broker_is_away_waits_and_is_made_up_for(
    site: Site, api: httpx.AsyncClient, engine: Engine, settings: Settings, plant: Plant
) -> None:
    site.broker.stop()
    answer = await api.post("/mqtt-accounts", json={"enterprise": plant.uscc})
    made = answer.json()
    assert (answer.status_code, made["pending"]) == (201, True)
    working = asyncio.create_task(provisioning.run(engine, settings, site.broker.address))
    site.broker.start()
    await agreed(api, plant)
    assert not refused(site, made, made["publish"])
    working.cancel()
    await asyncio.wait([working])


async def agreed(api: httpx.AsyncClient, plant: Plant) -> None:
    while True:
        shown = (await api.get("/mqtt-accounts", params={"enterprise": plant.uscc})).json()
        if not any(item["pending"] for item in shown["items"]):
            return
        await asyncio.sleep(0.05)


async def test_a_broker_that_lost_its_accounts_is_told_them_again(
    site: Site, api: httpx.AsyncClient, engine: Engine, settings: Settings, plant: Plant
) -> None:
    made = await create(api, plant)
    working = asyncio.create_task(provisioning.run(engine, settings, site.broker.address))
    site.broker.stop()
    (site.broker.folder / "dynamic-security.json").unlink()
    site.broker.let_in({COLLECTOR: COLLECTOR_PASSWORD})
    site.broker.start()
    while refused(site, made, made["publish"]):
        await asyncio.sleep(0.05)
    working.cancel()
    await asyncio.wait([working])


async def test_an_account_that_nobody_asked_for_is_removed_and_foreign_ones_are_left(
    site: Site, engine: Engine, settings: Settings, api: httpx.AsyncClient, plant: Plant
) -> None:
    made = await create(api, plant)
    site.broker.let_in({"91620000STRAY": "stray"})
    with Control.connected(site.broker.address) as control:
        assert control.tell(
            [
                {"command": "createRole", "rolename": "theirs"},
                {"command": "createClient", "username": "theirs", "password": "x",
                 "roles": [{"rolename": "theirs"}]},
            ]
        ) == [None, None]  # fmt: skip
    assert await provisioning.reconcile(engine, site.broker.address, reads_tables=False) == 2
    with Control.connected(site.broker.address) as control:
        found = control.look()
    assert "91620000STRAY" not in found.clients
    assert {"theirs", COLLECTOR, made["user"]} <= set(found.clients)
    assert await provisioning.reconcile(engine, site.broker.address, reads_tables=False) == 0


async def test_a_password_sealed_with_another_secret_is_a_problem_that_is_told(
    site: Site, engine: Engine, api: httpx.AsyncClient, owner: asyncpg.Connection, plant: Plant
) -> None:
    made = await create(api, plant)
    await owner.execute(
        "UPDATE mqtt_accounts SET sealed = '\\x00' WHERE user_name = $1", made["user"]
    )
    with Control.connected(site.broker.address) as control:
        control.tell([{"command": "deleteClient", "username": made["user"]}])
    await provisioning.reconcile(engine, site.broker.address, reads_tables=False)
    [shown] = (await api.get("/mqtt-accounts", params={"enterprise": plant.uscc})).json()["items"]
    assert "another secret" in shown["problem"]
    assert shown["pending"]


async def test_changes_are_audited(
    api: httpx.AsyncClient, owner: asyncpg.Connection, plant: Plant
) -> None:
    made = await create(api, plant)
    user = made["user"]
    await api.post(f"/mqtt-accounts/{user}/passwords", json={})
    await api.post(f"/mqtt-accounts/{user}/disable")
    await api.delete(f"/mqtt-accounts/{user}")
    rows = await owner.fetch(
        "SELECT action FROM audit_log WHERE starts_with(detail ->> 'user', $1) ORDER BY entry_id",
        user,
    )
    assert [row[0] for row in rows] == [
        "create_mqtt_account", "rotate_mqtt_password", "disable_mqtt_account", "delete_mqtt_account"
    ]  # fmt: skip


async def test_who_may_make_accounts_and_where(
    site: Site, settings: Settings, engine: Engine, plant: Plant
) -> None:
    body = {"enterprise": plant.uscc}
    async with _api(settings, engine, "operator") as operator:
        assert (await operator.get("/mqtt-accounts")).status_code == 200
        assert (await operator.post("/mqtt-accounts", json=body)).status_code == 403
    async with _api(settings, engine, "administrator", "620602") as elsewhere:
        assert (await elsewhere.post("/mqtt-accounts", json=body)).status_code == 404
    async with _api(settings, engine, "administrator", COUNTY) as here:
        assert (await here.post("/mqtt-accounts", json=body)).status_code == 201
    async with _api(settings, engine, "administrator", "620602") as elsewhere:
        assert (await elsewhere.delete(f"/mqtt-accounts/{plant.uscc}")).status_code == 404


async def test_without_a_broker_the_routes_say_what_to_set(
    site: Site, engine: Engine, plant: Plant
) -> None:
    async with _api(Settings(database=site.db.service), engine, "administrator") as client:
        for answer in (
            await client.get("/mqtt-accounts"),
            await client.post("/mqtt-accounts", json={"enterprise": plant.uscc}),
            await client.delete(f"/mqtt-accounts/{plant.uscc}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (501, "no_broker")
            assert "QINGYU_BROKER" in answer.json()["detail_zh"]


async def test_a_broker_that_reads_the_tables_finds_them_there(
    site: Site, engine: Engine, settings: Settings, owner: asyncpg.Connection, plant: Plant
) -> None:
    """As EMQX would ask; nothing is told to any broker."""
    reading = settings.model_copy(update={"broker": "nowhere:1", "broker_reads_tables": True})
    async with _api(reading, engine, "administrator") as client:
        made = await create(client, plant)
        await owner.execute("SET ROLE qingyu_broker")
        matches = await owner.fetchval(
            "SELECT password_hash = encode(sha256(convert_to(salt || $2, 'UTF8')), 'hex')"
            " FROM mqtt_credentials WHERE user_name = $1",
            made["user"], made["password"],
        )  # fmt: skip
        assert matches
        rules = await owner.fetch(
            "SELECT action, topic FROM mqtt_permissions WHERE user_name = $1", made["user"]
        )
        assert {tuple(rule) for rule in rules} == {
            ("publish", made["publish"]), *(("subscribe", topic) for topic in made["subscribe"])
        }  # fmt: skip
        await client.post(f"/mqtt-accounts/{made['user']}/disable")
        assert not await owner.fetchval(
            "SELECT count(*) FROM mqtt_credentials WHERE user_name = $1", made["user"]
        )
        await owner.execute("RESET ROLE")
