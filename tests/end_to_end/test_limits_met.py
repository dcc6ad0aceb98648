"""Limits of senders on the real line: a backfill passes, a flood waits, the others do not."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from deploy.local.settings import CHECKOUT
from tests.end_to_end.conftest import Site
from tests.end_to_end.test_collectors import post, stored, until
from tests.registry import Plant, Spec, add_channel, add_plant

METERS, INTERVAL_S = 3, 900
A_DAY = METERS * 86_400 // INTERVAL_S
NARROW = """
[limits]
times_due = 10
burst_days = 2
least_per_s = 1000
least_burst = 1
"""
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)


@pytest.fixture(scope="module", autouse=True)
def _narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    config = tmp_path_factory.mktemp("config") / "ingest.toml"
    text = (CHECKOUT / "deploy" / "ingest.toml").read_text(encoding="utf-8")
    config.write_text(re.sub(r"(?s)\n\[limits\].*?(?=\n\[|\Z)", "\n", text) + NARROW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGYU_INGEST_CONFIG", str(config))
        yield


@pytest.fixture
async def plant(plant: Plant, owner: asyncpg.Connection) -> Plant:
    """One with three meters, each due every quarter of an hour."""
    for number in range(2, METERS + 1):
        channel = await add_channel(owner, plant.enterprise_id, Spec(), f"M-{number:02d}")
        plant.channels.append(channel)
    await asyncio.sleep(0.2)  # the registry reaches the collector by NOTIFY
    return plant


def a_day(first: int = 0) -> bytes:
    """Every meter's readings of a day."""
    items = [
        {
            "device": f"M-{meter:02d}",
            "quantity": "electricity",
            "at": (START + timedelta(seconds=first + step * INTERVAL_S)).isoformat(),
            "value": step,
        }
        for meter in range(1, METERS + 1)
        for step in range(86_400 // INTERVAL_S)
    ]
    return json.dumps({"id": f"day {first}", "readings": items}).encode()


async def metric(site: Site, name: str) -> float:
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{site.ingest.url}/metrics")).text
    found = re.search(rf"^{re.escape(name)} (\S+)", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_a_day_of_every_meter_at_once_passes_and_a_flood_is_told_to_wait(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    assert (await post(site, plant.key, a_day())).json()["stored"] == A_DAY
    kept = 1
    for first in range(1, 200):
        answer = await post(site, plant.key, a_day(first))
        if answer.status_code == 429:
            break
        kept += 1
    assert answer.status_code == 429
    problem = answer.json()
    assert (problem["code"], problem["limit"]) == ("too_much", "readings")
    assert problem["limits"]["readings"] == {"per_second": 1000, "at_once": 2 * A_DAY, "left": 0}
    # its bytes come back faster than these short readings take them
    assert 0 < problem["limits"]["bytes"]["left"] <= problem["limits"]["bytes"]["at_once"]
    assert datetime.fromisoformat(problem["retry_at"]) > START
    for words in (problem["detail"], problem["detail_zh"]):
        assert answer.headers["retry-after"] in words
    assert await stored(owner, plant) == kept * A_DAY  # and nothing of what was refused
    await asyncio.sleep(int(answer.headers["retry-after"]))
    assert (await post(site, plant.key, a_day(first))).json()["stored"] == A_DAY


async def test_over_mqtt_a_flood_is_delayed_and_the_others_are_not(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    days, topic = 20, f"qingyu/v1/{plant.uscc}/readings"
    for first in range(days):
        assert site.mosquitto_pub(plant.uscc, topic, a_day(first)).returncode == 0
    async with asyncio.timeout(20):
        while not await metric(site, "qingyu_ingest_delayed"):
            await asyncio.sleep(0.01)
    other = await another(owner, site)
    site.mosquitto_pub(other.uscc, f"qingyu/v1/{other.uscc}/readings", a_day())
    await until(owner, "SELECT true FROM readings WHERE channel_id = $1", other.channels[0])
    assert await stored(owner, plant) < days * A_DAY
    while await stored(owner, plant) < days * A_DAY:  # and none of it is refused
        await asyncio.sleep(0.05)
    assert await metric(site, 'qingyu_ingest_limited_total{collector="mqtt",outcome="delayed"}')
    assert not await metric(site, "qingyu_ingest_delayed")


async def another(owner: asyncpg.Connection, site: Site) -> Plant:
    plant = await add_plant(owner, number=900_001)
    site.open_account(plant.uscc)
    await asyncio.sleep(0.2)
    return plant
