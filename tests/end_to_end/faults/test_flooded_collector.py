"""A collector is flooded while the database is away: its memory stays within bounds."""

import asyncio
import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta

import httpx
import paho.mqtt.client as paho
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local.postgres import Cluster
from tests.end_to_end.faults import readings
from tests.end_to_end.faults.scene import Scene, stalled
from tests.end_to_end.faults.size import SIZE

MIB = 1 << 20
MOST = 300 * MIB  # resident
FLOOD_MIB = min(200 * SIZE.flood_s, 2_000)  # the broker has to hold it


def document(count: int) -> bytes:
    items = [
        {
            "device": f"M-{place % 3 + 1:02d}",
            "quantity": readings.SPECS[place % 3].quantity,
            "at": (readings.START + timedelta(seconds=place)).isoformat(),
            "value": place,
        }
        for place in range(count)
    ]
    return json.dumps({"id": "flood", "readings": items}).encode()


@contextmanager
def watched(pid: int | None) -> Iterator[list[int]]:
    """Sample the resident memory of a process, in bytes, for as long as the block takes."""
    process, samples, over = psutil.Process(pid), [0], threading.Event()

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            while not over.wait(0.02):
                samples.append(process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield samples
    finally:
        over.set()
        watching.join()


def over_mqtt(stage: Scene, payload: bytes) -> None:
    uscc = stage.plants[0].uscc
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(uscc, "secret")
    client.connect("127.0.0.1", stage.broker.port)
    client.loop_start()
    sent, until = 0, time.monotonic() + SIZE.flood_s
    while sent < FLOOD_MIB * MIB and time.monotonic() < until:
        message = client.publish(f"qingyu/v1/{uscc}/readings", payload, qos=1)
        sent += len(payload)
        if len(client._out_messages) * len(payload) > 32 * MIB:
            message.wait_for_publish(5)
    client.disconnect()
    client.loop_stop()
    print(f"\nMQTT: {sent / MIB:.0f} MiB in documents of {len(payload):,} bytes", end="")


def over_http(stage: Scene, payload: bytes, **headers: str) -> None:
    url = f"{stage.collectors[0].url}/ingest/v1/readings"
    headers = {**headers, "Authorization": f"Bearer {stage.plants[0].key}"}
    until = time.monotonic() + SIZE.flood_s
    answers: Counter[int] = Counter()

    async def post(client: httpx.AsyncClient) -> None:
        while time.monotonic() < until:
            with suppress(httpx.HTTPError):
                answer = await client.post(url, content=payload, headers=headers)
                answers[answer.status_code] += 1

    async def flood() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=SIZE.flood_s) as client:
            await asyncio.gather(*(post(client) for _ in range(100)))

    asyncio.run(flood())
    print(f"\nHTTP: {dict(answers)} for documents of {len(payload):,} bytes, 100 at once", end="")


def over_http_packed(stage: Scene, payload: bytes) -> None:
    """Send the document with blanks up to the limit of what may be unpacked."""
    packed = gzip.compress(payload + b" " * (64 * MIB - len(payload)), 1)
    over_http(stage, packed, **{"Content-Encoding": "gzip"})


@contextmanager
def stopped(cluster: Cluster) -> Iterator[None]:
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


@pytest.mark.parametrize(
    ("flood", "count", "away"),
    [
        pytest.param(over_mqtt, 60_000, stopped, id="MQTT, no database"),
        pytest.param(over_mqtt, 60_000, stalled, id="MQTT, database stalled"),
        pytest.param(over_http, 60_000, stopped, id="HTTP, no database"),
        pytest.param(over_http_packed, 1_000, stalled, id="HTTP, packed, database stalled"),
    ],
)
def test_a_flood_without_a_database_takes_bounded_memory(
    stage: Scene,
    flood: Callable[[Scene, bytes], None],
    count: int,
    away: Callable[[Cluster], AbstractContextManager[None]],
) -> None:
    [collector] = stage.collectors
    assert collector.process
    payload = document(count)
    with away(stage.cluster), watched(collector.process.pid) as samples:
        flood(stage, payload)
    print(f": at most {max(samples) / MIB:.0f} MiB")
    assert collector.process.poll() is None
    assert max(samples) < MOST
