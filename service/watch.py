"""A standing connection to the broker: tells when it is back, and how much waits there."""

import asyncio
import contextlib
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from service.control import Address
from service.monitoring import (
    BROKER_CONNECTED,
    BROKER_MESSAGES_WAITING,
    BROKER_SESSIONS_AWAY,
)

# Mosquitto's own figures; another broker has none of these topics, and the gauges stay away.
FIGURES = {
    "$SYS/broker/clients/disconnected": BROKER_SESSIONS_AWAY,
    "$SYS/broker/store/messages/count": BROKER_MESSAGES_WAITING,
}


class Watch:
    """Sets an event whenever the broker was reached anew."""

    def __init__(self, address: Address, reached: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._reached = reached
        self._client = address.client("watch")
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 30)
        self._client.connect_async(*address.place, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    # What the client calls, on its own thread.

    def _on_connect(
        self, client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            return  # whoever is to tell it something says so
        BROKER_CONNECTED.set(1)
        client.subscribe([(topic, 0) for topic in FIGURES])
        self._loop.call_soon_threadsafe(self._reached.set)

    def _on_disconnect(self, *_: Any) -> None:
        BROKER_CONNECTED.set(0)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        with contextlib.suppress(ValueError):
            FIGURES[message.topic].set(float(message.payload))
