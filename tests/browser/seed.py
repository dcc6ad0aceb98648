"""A database as after some weeks of work: registry, official figures, readings, alerts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx

from deploy.local.database import Database
from ingest.commit import commit, prepare
from ingest.group import gather
from ingest.registry import Batch, Sender
from schemas.access import ROLES, Grant
from service import evaluator, rollup
from service.analyzers import find
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import EVERYWHERE, Engine, make_engine
from tests.browser import counties, plants

HOUR = timedelta(hours=1)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
KEYS = ("administrator", "statistics", "operator", "regulator")


async def seed(db: Database, days: int) -> dict[str, str]:
    """Fill an empty database; returns a key for each role and one of an enterprise."""
    now = datetime.now(UTC)
    engine = make_engine(db.service, "seed", region=EVERYWHERE)
    try:
        keys = {role: await make_key(engine, role) for role in KEYS}
        await post(db, keys["administrator"], "/registry", _registry())
        keys["enterprise"] = await make_key(engine, "enterprise", plants.COATING)
        await post(db, keys["statistics"], "/targets", {"targets": counties.targets(now)})
        await post(db, keys["statistics"], "/statistics", {"figures": counties.industry(now)})
        await post(db, keys["statistics"], "/statistics", {"figures": counties.on_bases()})
        for quarter in range(3):
            rows = {"figures": counties.figures(now, quarter)}
            await post(db, keys["statistics"], "/statistics", rows)
            await evaluate(engine, now, "official_intensity", "official_energy")
        await _measure(db, engine, now, days, keys["administrator"])
    finally:
        await engine.dispose()
    return keys


def _registry() -> dict[str, Any]:
    price = {
        "quantity": "electricity", "method": "coal_consumption", "kgce_per_unit": 0.3,
        "valid_from": "2024-01-01", "source": "演示等价系数",
    }  # fmt: skip
    return {
        "counties": counties.registered(),
        "enterprises": plants.registered(),
        "coefficients": [price],
    }


async def make_key(engine: Engine, role: str, uscc: str | None = None) -> str:
    """Create a client with a role; returns its key."""
    grants = [Grant("", domain, verb) for domain, verb in ROLES[role]]
    async with engine.begin() as connection:
        return await clients.create(connection, f"{role} office", uscc, grants)


async def post(db: Database, key: str, path: str, body: Any) -> None:
    """Send a document to the application, without a socket."""
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://qingyu") as client:
            headers = {"Authorization": f"Bearer {key}"}
            answer = await client.post(f"/api/v1{path}", json=body, headers=headers)
            assert answer.is_success, answer.text


async def evaluate(engine: Engine, now: datetime, *names: str) -> None:
    """Roll up what waits and evaluate some indicators, or all of them."""
    analyzers = find()
    while await rollup.roll_up_each(engine, [analyzer.name for analyzer in analyzers], EVER):
        pass
    chosen = [analyzer for analyzer in analyzers if not names or analyzer.name in names]
    await evaluator.evaluate_all(engine, chosen, now)


async def _measure(db: Database, engine: Engine, now: datetime, days: int, key: str) -> None:
    """Send readings up to three hours ago, evaluate, then send the rest as it would come."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - number * HOUR for number in range(24 * days, -1, -1)]
    await _send(db, hours, now, slice(0, -3))
    for event in (*plants.events(now), plants.replacement(now)):
        await post(db, key, "/device-events", event)
    await post(db, key, "/channel-settings", plants.setting(now))
    await evaluate(engine, hour - 3 * HOUR + timedelta(minutes=5))
    await _send(db, hours, now, slice(-3, None))
    await evaluate(engine, now)


async def _send(db: Database, hours: list[datetime], now: datetime, part: slice) -> None:
    async with (
        asyncpg.create_pool(db.ingest, min_size=1, max_size=1, init=prepare) as pool,
        pool.acquire() as connection,
    ):
        for (plant, device), quantity in _channels().items():
            if (plant, device) == plants.MONITOR:
                values = [plants.concentration(at, now) for at in hours]
                instants = [at - HOUR for at in hours]
            else:
                values = list(plants.dial(plant, device, hours, now))
                instants = hours
            batch = await _batch(connection, plant, device, quantity, instants[part], values[part])
            await commit(connection, gather([batch]))


def _channels() -> dict[tuple[str, str], str]:
    """Return the quantity of every device that sends."""
    return {
        (plant["uscc"], device["code"]): device["channels"][0]["quantity"]
        for plant in plants.registered()
        for device in plant["devices"]
        if (plant["uscc"], device["code"]) in {*plants.DIALS, plants.MONITOR}
    }


async def _batch(
    connection: asyncpg.Connection,
    plant: str,
    device: str,
    quantity: str,
    instants: Sequence[datetime],
    values: Sequence[float],
) -> Batch:
    channel, enterprise = await connection.fetchrow(
        "SELECT c.channel_id, e.enterprise_id FROM channels AS c"
        " JOIN devices AS d USING (device_id) JOIN enterprises AS e USING (enterprise_id)"
        " WHERE e.uscc = $1 AND d.code = $2 AND c.quantity = $3",
        plant,
        device,
        quantity,
    )
    return Batch(
        Sender("gateway", enterprise, plant),
        [channel] * len(instants),
        [round(at.timestamp() * 1_000_000) for at in instants],
        list(values),
        [0] * len(instants),
    )
