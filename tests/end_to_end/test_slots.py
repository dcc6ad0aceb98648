"""Collectors come and go on one shared subscription; each message is stored once, none strands."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.local import database
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from deploy.local.settings import CHECKOUT, free_port
from service.store import collector_slots
from service.store.engine import EVERYWHERE, make_engine
from tests.conftest import COLLECTOR_PASSWORD
from tests.end_to_end.conftest import Ingest
from tests.registry import Plant, add_plant

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
CONFIGURATION = """
database = "${QINGYU_DATABASE}"

[[collectors]]
kind = "http"
bind = "${QINGYU_INGEST_BIND}"

[[collectors]]
kind = "mqtt"
broker = "${QINGYU_MQTT}"
user = "${QINGYU_MQTT_USER}"
password = "${QINGYU_MQTT_PASSWORD}"
slot = "${SLOT}"
messages_in_flight = 50
"""


class Fleet:
    """Collector processes by their slots, on one database and one broker."""

    def __init__(self, db: Database, broker: Broker, folder: Path, plant: Plant) -> None:
        self.db, self.broker, self.folder, self.plant = db, broker, folder, plant
        self.run = uuid.uuid4().hex[:6]  # a session of an earlier test is none of ours
        self.processes: dict[str, Ingest] = {}
        (folder / "ingest.toml").write_text(CONFIGURATION)

    def environment(self, slot: str, port: int) -> dict[str, str]:
        return {
            **os.environ,
            "QINGYU_INGEST_CONFIG": str(self.folder / "ingest.toml"),
            "QINGYU_DATABASE": self.db.ingest,
            "QINGYU_INGEST_BIND": f"127.0.0.1:{port}",
            "QINGYU_MQTT": f"127.0.0.1:{self.broker.port}",
            "QINGYU_MQTT_USER": COLLECTOR,
            "QINGYU_MQTT_PASSWORD": COLLECTOR_PASSWORD,
            "SLOT": f"{self.run}-{slot}",
        }

    async def start(self, slot: str) -> Ingest:
        port = free_port()
        process = Ingest(
            f"http://127.0.0.1:{port}", self.environment(slot, port), self.folder / f"{slot}.log"
        )
        process.start()
        self.processes[slot] = process
        await process.ready()
        return process

    def kill(self, slot: str, number: int = signal.SIGKILL) -> None:
        self.processes.pop(slot).kill(number)

    async def drain(self, slot: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment("unused", 1)
        command = [sys.executable, "-m", "ingest", "drain", "--slot", f"{self.run}-{slot}"]
        return await asyncio.to_thread(
            subprocess.run, command, cwd=CHECKOUT, env=environment, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip

    def keeps_session(self, slot: str) -> bool:
        """Tell whether the broker has a session of a slot; ends it, too."""
        present: list[bool] = []
        connected = threading.Event()
        client = paho.Client(
            CallbackAPIVersion.VERSION2, f"qingyu-collector-{self.run}-{slot}", protocol=paho.MQTTv5
        )
        client.username_pw_set(COLLECTOR, COLLECTOR_PASSWORD)

        def on_connect(*arguments: object) -> None:
            flags = arguments[2]
            assert isinstance(flags, paho.ConnectFlags)
            present.append(flags.session_present)
            connected.set()

        client.on_connect = on_connect
        client.connect("127.0.0.1", self.broker.port, clean_start=False)
        client.loop_start()
        assert connected.wait(10)
        forget = Properties(PacketTypes.DISCONNECT)
        client.disconnect(properties=forget)
        client.loop_stop()
        return present[0]

    def stop(self) -> None:
        for slot in list(self.processes):
            self.kill(slot, signal.SIGTERM)


class Gateway:
    """Publishes one reading a message and knows which the broker acknowledged."""

    def __init__(self, broker: Broker, plant: Plant) -> None:
        self.topic = f"qingyu/v1/{plant.uscc}/readings"
        self.sent, self.acknowledged = 0, 0
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.username_pw_set(plant.uscc, "secret")
        self.client.max_inflight_messages_set(200)
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def _on_publish(self, *_: object) -> None:
        self.acknowledged += 1

    def send(self, number: int = 1) -> None:
        for _ in range(number):
            item = {
                "device": "M-01",
                "quantity": "electricity",
                "at": (START + timedelta(seconds=self.sent)).isoformat(),
                "value": self.sent,
            }
            self.client.publish(self.topic, json.dumps({"readings": [item]}), qos=1)
            self.sent += 1

    async def settle(self) -> None:
        deadline = time.monotonic() + 60
        while self.acknowledged < self.sent:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(runtime: Runtime, scratch: Path) -> Iterator[Broker]:
    """A broker of this test's own: sessions of other tests would be dealt its messages."""
    broker = Broker(runtime, scratch / uuid.uuid4().hex, free_port())
    broker.let_in({COLLECTOR: COLLECTOR_PASSWORD})
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def db(durable: Cluster) -> Database:
    name = f"test_{uuid.uuid4().hex[:12]}"
    asyncio.run(database.create(durable, name))
    database.migrate(durable, name)
    return asyncio.run(database.open_logins(durable, name))


_numbers = iter(range(500, 1000))


@pytest.fixture
async def owner(db: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(db.owner)
    yield connection
    await connection.close()


@pytest.fixture
async def fleet(db: Database, broker: Broker, tmp_path: Path) -> AsyncIterator[Fleet]:
    connection = await asyncpg.connect(db.owner)
    plant = await add_plant(connection, number=next(_numbers))
    await connection.close()
    broker.let_in({plant.uscc: "secret"})
    fleet = Fleet(db, broker, tmp_path, plant)
    yield fleet
    fleet.stop()


@pytest.fixture
def gateway(fleet: Fleet, broker: Broker) -> Iterator[Gateway]:
    gateway = Gateway(broker, fleet.plant)
    yield gateway
    gateway.close()


async def stored(owner: asyncpg.Connection, fleet: Fleet) -> list[float]:
    rows = await owner.fetch(
        "SELECT value FROM readings WHERE channel_id = $1 ORDER BY at", fleet.plant.channels[0]
    )
    return [row[0] for row in rows]


async def all_stored(owner: asyncpg.Connection, fleet: Fleet, gateway: Gateway) -> None:
    deadline = time.monotonic() + 60
    while len(found := await stored(owner, fleet)) < gateway.sent:
        assert time.monotonic() < deadline, f"{len(found)} of {gateway.sent}"
        await asyncio.sleep(0.05)
    assert found == list(range(gateway.sent))
    assert not await owner.fetchval("SELECT count(*) FROM reading_revisions")


async def away(fleet: Fleet) -> set[str]:
    engine = make_engine(fleet.db.service, "test", region=EVERYWHERE)
    async with engine.begin() as connection:
        found = await collector_slots.away(connection)
    await engine.dispose()
    return {name.split(" at ")[0].removeprefix(f"{fleet.run}-") for name in found
            if name.startswith(fleet.run)}  # fmt: skip


async def test_killing_draining_removing_and_adding_loses_and_strands_nothing(
    fleet: Fleet, gateway: Gateway, owner: asyncpg.Connection
) -> None:
    for slot in "123":
        await fleet.start(slot)
    assert await away(fleet) == set()

    async def flow() -> None:
        while True:
            gateway.send(5)
            await asyncio.sleep(0.01)

    flowing = asyncio.create_task(flow())
    await asyncio.sleep(0.5)
    fleet.kill("2")
    fleet.kill("3", signal.SIGTERM)
    await asyncio.sleep(0.5)  # meanwhile messages are dealt to their sessions
    drained = await fleet.drain("3")
    assert drained.returncode == 0, drained.stderr
    assert "slot" in drained.stderr
    await fleet.start("4")
    await asyncio.sleep(0.3)
    flowing.cancel()
    await gateway.settle()
    assert len(await stored(owner, fleet)) < gateway.sent  # some wait for slot 2
    assert await away(fleet) == {"2"}
    await fleet.start("2")
    await all_stored(owner, fleet, gateway)
    assert not fleet.keeps_session("3")


async def test_a_killed_slot_is_drained_of_more_than_fits_in_flight(
    fleet: Fleet, gateway: Gateway, owner: asyncpg.Connection
) -> None:
    await fleet.start("1")
    fleet.kill("1")
    gateway.send(700)
    await gateway.settle()
    assert await stored(owner, fleet) == []
    drained = await fleet.drain("1")
    assert drained.returncode == 0, drained.stderr
    assert "700 messages waited" in drained.stderr
    assert await away(fleet) == set()
    await all_stored(owner, fleet, gateway)
    assert not fleet.keeps_session("1")


async def test_a_drain_that_is_killed_is_run_again(
    fleet: Fleet, gateway: Gateway, owner: asyncpg.Connection
) -> None:
    await fleet.start("1")
    fleet.kill("1")
    gateway.send(2_000)
    await gateway.settle()
    command = [sys.executable, "-m", "ingest", "drain", "--slot", f"{fleet.run}-1"]
    killed = await asyncio.create_subprocess_exec(
        *command, cwd=CHECKOUT, env=fleet.environment("unused", 1), stderr=subprocess.DEVNULL
    )
    while not await stored(owner, fleet):
        await asyncio.sleep(0.01)
    killed.kill()
    await killed.wait()
    assert len(await stored(owner, fleet)) < gateway.sent
    again = await fleet.drain("1")
    assert again.returncode == 0, again.stderr
    await all_stored(owner, fleet, gateway)
    assert not fleet.keeps_session("1")


async def test_a_slot_that_nobody_had_is_drained_of_nothing(fleet: Fleet) -> None:
    drained = await fleet.drain("9")
    assert drained.returncode == 0, drained.stderr
    assert "0 messages waited" in drained.stderr
    assert not fleet.keeps_session("9")


@pytest.mark.parametrize("second", ["run", "drain"])
async def test_a_slot_is_one_processs_at_a_time(
    fleet: Fleet, gateway: Gateway, owner: asyncpg.Connection, second: str
) -> None:
    first = await fleet.start("1")
    command = [sys.executable, "-m", "ingest"]
    if second == "drain":
        command += ["drain", "--slot", f"{fleet.run}-1"]
    answer = await asyncio.to_thread(
        subprocess.run, command, cwd=CHECKOUT, env=fleet.environment("1", free_port()),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1] == (
        f"Slot {fleet.run}-1 at 127.0.0.1:{fleet.broker.port} is held by process"
        f" {first.process.pid if first.process else 0} on {socket.gethostname()}:"
        " give each process a slot of its own, or end that one first."
    )
    gateway.send(10)
    await all_stored(owner, fleet, gateway)


async def test_who_loses_its_session_to_another_client_stops_with_a_sentence(
    fleet: Fleet, gateway: Gateway
) -> None:
    process = await fleet.start("1")
    assert fleet.keeps_session("1")
    assert process.process is not None
    assert await asyncio.to_thread(process.process.wait, 30) == 1
    log = process.log.read_text().splitlines()
    assert log[-1] == (
        f"Another client took over the session qingyu-collector-{fleet.run}-1 at"
        f" 127.0.0.1:{fleet.broker.port}: give each collector a slot of its own."
    )


async def test_a_slot_survives_the_database(
    fleet: Fleet, gateway: Gateway, owner: asyncpg.Connection
) -> None:
    """Its lock goes with the connection and is taken again."""
    await fleet.start("1")
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1",
        "qingyu-slot",
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while await away(fleet):
                await asyncio.sleep(0.05)
    assert await away(fleet) == set()
    gateway.send(10)
    await all_stored(owner, fleet, gateway)


async def test_a_broker_without_the_right_to_marks_is_a_sentence(
    fleet: Fleet, broker: Broker
) -> None:
    """As with an ACL that was written for an earlier release."""
    broker.let_in({"91620623OTHER00000": "secret"})
    environment = {
        **fleet.environment("unused", 1),
        "QINGYU_MQTT_USER": "91620623OTHER00000",
        "QINGYU_MQTT_PASSWORD": "secret",
    }
    command = [sys.executable, "-m", "ingest", "drain", "--slot", f"{fleet.run}-5"]
    answer = await asyncio.to_thread(
        subprocess.run, command, cwd=CHECKOUT, env=environment, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert answer.returncode == 1
    last = answer.stderr.splitlines()[-1]
    assert "refuses" in last
    assert "qingyu/v1/slots/#" in last
