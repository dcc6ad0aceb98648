"""From a sender to the commit, against a bare COPY of the same table in the same run."""

import asyncio
import multiprocessing
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from multiprocessing.synchronize import Event
from urllib.parse import urlsplit

import asyncpg
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.group import gather
from ingest.registry import Batch, Sender
from tests.benchmarks.documents import documents
from tests.benchmarks.line import Line

ROUNDS = 3
GROUP = 10_000
WINDOW = 1_000  # messages that the publishers have under way
CONNECTIONS = 16


def median_rate(line: Line, run: Callable[[Line, datetime], float]) -> float:
    """Return the median of the rates of several runs, each into a fresh chunk."""
    return statistics.median(run(line, line.fresh_week()) for _ in range(ROUNDS))


def copy_ceiling(line: Line, start: datetime) -> float:
    """Return readings/s of binary COPY in groups of 10,000 sorted rows, a transaction each."""
    groups = [_encoded_group(line, start, number) for number in range(300)]

    async def copy() -> float:
        connection = await asyncpg.connect(line.db.ingest)
        began = time.perf_counter()
        for group in groups:
            async with connection.transaction():
                await connection.copy_to_table(
                    "readings",
                    source=_once(group),
                    columns=("at", "value", "channel_id", "quality"),
                    format="binary",
                )
        seconds = time.perf_counter() - began
        await connection.close()
        return len(groups) * GROUP / seconds

    return asyncio.run(copy())


def _encoded_group(line: Line, start: datetime, number: int) -> bytes:
    channels = [channel for plant in line.plants for channel in plant.channels]
    half = channels[(number % 2) * GROUP : (number % 2 + 1) * GROUP]
    at = round((start.timestamp() + 60 * (number // 2)) * 1_000_000)
    batch = Batch(
        Sender("bench", 1, "x"),
        half,
        [at] * GROUP,
        [123456.7] * GROUP,
        [0] * GROUP,
    )
    return gather([batch]).copied()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def mqtt(size: int, readings: int) -> Callable[[Line, datetime], float]:
    """Return a run that publishes documents of ``size`` readings at QoS 1."""

    def run(line: Line, start: datetime) -> float:
        made = list(documents(line.plants, start, readings, size))
        payloads = [(plant.uscc, document) for plant, document in made]
        return _timed(line, "mqtt", start, len(made) * size, _publish, line.broker.port, payloads)

    return run


def http(size: int, readings: int) -> Callable[[Line, datetime], float]:
    """Return a run that posts documents of ``size`` readings over a few kept connections."""

    def run(line: Line, start: datetime) -> float:
        made = list(documents(line.plants, start, readings, size))
        payloads = [(plant.key, document) for plant, document in made]
        return _timed(line, "http", start, len(made) * size, _post, line.ingest_url, payloads)

    return run


def _timed(
    line: Line,
    collector: str,
    start: datetime,
    total: int,
    send: Callable[..., None],
    target: int | str,
    payloads: list[tuple[str, bytes]],
) -> float:
    """Return readings/s from the first document sent to the last reading committed."""
    before = line.stored(collector)
    ready, go = multiprocessing.Event(), multiprocessing.Event()
    sender = multiprocessing.Process(target=send, args=(target, payloads, ready, go))
    sender.start()
    ready.wait()
    go.set()
    began = time.perf_counter()
    line.wait_until_stored(collector, before + total)
    seconds = time.perf_counter() - began
    sender.join()
    assert line.count(start) == total
    return total / seconds


def _publish(port: int, payloads: list[tuple[str, bytes]], ready: Event, go: Event) -> None:
    window = threading.Semaphore(WINDOW)
    clients = {user: _client(port, user, window) for user in {user for user, _ in payloads}}
    ready.set()
    go.wait()
    for user, payload in payloads:
        window.acquire()
        clients[user].publish(f"qingyu/v1/{user}/readings", payload, qos=1)
    for _ in range(WINDOW):
        window.acquire()
    for client in clients.values():
        client.disconnect()
        client.loop_stop()


def _client(port: int, user: str, window: threading.Semaphore) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(user, "p")
    client.max_inflight_messages_set(WINDOW)
    client.on_publish = lambda *_: window.release()
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _post(url: str, payloads: list[tuple[str, bytes]], ready: Event, go: Event) -> None:
    address = urlsplit(url)
    requests = [
        (
            f"POST /ingest/v1/readings HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(payload)}\r\n\r\n"
        ).encode()
        + payload
        for key, payload in payloads
    ]

    async def send(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for request in mine:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    async def send_all() -> None:
        await asyncio.gather(*(send(requests[n::CONNECTIONS]) for n in range(CONNECTIONS)))

    ready.set()
    go.wait()
    asyncio.run(send_all())
