"""Many small messages at once: each has its own outcome, whatever came together with it."""

import asyncio
import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.end_to_end.conftest import Site
from tests.registry import Plant

START = datetime(2026, 11, 1, tzinfo=UTC)
MESSAGES = 600


def payload(number: int) -> bytes:
    """Return one reading; some are garbage, of a wrong device, of another enterprise, repeated."""
    if number % 50 == 7:
        return b"garbage"
    at = START + timedelta(minutes=number - (number % 50 == 9))
    reading = {"device": "M-01", "quantity": "electricity", "at": at.isoformat(), "value": 1.0}
    document: dict[str, object] = {"readings": [reading], "id": f"d{number}"}
    if number % 50 == 11:
        reading["device"] = "M-99"
    if number % 50 == 13:
        document["enterprise"] = "91620602MA0000002X"
    if number % 2:
        del document["id"]
    return json.dumps(document).encode()


EXPECTED = {7: "garbage", 9: "duplicate", 11: "unknown_device", 13: "not_owner"}


async def test_a_burst_is_stored_and_answered_message_by_message(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    outcomes: dict[str, dict[str, object]] = {}
    subscribed, published, answered = threading.Event(), threading.Event(), threading.Event()
    wanted = [f"d{number}" for number in range(0, MESSAGES, 2)]
    left = Counter(range(MESSAGES))

    def note(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        outcome = json.loads(message.payload)
        outcomes[outcome["id"]] = outcome
        if len(outcomes) == len(wanted):
            answered.set()

    def count(*_: object) -> None:
        left.popitem()
        if not left:
            published.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, plant.uscc, protocol=paho.MQTTv5)
    client.username_pw_set(plant.uscc, "secret")
    client.max_inflight_messages_set(MESSAGES)
    client.on_message, client.on_publish = note, count
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", site.broker.port)
    client.loop_start()
    client.subscribe(f"qingyu/v1/{plant.uscc}/outcomes", qos=1)
    assert await asyncio.to_thread(subscribed.wait, 10)
    for number in range(MESSAGES):
        client.publish(f"qingyu/v1/{plant.uscc}/readings", payload(number), qos=1)
    assert await asyncio.to_thread(published.wait, 30)
    assert await asyncio.to_thread(answered.wait, 30)
    client.disconnect()
    client.loop_stop()

    assert set(outcomes) == set(wanted)
    assert {outcome["stored"] for outcome in outcomes.values()} == {1}
    minutes = await _minutes(owner, plant)
    assert minutes == [number for number in range(MESSAGES) if number % 50 not in EXPECTED]
    kept = await owner.fetch(
        "SELECT reason, sum(occurrences)::int FROM rejected_payloads WHERE sender = $1"
        " GROUP BY reason",
        plant.uscc,
    )
    each = MESSAGES // 50
    assert dict(kept) == {"malformed": each, "unknown_device": each, "not_owner": each}


async def _minutes(owner: asyncpg.Connection, plant: Plant) -> list[int]:
    """Return the minutes that are stored, as soon as the last is."""
    query = "SELECT at FROM readings WHERE channel_id = $1 ORDER BY at"
    for _ in range(400):
        rows = await owner.fetch(query, plant.channels[0])
        minutes = [round((row[0] - START) / timedelta(minutes=1)) for row in rows]
        if minutes and minutes[-1] == MESSAGES - 1:
            return minutes
        await asyncio.sleep(0.05)
    raise AssertionError("the last message is not stored")
