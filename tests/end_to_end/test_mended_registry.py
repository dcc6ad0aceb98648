"""A device sends before it is registered; once it is, nothing of that is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.access import ROLES, Grant
from service import rollup
from service.analyzers import find
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import EVERYWHERE, make_engine
from tests.end_to_end.conftest import Site
from tests.registry import COUNTY, Plant

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
DEVICE = "M-42"


def document(*values: tuple[int, float]) -> bytes:
    items = [
        {
            "device": DEVICE,
            "quantity": "electricity",
            "at": (NOW - timedelta(minutes=15 * quarters)).isoformat(),
            "value": value,
        }
        for quarters, value in values
    ]
    return json.dumps({"readings": items}).encode()


@pytest.fixture
async def api(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """The API, for an administrator who also reads."""
    engine = make_engine(site.db.service, "test", region=EVERYWHERE)
    grants = [Grant("", domain, verb) for domain, verb in ROLES["administrator"]]
    async with engine.begin() as connection:
        key = await clients.create(connection, "administrator", None, grants)
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


async def register(api: httpx.AsyncClient, plant: Plant) -> None:
    channel = {
        "quantity": "electricity",
        "kind": "register",
        "role": "consumption",
        "unit": "kWh",
        "expected_interval_s": 900,
        "in_service_from": "2020-01-01T00:00:00+08:00",
    }
    device = {
        "code": DEVICE, "name_zh": "表", "name_en": "meter", "kind": "meter", "channels": [channel]
    }  # fmt: skip
    enterprise = {
        "uscc": plant.uscc, "county": COUNTY, "name_zh": "厂", "name_en": "plant",
        "trade": "ferroalloy", "devices": [device],
    }  # fmt: skip
    answer = await api.post("/registry", json={"enterprises": [enterprise]})
    assert answer.status_code == 200, answer.text


async def finished(api: httpx.AsyncClient, replay: dict[str, Any]) -> dict[str, Any]:
    while True:
        shown: dict[str, Any] = (await api.get(f"/rejected-payloads/replays/{replay['id']}")).json()
        if shown["state"] == "finished":
            return shown
        await asyncio.sleep(0.05)


async def rejected(owner: asyncpg.Connection) -> int:
    return int(await owner.fetchval("SELECT count(*) FROM rejected_payloads"))


async def test_a_device_is_registered_after_it_sent(
    site: Site, plant: Plant, owner: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    async with httpx.AsyncClient() as gateway:
        answer = await gateway.post(
            f"{site.ingest.url}/ingest/v1/readings",
            content=document((4, 100.0), (3, 110.0)),
            headers={"Authorization": f"Bearer {plant.key}"},
        )
    assert [item["code"] for item in answer.json()["rejected"]] == ["unknown_device"] * 2
    topic = f"qingyu/v1/{plant.uscc}/readings"
    assert site.mosquitto_pub(plant.uscc, topic, document((2, 125.0), (1, 130.0))).returncode == 0
    while await rejected(owner) < 2:
        await asyncio.sleep(0.02)

    await register(api, plant)
    wanted = {"reason": "unknown_device", "enterprise": plant.uscc}
    asked = await api.post("/rejected-payloads/replay", json={"filter": wanted})
    replay = await finished(api, asked.json())
    assert (replay["payloads"], replay["removed"], replay["stored"]) == (2, 2, 4)
    assert await rejected(owner) == 0

    engine = make_engine(site.db.service, "test", region=EVERYWHERE)
    while await rollup.roll_up_each(engine, [analyzer.name for analyzer in find()], EVER):
        pass
    await engine.dispose()
    asked = await api.get("/usage", params={"enterprise": plant.uscc, "device": DEVICE})
    assert sum(item["amount"] for item in asked.json()["items"]) == pytest.approx(30.0)


async def test_a_collector_is_killed_while_it_replays(
    site: Site, plant: Plant, owner: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    """Three hundred corrections of one value: the last of them is stored, the others trail it."""
    number = 300
    async with httpx.AsyncClient() as gateway:
        for value in range(number):
            await gateway.post(
                f"{site.ingest.url}/ingest/v1/readings",
                content=document((value % 10, float(value))),
                headers={"Authorization": f"Bearer {plant.key}"},
            )
    assert await rejected(owner) == number
    await register(api, plant)
    asked = await api.post("/rejected-payloads/replay", json={"filter": {"enterprise": plant.uscc}})
    while await rejected(owner) == number:
        await asyncio.sleep(0.01)
    site.ingest.kill()
    assert 0 < await rejected(owner) < number
    site.ingest.start()
    await site.ingest.ready()
    replay = await finished(api, asked.json())
    assert (replay["removed"], replay["gone"], replay["still_rejected"]) == (number, 0, 0)
    assert await rejected(owner) == 0
    channel = await owner.fetchval(
        "SELECT channel_id FROM channels JOIN devices USING (device_id)"
        " WHERE code = $1 AND enterprise_id = $2",
        DEVICE, plant.enterprise_id,
    )  # fmt: skip
    rows = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at DESC", channel
    )
    assert [row[0] for row in rows] == [float(number - 10 + place) for place in range(10)]
    trail = await owner.fetch(
        "SELECT value FROM reading_revisions WHERE channel_id = $1 ORDER BY value", channel
    )
    assert [row[0] for row in trail] == [float(value) for value in range(number - 10)]
