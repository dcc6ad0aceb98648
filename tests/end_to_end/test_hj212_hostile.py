"""Peers that hold, flood, mumble or eavesdrop: connections end, bounds hold, others are served."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.settings import CHECKOUT, free_port
from ingest.protocols.hj212_cipher import seal
from ingest.protocols.hj212_frames import checksum
from tests.end_to_end.conftest import Site
from tests.monitors import Line, Site212, add_monitor, local, packet
from tests.registry import Plant

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
CONFIGURATION = """
database = "${{QINGYU_DATABASE}}"
[[collectors]]
kind = "http"
bind = "127.0.0.1:{http}"
[[collectors]]
kind = "hj212"
bind = "127.0.0.1:{port}"
identify_s = 1
frame_s = 1
idle_s = 2
max_failures = 5
max_connections_per_address = 10
certificate = "{certificate}"
certificate_key = "{key}"
"""


class Strict:
    """A collector of its own with short patience, over TLS."""

    def __init__(self, site: Site, folder: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(folder / "chain.pem")
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        self.port, self.http = free_port(), free_port()
        configuration = folder / "strict.toml"
        configuration.write_text(
            CONFIGURATION.format(
                http=self.http,
                port=self.port,
                certificate=folder / "chain.pem",
                key=folder / "key.pem",
            )
        )
        environment = {
            **os.environ,
            "QINGYU_DATABASE": site.db.ingest,
            "QINGYU_INGEST_CONFIG": str(configuration),
        }
        self.log = folder / "log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingest"],
                cwd=CHECKOUT,
                env=environment,
                stdout=output,
                stderr=output,
            )

    async def line(self) -> Line:
        return await Line.open(self.port, ssl=self.trust)

    async def ready(self) -> None:
        async with httpx.AsyncClient() as client, asyncio.timeout(30):
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{self.http}/readyz")).is_success:
                        return
                except httpx.TransportError:
                    assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def count(self, name: str, **labels: str) -> float:
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{self.http}/metrics")).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return 0.0


@pytest.fixture(scope="module")
def strict(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    strict = Strict(site, tmp_path_factory.mktemp("strict"))
    try:
        asyncio.run(strict.ready())
        yield strict
    finally:
        strict.process.send_signal(signal.SIGTERM)
        strict.process.wait(30)


@pytest.fixture
async def monitor(owner: asyncpg.Connection, plant: Plant) -> Site212:
    monitor = await add_monitor(owner, plant)
    await asyncio.sleep(0.3)  # the registry reaches the collector by NOTIFY
    return monitor


@pytest.fixture
async def line(strict: Strict) -> AsyncIterator[Line]:
    line = await strict.line()
    yield line
    await line.close()


def reading(monitor: Site212, value: float, second: int = 0) -> bytes:
    at = HOUR + timedelta(seconds=second)
    return packet(monitor.mn, "2011", f"DataTime={local(at)};a24088-Rtd={value}", at=at)


async def test_whoever_says_nothing_is_let_go(line: Line, strict: Strict) -> None:
    assert await line.is_closed()
    assert await strict.count("qingyu_ingest_hj212_closed_total", cause="silent") >= 1


async def test_whoever_was_heard_once_and_falls_silent_is_let_go(
    line: Line, strict: Strict, monitor: Site212
) -> None:
    await line.send(reading(monitor, 1))
    assert "CN=9014" in await line.next()
    assert await line.is_closed()
    assert await strict.count("qingyu_ingest_hj212_closed_total", cause="idle") >= 1


async def test_a_byte_now_and_then_does_not_hold_a_frame_open(
    line: Line, strict: Strict, monitor: Site212
) -> None:
    """Slow loris: the time of a frame runs from its first byte on."""
    await line.send(b"##9999QN=")
    try:
        async with asyncio.timeout(10):
            while True:
                await line.send(b"x")
                await asyncio.sleep(0.1)
    except ConnectionError:
        pass
    assert await strict.count("qingyu_ingest_hj212_frames_total", outcome="truncated") >= 1


async def test_noise_ends_a_connection_and_what_it_was_is_kept(
    line: Line, strict: Strict, owner: asyncpg.Connection
) -> None:
    for number in range(5):
        await line.send(b"##0003ab%d0000\r\nGET / HTTP/1.1\r\n" % number)
    assert await line.is_closed()
    assert await strict.count("qingyu_ingest_hj212_closed_total", cause="noise") >= 1
    assert await owner.fetchval(
        "SELECT count(*) FROM rejected_payloads WHERE reason = 'bad_crc' AND sender = '127.0.0.1'"
    )


async def test_a_wrong_length_costs_no_other_frame(
    line: Line, monitor: Site212, owner: asyncpg.Connection
) -> None:
    good, other = reading(monitor, 1), reading(monitor, 2, second=1)
    await line.send(b"##9998" + good + other)
    assert "CN=9014" in await line.next()
    assert "CN=9014" in await line.next()


async def is_refused(strict: Strict) -> bool:
    try:
        line = await strict.line()
    except (ConnectionError, ssl.SSLError):
        return True
    closed = await line.is_closed()
    await line.close()
    return closed


async def test_one_address_holds_a_bounded_number_of_connections(strict: Strict) -> None:
    lines = [await strict.line() for _ in range(10)]
    assert await is_refused(strict)
    for line in lines:
        await line.close()


async def test_bytes_after_the_last_frame_are_not_lost_with_the_connection(
    strict: Strict, monitor: Site212, owner: asyncpg.Connection
) -> None:
    """Cut in mid-frame: what lies behind the head of the unfinished one is looked through."""
    line = await strict.line()
    await line.send(b"##9999" + reading(monitor, 7))
    await line.close()
    async with asyncio.timeout(10):
        while not await owner.fetchval(
            "SELECT count(*) FROM readings WHERE channel_id = $1",
            monitor.channels["nmhc", "instant"],
        ):
            await asyncio.sleep(0.1)


def sealed(monitor: Site212, value: float, key: bytes) -> bytes:
    """A frame of HJ 212-2025: the CRC over the plain segment, then CP enciphered."""
    plain = reading(monitor, value).replace(b"Flag=5", b"Flag=9")
    head, _, rest = plain.partition(b"CP=&&")
    content = rest.rpartition(b"&&")[0]
    segment = head[6:] + b"CP=&&" + content + b"&&"
    body = head[6:] + b"CP=&&" + seal(content, key) + b"&&"
    return b"##%04d%b%04X\r\n" % (len(body), body, checksum(segment))


async def test_enciphered_packets_are_read_with_the_present_and_the_previous_key(
    strict: Strict, monitor: Site212, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO monitor_bindings (device_id, cipher_key, previous_cipher_key)"
        " VALUES ($1, $2, $3)",
        monitor.device_id,
        bytes(16),
        KEY,
    )
    await asyncio.sleep(0.3)
    line = await strict.line()
    for value, key in ((1.0, KEY), (2.0, bytes(16))):
        await line.send(sealed(monitor, value, key))
        assert ";Flag=8;" in await line.next()
    await line.send(sealed(monitor, 3.0, bytes(range(16))))
    assert await line.is_silent()
    rows = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1", monitor.channels["nmhc", "instant"]
    )
    assert [row[0] for row in rows] == [2.0]  # of one instant, the last received
    await line.close()
