"""One sender for each collector, all with one face: it sends values and says what it was told.

To bring a collector under the contract, write a `Sender` here and an entry of `SENDERS`.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import asyncpg
import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.end_device import WIRE_CODE, EndDevice, item
from tests.end_to_end.conftest import Site
from tests.monitors import Line, local, packet
from tests.registry import Plant, add_end_device

# an hour that is over, so that no minute of it lies ahead of the clock
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
AT_ONCE_S = 3.0
Value = tuple[int, float]  # minute of the hour, value


class Told(StrEnum):
    """What a sender learns, and what it does then."""

    STORED = "stored"  # it forgets what it sent
    REJECTED = "rejected"  # some of it: it is told that, and does not send it again
    NOTHING = "nothing"  # no answer, or the word to send it again, and it does


class Sender(Protocol):
    """A device or gateway that sends values of the plant's first channel."""

    name: str  # under which its readings replace others
    unknown_name: str  # under which what nobody registered is kept
    tells_rejected: bool  # whether its protocol has words for that some of it was refused

    async def send(self, values: Sequence[Value], unknown: Sequence[Value] = ()) -> Told:
        """Send a document once and return what was told, waiting for as long as the peer holds it.

        ``unknown`` go with it, of something that the registry does not have.
        """


Open = Callable[[Site, Plant, asyncpg.Connection], AbstractAsyncContextManager[Sender]]


def document(values: Sequence[Value], unknown: Sequence[Value] = (), **fields: Any) -> bytes:
    """Return values as our own document."""
    items = [
        {
            "device": device,
            "quantity": "electricity",
            "at": HOUR.replace(minute=minute).isoformat(),
            "value": value,
        }
        for device, chosen in (("M-01", values), ("M-99", unknown))
        for minute, value in chosen
    ]
    return json.dumps({"id": "d1", "readings": items, **fields}).encode()


def told(answer: dict[str, Any]) -> Told:
    """Return what our own document of counts says."""
    return Told.REJECTED if "code" in answer or answer["rejected"] else Told.STORED


class OverHttp:
    """A gateway of the HTTP API."""

    tells_rejected = True

    def __init__(self, client: httpx.AsyncClient, site: Site, plant: Plant, name: str) -> None:
        self.name = self.unknown_name = name
        self._client = client
        self._url = f"{site.ingest.url}/ingest/v1/readings"
        self._headers = {"Authorization": f"Bearer {plant.key}"}

    async def send(self, values: Sequence[Value], unknown: Sequence[Value] = ()) -> Told:
        answer = await self.ask(document(values, unknown))
        return Told.NOTHING if answer is None else told(answer)

    async def ask(self, payload: bytes) -> dict[str, Any] | None:
        """Return the answer to a document; None where it has to be sent again."""
        try:
            answer = await self._client.post(self._url, content=payload, headers=self._headers)
        except httpx.TransportError:
            return None
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            assert answer.json()["code"] == "busy"
            return None
        return dict(answer.json())


class OverMqtt:
    """A gateway that waits for its outcome; the broker keeps the document for the collector."""

    tells_rejected = True

    def __init__(self, client: paho.Client, plant: Plant) -> None:
        self.name = self.unknown_name = plant.uscc
        self._client = client
        self._topic = f"qingyu/v1/{plant.uscc}"
        self._outcomes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, values: Sequence[Value], unknown: Sequence[Value] = ()) -> Told:
        return told(await self.ask(document(values, unknown)))

    async def ask(self, payload: bytes) -> dict[str, Any]:
        """Return the outcome of a document."""
        self._client.publish(f"{self._topic}/readings", payload, qos=1)
        return await self._outcomes.get()

    def hear(self, loop: asyncio.AbstractEventLoop, user: str, port: int) -> None:
        """Connect and subscribe to the outcomes."""
        subscribed = threading.Event()

        def keep(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            loop.call_soon_threadsafe(self._outcomes.put_nowait, json.loads(message.payload))

        def subscribe(*_: Any) -> None:
            self._client.subscribe(f"{self._topic}/outcomes", qos=1)

        self._client.username_pw_set(user, "secret")
        self._client.on_connect = subscribe
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = keep
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(10)


class OverNhjc:
    """An NHJC end device; it knows one code of success and sends again until it reads it."""

    tells_rejected = False

    def __init__(self, device: EndDevice, name: str) -> None:
        self.name = self.unknown_name = name
        self._device = device

    async def send(self, values: Sequence[Value], unknown: Sequence[Value] = ()) -> Told:
        items = [item(value, HOUR.replace(minute=minute)) for minute, value in values]
        items += [
            item(value, HOUR.replace(minute=minute), "99-00-0000-023300-11")
            for minute, value in unknown
        ]
        try:
            answer = await self._device.upload(*items)
        except httpx.TransportError:
            return Told.NOTHING
        body = answer.json()
        success = ("0", "RECEIVE SUCCESS")
        if (body["responseCode"], body["responseMessage"]) == success:
            assert answer.status_code == 200
            return Told.STORED
        assert success[1] not in body["responseMessage"]
        assert body["responseCode"] == "1"
        return Told.NOTHING


class OverHj212:
    """An HJ 212 monitor: a packet for each value, sent again until it is answered."""

    tells_rejected = False

    def __init__(self, port: int, mn: str) -> None:
        self.name, self.unknown_name = mn, f"{mn[:-1]}X"
        self._port = port

    async def send(self, values: Sequence[Value], unknown: Sequence[Value] = ()) -> Told:
        packets = [self._packet(self.name, minute, value) for minute, value in values]
        packets += [self._packet(self.unknown_name, minute, value) for minute, value in unknown]
        try:
            line = await Line.open(self._port)
            try:
                await line.send(b"".join(packets))
                answers = [await line.next(AT_ONCE_S) for _ in packets]
            finally:
                await line.close()
        except (OSError, TimeoutError):
            return Told.NOTHING
        qns = {packet[9:26].decode() for packet in packets}
        assert {answer[3:20] for answer in answers} == qns
        assert all(";ST=91;CN=9014;" in answer for answer in answers)
        return Told.STORED

    def _packet(self, mn: str, minute: int, value: float) -> bytes:
        at = HOUR.replace(minute=minute)
        return packet(mn, "2011", f"DataTime={local(at)};e00001-Rtd={value}", at=at)


@contextlib.asynccontextmanager
async def over_http(site: Site, plant: Plant, owner: asyncpg.Connection) -> AsyncIterator[OverHttp]:
    name = await owner.fetchval(
        "SELECT name FROM clients WHERE enterprise_id = $1", plant.enterprise_id
    )
    async with httpx.AsyncClient(timeout=60) as client:
        yield OverHttp(client, site, plant, name)


@contextlib.asynccontextmanager
async def over_mqtt(site: Site, plant: Plant, owner: asyncpg.Connection) -> AsyncIterator[OverMqtt]:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    sender = OverMqtt(client, plant)
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(sender.hear, loop, plant.uscc, site.broker.port)
    yield sender
    client.disconnect()
    client.loop_stop()


@contextlib.asynccontextmanager
async def over_nhjc(site: Site, plant: Plant, owner: asyncpg.Connection) -> AsyncIterator[OverNhjc]:
    await owner.execute(
        "UPDATE channels SET wire_code = $1 WHERE channel_id = $2", WIRE_CODE, plant.channels[0]
    )
    await add_end_device(owner, plant)
    async with httpx.AsyncClient(timeout=60) as client:
        device = EndDevice(client, site.nhjc, plant.uscc)
        assert (await device.register())["responseCode"] == "0"
        yield OverNhjc(device, f"{plant.uscc}/M-01")


@contextlib.asynccontextmanager
async def over_hj212(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> AsyncIterator[OverHj212]:
    await owner.execute(
        "UPDATE channels SET wire_code = 'e00001' WHERE channel_id = $1", plant.channels[0]
    )
    mn = f"{plant.uscc}000000"
    await owner.execute(
        "UPDATE devices SET mn = $1 WHERE enterprise_id = $2", mn, plant.enterprise_id
    )
    await asyncio.sleep(0.3)  # the registry reaches the collector by NOTIFY
    yield OverHj212(site.hj212_port, mn)


SENDERS: dict[str, Open] = {
    "http": over_http,
    "mqtt": over_mqtt,
    "nhjc": over_nhjc,
    "hj212": over_hj212,
}
