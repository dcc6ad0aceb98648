"""Empties a session in the broker and lets the broker forget it, so that its slot can go.

The subscription is ended first: from then on nothing more is dealt to the session. What was dealt
before is followed by a mark that we publish to ourselves; a session is a queue, so once the mark
has come, nothing waits any more.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.errors import NotDrained
from ingest.link import SESSION_EXPIRES_S, Broker, Delivery

logger = logging.getLogger(__name__)

MARKS = "qingyu/v1/slots/"
PATIENCE_S = 10.0  # for what was published and for the last packet

# Commits messages and returns what is to be published of each: topic and payload.
Take = Callable[[Sequence[Delivery]], Awaitable[Sequence[tuple[str, bytes] | None]]]


async def drain(broker: Broker, take: Take) -> int:
    """Take all that waits in a session, end it, and return how many messages that were.

    Raises `NotDrained` where the broker refuses us; what was taken is committed all the same.
    """
    session = _Session(broker)
    await session.connect()
    number = 0
    published: list[MQTTMessageInfo] = []
    try:
        while not session.is_empty:
            deliveries = await session.received()
            outcomes = await take(deliveries)
            number += len(deliveries)
            for delivery, outcome in zip(deliveries, outcomes, strict=True):
                session.acknowledge(delivery)
                if outcome is not None:
                    published.append(session.client.publish(*outcome, qos=1))
        await asyncio.to_thread(_await_published, published)
        await session.forget()
    finally:
        session.close()
    return number


def _await_published(published: Sequence[MQTTMessageInfo]) -> None:
    for info in published:
        with contextlib.suppress(RuntimeError, ValueError):  # the sender asks again
            info.wait_for_publish(PATIENCE_S)


class _Session:
    """The session of a slot, without its subscription."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Delivery | NotDrained | None] = asyncio.Queue()
        self._left = asyncio.Event()
        self._connections = 0
        self._mark = b""
        self.is_empty = False
        self.client = self._make_client()

    async def connect(self) -> None:
        host, _, port = self._broker.address.rpartition(":")
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRES_S
        properties.ReceiveMaximum = self._broker.messages_in_flight
        try:
            await asyncio.to_thread(
                self.client.connect,
                host,
                int(port),
                keepalive=self._broker.keepalive_s,
                clean_start=False,
                properties=properties,
            )
        except OSError as error:
            raise NotDrained(
                f"The broker {self._broker.address} cannot be reached: {error}."
            ) from None
        self.client.loop_start()

    async def received(self) -> list[Delivery]:
        """Return messages that have come, at least one unless the session is empty."""
        deliveries: list[Delivery] = []
        event = await self._events.get()
        while True:
            if isinstance(event, NotDrained):
                raise event
            if event is None:
                self.is_empty = True
            else:
                deliveries.append(event)
            if self._events.empty():
                return deliveries
            event = self._events.get_nowait()

    def acknowledge(self, delivery: Delivery) -> None:
        """Acknowledge a message; one of a lost connection comes again and is not."""
        if delivery.connection == self._connections:
            self.client.ack(delivery.mid, delivery.qos)

    async def forget(self) -> None:
        """Leave, and let the broker forget the session."""
        properties = Properties(PacketTypes.DISCONNECT)
        properties.SessionExpiryInterval = 0
        self._left.clear()
        self.client.disconnect(properties=properties)
        async with asyncio.timeout(PATIENCE_S):
            await self._left.wait()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _tell(self, event: Delivery | NotDrained | None) -> None:
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def _refuse(self, what: str, reason: ReasonCode) -> None:
        self._tell(NotDrained(f"The broker {self._broker.address} refuses {what}: {reason}."))

    # What the client calls, on its own thread.

    def _on_connect(
        self, client: Client, _userdata: Any, flags: ConnectFlags, reason: ReasonCode, _more: Any
    ) -> None:
        if reason.is_failure:
            self._refuse(f"{self._broker.user} or its password", reason)
            return
        self._connections += 1
        if not flags.session_present:
            logger.info("the broker keeps no session %s", self._broker.client_id)
        topic = MARKS + self._broker.client_id
        self._mark = secrets.token_bytes(16)
        client.unsubscribe(self._broker.topic)
        client.subscribe(topic, qos=1)
        client.publish(topic, self._mark, qos=1)

    def _on_disconnect(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._left.set)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _more: Any
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                self._refuse(f"{self._broker.user} to subscribe to {MARKS}#", reason)

    def _on_publish(
        self, _client: Client, _userdata: Any, _mid: int, reason: ReasonCode, _more: Any
    ) -> None:
        if reason.is_failure:
            self._refuse(f"what {self._broker.user} publishes (outcomes or {MARKS}#)", reason)

    def _on_message(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if not message.topic.startswith(MARKS):
            self._tell(
                Delivery(
                    message.topic,
                    bytes(message.payload),
                    message.mid,
                    message.qos,
                    self._connections,
                )
            )
            return
        client.ack(message.mid, message.qos)
        if message.payload == self._mark:  # and not that of a connection that was lost
            self._tell(None)
