"""The reference sender on the real line: whatever is killed, each reading is stored once."""

import asyncio
import json
import os
import re
import resource
import signal
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import trustme

from deploy.local.sender.arguments import PASSWORD
from deploy.local.sender.link import Account, Link
from deploy.local.sender.spool import Spool
from deploy.local.settings import CHECKOUT, free_port
from tests.end_to_end.conftest import Site
from tests.gateway import Gateway
from tests.registry import Plant, Spec, add_channel

START = datetime(2026, 11, 1, tzinfo=UTC)
READMES = [CHECKOUT / "deploy/local/sender" / name for name in ("README.md", "README.zh.md")]
MIB = 1 << 20


def reading(number: int, **fields: Any) -> bytes:
    at = START + timedelta(seconds=number)
    item = {"device": "M-01", "quantity": "electricity", "at": at.isoformat(), "value": number}
    return json.dumps({**item, **fields}).encode()


@pytest.fixture
def gateway(site: Site, plant: Plant, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(
        f"127.0.0.1:{site.broker.port}", plant.uscc, tmp_path / "gateway", ["--batch", "20"]
    )
    yield made
    made.kill()


async def stored(owner: asyncpg.Connection, plant: Plant) -> list[float]:
    rows = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at", plant.channels[0]
    )
    return [row[0] for row in rows]


async def expect_once(owner: asyncpg.Connection, plant: Plant, count: int) -> None:
    assert await stored(owner, plant) == list(range(count))
    assert not await owner.fetchval(
        "SELECT count(*) FROM reading_revisions WHERE channel_id = $1", plant.channels[0]
    )


def piped(gateway: Gateway, lines: Sequence[bytes]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        gateway.command(),
        cwd=CHECKOUT,
        env={**os.environ, PASSWORD: "secret"},
        input=b"\n".join(lines),
        capture_output=True,
        timeout=60,
        check=False,
    )


async def test_readings_of_stdin_are_stored_and_it_ends(
    gateway: Gateway, plant: Plant, owner: asyncpg.Connection
) -> None:
    ended = await asyncio.to_thread(piped, gateway, [reading(number) for number in range(50)])
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [event["kept"] for event in events if "kept" in event] == [20, 40, 50]
    assert sum(event.get("stored", 0) for event in events) == 50
    assert gateway.waiting() == 0
    await expect_once(owner, plant, 50)


async def test_kills_of_the_sender_lose_nothing(
    gateway: Gateway, plant: Plant, owner: asyncpg.Connection
) -> None:
    """Each kill comes after some more documents were answered, the rest being anywhere."""
    count, kills = 4_000, 6
    gateway.bring(map(reading, range(count)))
    for kill in range(1, kills + 1):
        gateway.start()
        mark = kill * 25
        gateway.wait_for("nothing is answered", lambda: len(gateway.answered()) >= mark)  # noqa: B023
        gateway.kill()
    assert gateway.waiting() or list(gateway.incoming.iterdir())
    gateway.start()
    await asyncio.to_thread(gateway.finish)
    await expect_once(owner, plant, count)
    duplicates = sum(event["duplicate"] for event in gateway.answered().values())
    print(f"{kills} kills: {count} sent and stored, {duplicates} counted as duplicates")


async def test_a_killed_broker_loses_nothing(
    gateway: Gateway, site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    count = 2_000
    gateway.bring(map(reading, range(count)))
    gateway.start()
    gateway.wait_for("nothing is answered", lambda: len(gateway.answered()) >= 10)
    site.broker._program.signal(signal.SIGKILL)
    gateway.wait_for("the broker lives", lambda: not site.broker.running())
    site.broker.start()
    await asyncio.to_thread(gateway.finish)
    await expect_once(owner, plant, count)
    answered = gateway.answered().values()
    assert sum(event["stored"] + event["duplicate"] for event in answered) == count


async def test_without_a_broker_all_is_kept_until_there_is_one(
    gateway: Gateway, plant: Plant, owner: asyncpg.Connection
) -> None:
    broker, gateway.broker = gateway.broker, f"127.0.0.1:{free_port()}"
    gateway.bring(map(reading, range(100)))
    gateway.start()
    gateway.wait_for("not on disk", lambda: not list(gateway.incoming.iterdir()))
    gateway.kill(signal.SIGTERM)
    assert gateway.waiting() == 5
    gateway.broker = broker
    gateway.start()
    await asyncio.to_thread(gateway.finish)
    await expect_once(owner, plant, 100)


async def test_what_was_read_is_on_disk_when_it_is_asked_to_end(
    gateway: Gateway, plant: Plant, owner: asyncpg.Connection
) -> None:
    gateway.broker = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        *gateway.command("--age", "1000"),
        cwd=CHECKOUT,
        env={**os.environ, PASSWORD: "secret"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"".join(reading(number) + b"\n" for number in range(30)))
    async with asyncio.timeout(60):
        assert json.loads(await process.stdout.readline()) == {"kept": 20}
        process.send_signal(signal.SIGTERM)
        rest = await process.stdout.read()
        assert await process.wait() == 0
    assert [json.loads(line) for line in rest.splitlines()] == [{"kept": 30}]
    assert gateway.waiting() == 2


async def test_what_is_refused_is_kept_with_the_reasons_and_can_be_sent_again(
    gateway: Gateway, plant: Plant, owner: asyncpg.Connection
) -> None:
    lines = [reading(0), reading(1, device="M-77"), reading(2, value="x"), b"no JSON", reading(1)]
    gateway.bring(lines)
    gateway.start()
    await asyncio.to_thread(gateway.finish)
    assert await stored(owner, plant) == [0, 1]
    refused = gateway.refused()
    codes = {reason["code"] for kept in refused for reason in kept["reasons"]}
    assert codes == {"unknown_device", "not_number", "malformed"}
    await add_channel(owner, plant.enterprise_id, Spec(), "M-77")
    [path] = [
        path
        for path in (gateway.folder / "refused").iterdir()
        if b"unknown_device" in path.read_bytes()
    ]
    path.rename(gateway.incoming / "again.ndjson")
    gateway.start()
    await asyncio.to_thread(gateway.finish)
    assert await owner.fetchval(
        "SELECT count(*) FROM readings JOIN channels USING (channel_id)"
        " JOIN devices USING (device_id) WHERE code = 'M-77' AND enterprise_id = $1",
        plant.enterprise_id,
    )


async def test_a_disk_that_refuses_stops_the_reading_and_loses_nothing(
    gateway: Gateway, plant: Plant, owner: asyncpg.Connection
) -> None:
    """The limit of a file's size stands for a full disk: writes fail, and deletions do not."""
    gateway.options = ["--batch", "1000"]
    gateway.bring(map(reading, range(3_000)))
    limit = (16 * 1024, resource.RLIM_INFINITY)
    gateway.start()
    assert gateway.process
    psutil.Process(gateway.process.pid).rlimit(psutil.RLIMIT_FSIZE, limit)
    gateway.wait_for("it does not say so", lambda: "nothing is read until" in gateway.told())
    assert list(gateway.incoming.iterdir())
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    psutil.Process(gateway.process.pid).rlimit(psutil.RLIMIT_FSIZE, unlimited)
    await asyncio.to_thread(gateway.finish)
    assert "the disk takes documents again" in gateway.told()
    await expect_once(owner, plant, 3_000)


async def test_memory_does_not_grow_with_the_backlog(
    gateway: Gateway, site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    spool = Spool(gateway.folder)
    text = "x" * 100_000
    for number in range(1_500):
        id_ = spool.new_id()
        document = b'{"id":"%b","padding":"%b","readings":[%b]}'
        payload = document % (id_.encode(), text.encode(), reading(number))
        (spool.waiting / f"{id_}.json").write_bytes(payload)
    spool.close()
    gateway.start()
    process, peak = psutil.Process(gateway.process.pid if gateway.process else 0), 0
    with suppress(psutil.NoSuchProcess):
        while gateway.running:
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.01)
    gateway.finish()
    print(f"backlog of 150 MiB: {peak / MIB:.0f} MiB at most")
    assert peak < 110 * MIB
    await expect_once(owner, plant, 1_500)


async def test_one_connection_of_tls(
    gateway: Gateway, site: Site, plant: Plant, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", site.broker.port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, outer))
            tasks.create_task(_copy(inner, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    gateway.broker = f"localhost:{server.sockets[0].getsockname()[1]}"
    gateway.options = ["--batch", "20", "--tls-ca", str(tmp_path / "ca.pem")]
    gateway.bring(map(reading, range(1_000)))
    gateway.start()
    await asyncio.to_thread(gateway.finish)
    server.close()
    await expect_once(owner, plant, 1_000)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"--broker": "localhost"}, "host:port", id="broker"),
        pytest.param({"--batch": "0"}, "1 to 100000", id="batch"),
        pytest.param({"--incoming": "/nowhere"}, "no folder", id="incoming"),
        pytest.param({"--password-file": "/nowhere"}, "cannot be read", id="password"),
        pytest.param({"--tls-ca": str(READMES[0])}, "no certificates", id="authority"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, change: dict[str, str], sentence: str) -> None:
    gateway = Gateway("127.0.0.1:1", "91620623QY00000149", tmp_path / "gateway")
    words = [word for pair in change.items() for word in pair]
    ended = subprocess.run(
        gateway.command(*words),
        cwd=CHECKOUT,
        env={**os.environ, PASSWORD: "secret"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def examples(readme: Path) -> list[tuple[bytes, dict[str, Any]]]:
    """Return each document of the manual with the outcome that it says to come."""
    blocks = re.findall(r"```json\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    documents, outcomes = blocks[::2], blocks[1::2]
    assert len(documents) == len(outcomes) >= 3
    return [(d.encode(), json.loads(o)) for d, o in zip(documents, outcomes, strict=True)]


@pytest.fixture
async def manual(owner: asyncpg.Connection, plant: Plant) -> Plant:
    """The plant, with the devices of the manual."""
    await add_channel(owner, plant.enterprise_id, Spec(), "E-01")
    outlet = Spec("nmhc", "hour.mean", "gauge", unit="mg/m3", label="start", device="A-01")
    await add_channel(owner, plant.enterprise_id, outlet, "A-01")
    await asyncio.sleep(0.2)  # the registry reaches the collector by NOTIFY
    return plant


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
async def test_the_examples_of_the_manual_are_answered_as_it_says(
    site: Site, manual: Plant, readme: Path
) -> None:
    outcomes: asyncio.Queue[bytes] = asyncio.Queue()
    connected = asyncio.Event()
    account = Account(f"127.0.0.1:{site.broker.port}", manual.uscc, manual.uscc, "secret")
    link = Link(account, outcomes.put_nowait, connected.set, lambda: None)
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(60):
        await connected.wait()
        for document, expected in examples(readme):
            link.publish(document)
            assert json.loads(await outcomes.get()) == expected
    running.cancel()
