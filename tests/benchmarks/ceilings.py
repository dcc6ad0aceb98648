"""What bounds a figure: the same work without what the product adds to it."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import cast

import asyncpg
import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from ingest.collectors.mqtt import TOPIC, Settings
from ingest.group import gather
from ingest.protocols.hj212_frames import Framer, build
from ingest.registry import Batch, Sender
from tests.benchmarks.documents import documents, packets
from tests.benchmarks.line import Line
from tests.benchmarks.rig import PASSWORD, Rig
from tests.benchmarks.senders import publish, report, seconds

GROUP = 10_000
GROUPS = 100
ANSWER = build(b"QN=20230105000000000;ST=91;CN=9014;PW=;MN=BENCH;Flag=4;CP=&&&&")


def copy(line: Line) -> float:
    """Return readings/s of binary COPY in groups of 10,000 sorted rows, a transaction each."""
    start = line.fresh_week()
    encoded = [gather([group(line, start, number)]).copied() for number in range(GROUPS)]

    async def copy() -> float:
        connection = await asyncpg.connect(line.db.ingest)
        began = time.perf_counter()
        for rows in encoded:
            async with connection.transaction():
                await connection.copy_to_table(
                    "readings",
                    source=_once(rows),
                    columns=("at", "value", "channel_id", "quality"),
                    format="binary",
                )
        spent = time.perf_counter() - began
        await connection.close()
        return len(encoded) * GROUP / spent

    return asyncio.run(copy())


def group(line: Line, start: datetime, number: int) -> Batch:
    """Return readings of half of all meters at one minute."""
    channels = [channel for plant in line.plants for channel in plant.channels]
    half = channels[(number % 2) * GROUP : (number % 2 + 1) * GROUP]
    at = round((start.timestamp() + 60 * (number // 2)) * 1_000_000)
    return Batch(Sender("bench", 1, "x"), half, [at] * GROUP, [123456.7] * GROUP, [0] * GROUP)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def paho_bare(rig: Rig, messages: int) -> float:
    """Return messages/s of paho's own loop that acknowledges each at once and stores nothing."""
    made = list(documents(rig.line.plants, rig.line.fresh_week(), messages, 1))
    payloads = [(plant.uscc, document) for plant, document in made]
    mine, its = multiprocessing.Pipe()
    consumer = multiprocessing.Process(
        target=_consume, args=(rig.broker, messages, its), daemon=True
    )
    consumer.start()
    mine.recv()  # subscribed
    spent = seconds(partial(publish, rig.broker, payloads), mine.recv)
    consumer.join()
    return messages / spent


def _consume(broker: Broker, wanted: int, done: Connection) -> None:
    settings = Settings(kind="mqtt", broker="", user="", password="", slot="1")
    client = paho.Client(CallbackAPIVersion.VERSION2, "bare", protocol=paho.MQTTv5, manual_ack=True)
    count = 0

    def receive(client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        nonlocal count
        count += 1
        client.ack(message.mid, message.qos)
        if count == wanted:
            done.send(None)
            client.disconnect()

    def subscribe(*_: object) -> None:
        client.subscribe(TOPIC, qos=1)

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: done.send(None)
    client.on_message = receive
    client.username_pw_set(COLLECTOR, PASSWORD)
    client.max_inflight_messages_set(settings.messages_in_flight)
    connect = Properties(PacketTypes.CONNECT)
    connect.ReceiveMaximum = settings.messages_in_flight
    client.connect("127.0.0.1", broker.port, properties=connect)
    client.loop_forever()


def hj212_framed(line: Line, number: int) -> float:
    """Return packets/s of a reader that frames, proves the CRC and answers, and does no more."""
    made = packets(line.fresh_week(), number)
    mine, its = multiprocessing.Pipe()
    ended = multiprocessing.Event()
    reader = multiprocessing.Process(target=_frame, args=(its, ended), daemon=True)
    reader.start()
    spent = seconds(partial(report, mine.recv(), made))
    ended.set()
    reader.join()
    return number / spent


class _Framing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's has the methods of asyncio.Transport, and not its type
        self._transport, self._framer = cast("asyncio.Transport", transport), Framer()

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * len(self._framer.feed(data)))


def _frame(port: Connection, ended: Event) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Framing, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, ended.wait)

    uvloop.run(serve())
