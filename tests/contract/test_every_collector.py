"""What every collector keeps to: what its sender is told, and what is then in the tables."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.end_to_end.conftest import Site
from tests.registry import Plant

NOW = datetime.now(UTC).replace(microsecond=0)
Answer = dict[str, Any]
Send = Callable[[bytes], Coroutine[Any, Any, Answer]]  # sends until there is an answer, returns it
AT_ONCE_S, PATIENCE_S = 3.0, 40.0


def document(*values: float, **fields: Any) -> bytes:
    items = [
        {
            "device": "M-01",
            "quantity": "electricity",
            "at": NOW.replace(minute=place).isoformat(),
            "value": value,
        }
        for place, value in enumerate(values)
    ]
    return json.dumps({"id": "d1", "readings": items, **fields}).encode()


async def over_http(site: Site, plant: Plant) -> AsyncIterator[Send]:
    """A sender that obeys Retry-After."""
    async with httpx.AsyncClient() as client:

        async def send(payload: bytes) -> Answer:
            while True:
                answer = await client.post(
                    f"{site.ingest.url}/ingest/v1/readings",
                    content=payload,
                    headers={"Authorization": f"Bearer {plant.key}"},
                )
                if answer.status_code != 503:
                    return dict(answer.json())
                assert answer.headers["retry-after"]
                assert answer.json()["code"] == "busy"
                await asyncio.sleep(1)

        yield send


async def over_mqtt(site: Site, plant: Plant) -> AsyncIterator[Send]:
    """A sender that waits for its outcome."""
    topic = f"qingyu/v1/{plant.uscc}"
    loop = asyncio.get_running_loop()
    outcomes: asyncio.Queue[Answer] = asyncio.Queue()
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(plant.uscc, "secret")

    def subscribe(*_: Any) -> None:
        client.subscribe(f"{topic}/outcomes", qos=1)

    def keep(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        loop.call_soon_threadsafe(outcomes.put_nowait, json.loads(message.payload))

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = keep
    client.connect("127.0.0.1", site.broker.port)
    client.loop_start()
    await asyncio.to_thread(subscribed.wait, 10)

    async def send(payload: bytes) -> Answer:
        client.publish(f"{topic}/readings", payload, qos=1)
        return await outcomes.get()

    yield send
    client.disconnect()
    client.loop_stop()


@pytest.fixture(params=[over_http, over_mqtt], ids=["http", "mqtt"])
async def send(request: pytest.FixtureRequest, site: Site, plant: Plant) -> AsyncIterator[Send]:
    async for sender in request.param(site, plant):
        yield sender


async def stored(owner: asyncpg.Connection, plant: Plant) -> list[float]:
    rows = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at", plant.channels[0]
    )
    return [row[0] for row in rows]


def counts(answer: Answer) -> tuple[int, int, int, int]:
    return (
        answer["stored"],
        answer["duplicate"],
        answer["revised"],
        len(answer["rejected"]),
    )


async def test_stored(send: Send, plant: Plant, owner: asyncpg.Connection) -> None:
    answer = await send(document(1, 2, 3))
    assert (answer["id"], counts(answer)) == ("d1", (3, 0, 0, 0))
    assert await stored(owner, plant) == [1, 2, 3]


async def test_duplicate(send: Send, plant: Plant, owner: asyncpg.Connection) -> None:
    await send(document(1, 2))
    assert counts(await send(document(1, 2, 3))) == (1, 2, 0, 0)
    assert await stored(owner, plant) == [1, 2, 3]


async def test_revised(send: Send, plant: Plant, owner: asyncpg.Connection) -> None:
    await send(document(1, 2))
    assert counts(await send(document(1, 5))) == (0, 1, 1, 0)
    assert await stored(owner, plant) == [1, 5]
    old = await owner.fetchrow(
        "SELECT value, replaced_by FROM reading_revisions WHERE channel_id = $1", plant.channels[0]
    )
    assert old["value"] == 2
    assert old["replaced_by"]


async def test_rejected_items(send: Send, plant: Plant, owner: asyncpg.Connection) -> None:
    body = json.loads(document(1, 2))
    body["readings"][0]["device"] = "M-99"
    answer = await send(json.dumps(body).encode())
    assert counts(answer) == (1, 0, 0, 1)
    assert answer["rejected"][0]["code"] == "unknown_device"
    assert await stored(owner, plant) == [2]


async def test_rejected_whole(send: Send, plant: Plant, owner: asyncpg.Connection) -> None:
    answer = await send(document(1, enterprise="91620602MA0000002X"))
    assert answer["code"] == "not_owner"
    assert answer["detail_zh"]
    assert await stored(owner, plant) == []
    assert await owner.fetchval(
        "SELECT reason FROM rejected_payloads WHERE payload = $1",
        document(1, enterprise="91620602MA0000002X"),
    )


async def test_unavailable_is_no_answer_until_it_is_stored(
    send: Send, plant: Plant, owner: asyncpg.Connection
) -> None:
    await owner.execute("ALTER TABLE readings RENAME TO away")
    sending = asyncio.create_task(send(document(1, 2)))
    done, _ = await asyncio.wait([sending], timeout=AT_ONCE_S)
    assert not done
    await owner.execute("ALTER TABLE away RENAME TO readings")
    answer = await asyncio.wait_for(sending, PATIENCE_S)
    assert counts(answer) == (2, 0, 0, 0)
    assert await stored(owner, plant) == [1, 2]


async def test_a_crash_before_the_answer_loses_nothing(
    send: Send, site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    """Killed while the store is away, so that nothing is committed; the sender sends again."""
    await owner.execute("ALTER TABLE readings RENAME TO away")
    sending = asyncio.create_task(send(document(1, 2)))
    await asyncio.sleep(1)
    site.ingest.kill()
    await owner.execute("ALTER TABLE away RENAME TO readings")
    site.ingest.start()
    await site.ingest.ready()
    try:
        answer = await asyncio.wait_for(sending, PATIENCE_S)
    except httpx.TransportError:  # of HTTP the connection is gone: the sender tries again
        answer = await send(document(1, 2))
    assert answer["stored"] + answer["duplicate"] == 2
    assert await stored(owner, plant) == [1, 2]
