"""A collector is killed while readings flow; what was acknowledged is there, once."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import asyncpg
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.end_to_end.conftest import Site
from tests.registry import Plant

MESSAGES, READINGS = 2_000, 10
START = datetime(2026, 11, 1, tzinfo=UTC)


class Sender:
    """Publishes at QoS 1 and notes which documents the broker acknowledged."""

    def __init__(self, site: Site, plant: Plant) -> None:
        self.topic = f"qingyu/v1/{plant.uscc}/readings"
        self.numbers: dict[int, int] = {}
        self.acknowledged: set[int] = set()
        self.done = threading.Event()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, client_id=plant.uscc
        )
        self.client.username_pw_set(plant.uscc, "secret")
        self.client.max_inflight_messages_set(100)
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", site.broker.port)
        self.client.loop_start()

    def _on_publish(self, *arguments: object) -> None:
        self.acknowledged.add(int(str(arguments[2])))
        if len(self.acknowledged) == MESSAGES:
            self.done.set()

    def send(self, number: int) -> None:
        document = {
            "readings": [
                {
                    "device": "M-01",
                    "quantity": "electricity",
                    "at": (START + timedelta(seconds=number * READINGS + place)).isoformat(),
                    "value": number * READINGS + place,
                }
                for place in range(READINGS)
            ]
        }
        self.client.publish(self.topic, json.dumps(document), qos=1)


async def test_every_acknowledged_reading_is_stored_once(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    sender = Sender(site, plant)

    async def flow() -> None:
        for number in range(MESSAGES):
            sender.send(number)
            if number % 20 == 0:
                await asyncio.sleep(0.01)

    flowing = asyncio.create_task(flow())
    kills = 0
    while kills < 2 or not flowing.done():
        await asyncio.sleep(0.25)
        site.ingest.kill()
        site.ingest.start()
        await site.ingest.ready()
        kills += 1
    await flowing
    assert await asyncio.to_thread(sender.done.wait, 30)
    sender.client.disconnect()
    sender.client.loop_stop()
    wanted = MESSAGES * READINGS
    for _ in range(600):
        if await _stored(owner, plant) >= wanted:
            break
        await asyncio.sleep(0.05)
    values = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at", plant.channels[0]
    )
    assert [row[0] for row in values] == list(range(wanted))
    assert not await owner.fetchval("SELECT count(*) FROM reading_revisions")


async def _stored(owner: asyncpg.Connection, plant: Plant) -> int:
    return int(
        await owner.fetchval(
            "SELECT count(*) FROM readings WHERE channel_id = $1", plant.channels[0]
        )
    )
