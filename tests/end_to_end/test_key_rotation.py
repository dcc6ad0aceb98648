"""A key is replaced while its gateway sends without a pause, and none of its documents is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from schemas.access import ROLES, Grant
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import EVERYWHERE, make_engine
from tests.end_to_end.conftest import Site
from tests.end_to_end.test_collectors import item, post
from tests.registry import Plant

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture
async def administrator(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    grants = [Grant("", domain, verb) for domain, verb in ROLES["administrator"]]
    engine = make_engine(site.db.service, "test", region=EVERYWHERE)
    async with engine.begin() as connection:
        key = await clients.create(connection, "administrator", None, grants)
    await engine.dispose()
    app = make_app(Settings(database=site.db.service))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {key}"}
        base = "http://qingyu/api/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as api:
            yield api


class Gateway:
    """A sender that never pauses; it notes what it was told."""

    def __init__(self, site: Site, key: str) -> None:
        self.site, self.key = site, key
        self.told: list[int] = []
        self.sent = asyncio.Event()

    async def run(self) -> None:
        for number in range(100_000):
            body = json.dumps(
                {"readings": [item(at=(START + timedelta(seconds=number)).isoformat())]}
            )
            self.told.append((await post(self.site, self.key, body.encode())).status_code)
            self.sent.set()

    async def sends(self) -> None:
        """Return after it was told of one more document."""
        self.sent.clear()
        await self.sent.wait()


async def status(site: Site, key: str) -> int:
    return (await post(site, key, b'{"readings":[]}')).status_code


async def until_status(site: Site, key: str, wanted: int) -> None:
    async with asyncio.timeout(20):
        while await status(site, key) != wanted:
            pass


async def test_a_key_is_replaced_while_its_gateway_sends(
    site: Site, plant: Plant, administrator: httpx.AsyncClient
) -> None:
    made = await administrator.post(
        "/clients", json={"name": "gw", "role": "gateway", "enterprise": plant.uscc}
    )
    assert made.status_code == 201, made.text
    old = made.json()
    await until_status(site, old["key"], 200)
    gateway = Gateway(site, old["key"])
    sending = asyncio.create_task(gateway.run())
    await gateway.sends()

    new = (await administrator.post("/clients/gw/keys")).json()
    await until_status(site, new["key"], 200)
    assert await status(site, old["key"]) == 200
    await gateway.sends()
    gateway.key = new["key"]
    await gateway.sends()
    await gateway.sends()  # the first may have been under way

    revoked = await administrator.delete(f"/clients/gw/keys/{old['id']}")
    assert revoked.status_code == 204
    await until_status(site, old["key"], 401)
    await gateway.sends()
    assert (await administrator.delete("/clients/gw")).status_code == 204
    await until_status(site, new["key"], 401)
    sending.cancel()
    assert set(gateway.told[: gateway.told.index(401) if 401 in gateway.told else None]) == {200}
    assert gateway.told.count(200) >= 4


async def test_a_key_ends_at_its_instant_without_anybody_doing_anything(
    site: Site, plant: Plant, administrator: httpx.AsyncClient
) -> None:
    wanted = {"name": "short", "role": "gateway", "enterprise": plant.uscc}
    old = (await administrator.post("/clients", json=wanted)).json()["key"]
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    answer = await administrator.post("/clients/short/keys", json={"others_end_at": soon})
    new = answer.json()["key"]
    await until_status(site, new, 200)
    await until_status(site, old, 200)
    await until_status(site, old, 401)
    assert datetime.now(UTC).isoformat() >= soon
    assert await status(site, new) == 200
