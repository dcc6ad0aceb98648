"""A connection to the broker: MQTT 5 on the event loop, made again when lost."""

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

logger = logging.getLogger(__name__)

KEEPALIVE_S = 30
PAUSES_S = (0.5, 15.0)  # first and longest, between two attempts
_IN_FLIGHT = 1_000
_NO_SUBSCRIBERS = 0x10  # MQTT 5, 3.4.2.1


@dataclass(frozen=True, slots=True)
class Account:
    """Where an enterprise sends and as whom; ``tls`` is None for a plain connection."""

    broker: str  # host:port
    uscc: str  # social credit code, the enterprise's part of the topics
    user: str
    password: str
    tls: ssl.SSLContext | None = None


class Link:
    """One account. Each connection is a client of its own: what it had under way ends with it.

    ``answered`` gets every outcome. ``connected`` is called whenever outcomes are heard again:
    all that was not answered is then to be published anew. ``unheard`` is called when the broker
    says that nobody collects, as after its own crash: it then drops what it acknowledges.
    """

    def __init__(
        self,
        account: Account,
        answered: Callable[[bytes], None],
        connected: Callable[[], None],
        unheard: Callable[[], None],
    ) -> None:
        self._account = account
        self._answered = answered
        self._connected = connected
        self._unheard = unheard
        self._loop = asyncio.get_running_loop()
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self.ready = False  # connected, and told of outcomes

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause, longest = PAUSES_S
        try:
            while True:
                was_ready = await self._stay_connected()
                pause = PAUSES_S[0] if was_ready else min(2 * pause, longest)
                await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
        finally:
            self._leave()

    def publish(self, payload: bytes) -> None:
        """Publish readings at QoS 1; without a connection nothing happens."""
        if self.ready and self._client is not None:
            self._client.publish(f"qingyu/v1/{self._account.uscc}/readings", payload, qos=1)

    async def _stay_connected(self) -> bool:
        """Connect and return when the connection is lost; tell whether it was of use."""
        host, _, port = self._account.broker.rpartition(":")
        self._lost = asyncio.Event()
        self._client = client = self._make_client()
        was_ready = False
        try:
            await asyncio.to_thread(client.connect, host.strip("[]"), int(port), KEEPALIVE_S)
            while not self._lost.is_set():
                was_ready |= self.ready
                if client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):  # wait_for can swallow a cancellation
                        await self._lost.wait()
        except OSError as error:  # of TLS, too
            logger.debug("the broker cannot be reached: %s", error)
        was_ready |= self.ready
        self._leave()
        return was_ready

    def _leave(self) -> None:
        self.ready = False
        if (client := self._client) is not None:
            self._client = None
            client.disconnect()
            with contextlib.suppress(OSError):
                client.loop_write()

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._account.user, self._account.password)
        if self._account.tls is not None:
            client.tls_set_context(self._account.tls)
        client.max_inflight_messages_set(_IN_FLIGHT)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        return client

    def _read(self, client: Client) -> None:
        """Read all that is there: what TLS has unpacked already, the loop is not told of."""
        client.loop_read()
        while isinstance(sock := client.socket(), ssl.SSLSocket) and sock.pending():
            client.loop_read()

    # What the client calls. A socket is opened, and first written to, by the connecting thread.

    def _on_socket_open(self, client: Client, _userdata: Any, sock: Any) -> None:
        def watch() -> None:
            if client.socket() == sock:
                self._loop.add_reader(sock, self._read, client)

        self._loop.call_soon_threadsafe(watch)

    def _on_socket_close(self, client: Client, _userdata: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)
        if client is self._client:
            self._lost.set()

    def _on_register_write(self, client: Client, _userdata: Any, sock: Any) -> None:
        def watch() -> None:
            if client.socket() == sock:
                self._loop.add_writer(sock, client.loop_write)

        self._loop.call_soon_threadsafe(watch)

    def _on_unregister_write(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _on_connect(
        self,
        client: Client,
        _userdata: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            logger.error("the broker refuses %s: %s", self._account.user, reason)
            client.disconnect()
            return
        client.subscribe(f"qingyu/v1/{self._account.uscc}/outcomes", qos=1)

    def _on_subscribe(
        self,
        client: Client,
        _userdata: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if client is not self._client:
            return
        if any(reason.is_failure for reason in reasons):
            logger.error("%s may not read its outcomes: %s", self._account.user, reasons[0])
            client.disconnect()
            return
        self.ready = True
        self._connected()

    def _on_publish(
        self,
        _client: Client,
        _userdata: Any,
        _mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        """Take no notice of a PUBACK, which is the broker's promise, unless it says why not."""
        if reason.is_failure:
            logger.error("the broker takes no readings of %s: %s", self._account.user, reason)
        elif reason.value == _NO_SUBSCRIBERS:
            self._unheard()

    def _on_disconnect(
        self,
        client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if client is self._client:
            self.ready = False
            self._lost.set()
            logger.warning("%s lost the broker: %s", self._account.user, reason)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._answered(bytes(message.payload))
