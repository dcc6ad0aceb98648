"""Senders in a process of their own: everything is encoded before anything is timed."""

import asyncio
import multiprocessing
import subprocess
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import uvloop

from deploy.local.mosquitto import Broker
from tests.benchmarks.rig import PASSWORD

PUBLICATIONS = 1_000  # that each publisher has under way
CONNECTIONS = 64  # gateways that post at the same time
PACKETS = 20  # that each monitor has under way

Send = Callable[[Event, Event], None]  # says that it is ready, then waits to go


def seconds(send: Send, wait: Callable[[], None] | None = None) -> float:
    """Return how long it takes from the first document sent until ``wait`` returns.

    Without it, until the sender has ended.
    """
    ready, go = multiprocessing.Event(), multiprocessing.Event()
    sender = multiprocessing.Process(target=send, args=(ready, go), daemon=True)
    sender.start()
    ready.wait()
    go.set()
    began = time.perf_counter()
    if wait is not None:
        wait()
        spent = time.perf_counter() - began
    sender.join()
    assert sender.exitcode == 0
    return spent if wait is not None else time.perf_counter() - began


def publish(broker: Broker, payloads: list[tuple[str, bytes]], ready: Event, go: Event) -> None:
    """Publish by one mosquitto_pub for each account, a line a message."""
    with tempfile.TemporaryDirectory() as folder:
        lines = {user: Path(folder, user) for user, _ in payloads}
        for user, path in lines.items():
            path.write_bytes(b"".join(text + b"\n" for own, text in payloads if own == user))
        ready.set()
        go.wait()
        clients = [_publish_lines(broker, user, path) for user, path in lines.items()]
        for client in clients:
            client.wait()


def _publish_lines(broker: Broker, user: str, path: Path) -> subprocess.Popen[bytes]:
    command = [
        str(broker.programs.mosquitto_pub), "-V", "5", "-q", "1", "-M", str(PUBLICATIONS), "-l",
        "-p", str(broker.port), "-u", user, "-P", PASSWORD, "-t", f"qingyu/v1/{user}/readings",
    ]  # fmt: skip
    with path.open("rb") as stdin:
        return subprocess.Popen(command, stdin=stdin)


def post(port: int, payloads: list[tuple[str, bytes]], ready: Event, go: Event) -> None:
    """Post over a few kept connections; each waits for its answer before it posts again."""
    requests = [
        (
            f"POST /ingest/v1/readings HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(payload)}\r\n\r\n"
        ).encode()
        + payload
        for key, payload in payloads
    ]

    async def send(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
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


def report(port: int, packets: list[list[bytes]], ready: Event, go: Event) -> None:
    """Send packets of HJ 212, each list over a connection, a few ahead of their answers."""

    async def send(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = min(PACKETS, len(mine))
        writer.write(b"".join(mine[:sent]))
        answered = 0
        while answered < len(mine):
            data = await reader.read(65_536)
            assert data, "the connection was ended"
            answers = data.count(b"\r\n")
            writer.write(b"".join(mine[sent : sent + answers]))
            answered, sent = answered + answers, sent + answers
        assert answered == len(mine)
        writer.close()

    async def send_all() -> None:
        await asyncio.gather(*map(send, packets))

    ready.set()
    go.wait()
    uvloop.run(send_all())
