"""From a sender to the commit, against a bare COPY of the same table in the same run."""

import asyncio
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from ingest.group import gather
from ingest.registry import Batch, Sender
from tests.benchmarks.documents import documents
from tests.benchmarks.line import Line

ROUNDS = 3
GROUP = 10_000
WINDOW = 1_000  # messages that each publisher has under way
CONNECTIONS = 64  # gateways that post at the same time


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
        send = partial(_publish, line, payloads)
        return _timed(line, "mqtt", start, len(made) * size, send)

    return run


def http(size: int, readings: int) -> Callable[[Line, datetime], float]:
    """Return a run that posts documents of ``size`` readings over a few kept connections."""

    def run(line: Line, start: datetime) -> float:
        made = list(documents(line.plants, start, readings, size))
        payloads = [(plant.key, document) for plant, document in made]
        send = partial(_post, line.ingest_url, payloads)
        return _timed(line, "http", start, len(made) * size, send)

    return run


def _timed(
    line: Line,
    collector: str,
    start: datetime,
    total: int,
    send: Callable[[Event, Event], None],
) -> float:
    """Return readings/s from the first document sent to the last reading committed."""
    before = line.stored(collector)
    ready, go = multiprocessing.Event(), multiprocessing.Event()
    sender = multiprocessing.Process(target=send, args=(ready, go))
    sender.start()
    ready.wait()
    go.set()
    began = time.perf_counter()
    line.wait_until_stored(collector, before + total)
    seconds = time.perf_counter() - began
    sender.join()
    assert line.count(start) == total
    return total / seconds


def _publish(line: Line, payloads: list[tuple[str, bytes]], ready: Event, go: Event) -> None:
    """Publish by one mosquitto_pub for each account, a line a message."""
    with tempfile.TemporaryDirectory() as folder:
        lines = {user: Path(folder, user) for user, _ in payloads}
        for user, path in lines.items():
            path.write_bytes(b"".join(text + b"\n" for own, text in payloads if own == user))
        ready.set()
        go.wait()
        clients = [_publish_lines(line, user, path) for user, path in lines.items()]
        for client in clients:
            client.wait()


def _publish_lines(line: Line, user: str, path: Path) -> subprocess.Popen[bytes]:
    command = [
        str(line.broker.programs.mosquitto_pub), "-V", "5", "-q", "1", "-M", str(WINDOW), "-l",
        "-p", str(line.broker.port), "-u", user, "-P", "p", "-t", f"qingyu/v1/{user}/readings",
    ]  # fmt: skip
    with path.open("rb") as stdin:
        return subprocess.Popen(command, stdin=stdin)


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
