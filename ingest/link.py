"""An MQTT 5 client on the event loop, so that a collector that is full stops reading its socket."""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.errors import SlotTaken
from ingest.monitoring import MQTT_CONNECTED
from ingest.stream import Stream

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

logger = logging.getLogger(__name__)

SESSION_EXPIRES_S = 7 * 86_400
RECONNECT_S = (1.0, 60.0)  # first and longest pause
SESSION_TAKEN_OVER = 0x8E  # of MQTT 5
# What is read in one go; then the rest of the process has its turn, and the lot is decoded.
BYTES_AT_ONCE = 128 * 1024
MESSAGE_BYTES = 512  # payload that costs as much to read as a message by itself


@dataclass(frozen=True, slots=True)
class Broker:
    """Where and as whom to connect."""

    address: str  # host:port
    user: str
    password: str
    client_id: str
    topic: str
    messages_in_flight: int
    keepalive_s: int
    tls: ssl.SSLContext | None


class Delivery(NamedTuple):
    """A message and the connection that it came over, to which its acknowledgement belongs."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


class BufferedClient(Client):
    """The client on a buffered socket.

    Each message costs paho three reads of its socket and a write; that was a third of its time.
    The method is paho's own: should it go, a test says so, and the link is slower but as good.
    """

    def _create_socket(self) -> "SocketLike":
        made = super()._create_socket()
        return Stream(made) if isinstance(made, socket.socket) else made


class Link:
    """One persistent session with manual acknowledgement, connected again whenever it is lost."""

    def __init__(self, broker: Broker, receive: Callable[[list[Delivery]], None]) -> None:
        self._broker = broker
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._lost = asyncio.Event()
        self._connections = 0
        self._received: list[Delivery] = []
        self._received_bytes = 0
        self._paused = False
        self._taken_over = False
        self._told = ""
        self._client = self._make_client()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause, longest = RECONNECT_S
        try:
            while True:
                self._lost.clear()
                before = self._connections
                try:
                    await asyncio.to_thread(self._connect)
                    await self._serve_timers()
                except OSError as error:
                    self._tell(error)
                if self._taken_over:
                    raise SlotTaken(
                        f"Another client took over the session {self._broker.client_id} at"
                        f" {self._broker.address}: give each collector a slot of its own."
                    )
                pause = RECONNECT_S[0] if self._connections > before else min(2 * pause, longest)
                await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
        finally:
            self._client.disconnect()
            with contextlib.suppress(OSError):
                self._client.loop_write()
            MQTT_CONNECTED.set(0)

    def acknowledge(self, delivery: Delivery) -> None:
        """Acknowledge a message; one of a lost connection comes again and is not."""
        if delivery.connection == self._connections:
            self._client.ack(delivery.mid, delivery.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1."""
        self._client.publish(topic, payload, qos=1)

    def pause(self) -> None:
        """Stop reading until `resume`."""
        if not self._paused and (sock := self._client.socket()) is not None:
            self._paused = True
            self._loop.remove_reader(sock)

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        if (sock := self._client.socket()) is not None:
            self._loop.add_reader(sock, self._read)
            self._loop.call_soon(self._read)  # what is buffered makes no socket readable

    def _tell(self, error: OSError) -> None:
        """Log why the broker cannot be reached, once for each cause in a row."""
        why = str(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            why = (
                f"its certificate is refused ({error.verify_message}); set certificate_authority"
                " to the authority that signed it"
            )
        if why != self._told:
            logger.warning("broker %s cannot be reached: %s", self._broker.address, why)
        self._told = why

    def _make_client(self) -> Client:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._broker.user, self._broker.password)
        client.max_inflight_messages_set(self._broker.messages_in_flight)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        return client

    def _connect(self) -> None:
        host, _, port = self._broker.address.rpartition(":")
        connect = Properties(PacketTypes.CONNECT)
        connect.SessionExpiryInterval = SESSION_EXPIRES_S
        connect.ReceiveMaximum = self._broker.messages_in_flight
        self._client.connect(
            host,
            int(port),
            keepalive=self._broker.keepalive_s,
            clean_start=False,
            properties=connect,
        )

    async def _serve_timers(self) -> None:
        while not self._lost.is_set():
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):  # wait_for can swallow a cancellation
                    await self._lost.wait()

    def _read(self) -> None:
        """Read what is there and hand over its messages together, so that each costs less."""
        while not self._paused and self._client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            sock = self._client.socket()
            if not (isinstance(sock, Stream) and sock.buffered):
                break
            if self._received_bytes >= BYTES_AT_ONCE:
                self._loop.call_soon(self._read)
                break
        if self._received:
            received, self._received, self._received_bytes = self._received, [], 0
            self._receive(received)

    def _write(self) -> None:
        """Write all that is queued, by one call of the system."""
        self._client.loop_write()
        sock = self._client.socket()
        if not isinstance(sock, Stream):
            return
        if not sock.flush():
            self._loop.add_writer(sock, self._write)
        elif not self._client.want_write():
            self._loop.remove_writer(sock)

    # What the client calls. A socket is opened, and first written to, by the connecting thread.

    def _on_socket_open(self, _client: Client, _userdata: Any, _sock: Any) -> None:
        self._loop.call_soon_threadsafe(self.resume)

    def _on_socket_close(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)
        self._loop.call_soon_threadsafe(self._lost.set)

    def _on_register_write(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._watch, sock)

    def _watch(self, sock: Any) -> None:
        if self._client.socket() == sock:  # and not one that was opened since
            self._loop.add_writer(sock, self._write)

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
            logger.error("broker %s refuses us: %s", self._broker.address, reason)
            client.disconnect()
            return
        self._connections += 1
        self._told = ""
        client.subscribe(self._broker.topic, qos=1)
        MQTT_CONNECTED.set(1)
        logger.info("connected to %s, subscribed to %s", self._broker.address, self._broker.topic)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        MQTT_CONNECTED.set(0)
        self._taken_over = reason.value == SESSION_TAKEN_OVER
        self._lost.set()
        logger.warning("disconnected from %s: %s", self._broker.address, reason)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        self._received.append(
            Delivery(message.topic, payload, message.mid, message.qos, self._connections)
        )
        self._received_bytes += MESSAGE_BYTES + len(payload)
