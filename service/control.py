"""Talks to the broker's dynamic security plugin over MQTT; blocks, so run it in a thread."""

import contextlib
import json
import queue
import secrets
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from service.domain.broker_accounts import Command, Found

TOPIC = "$CONTROL/dynamic-security/v1"
PATIENCE_S = 5.0  # for a connection, and for each answer


class BrokerAway(Exception):
    """The broker cannot be told anything now; what is to be told waits in the database."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is and who the service is there."""

    broker: str  # host:port
    user: str
    password: str
    tls: bool = False
    certificate_authority: str | None = None
    certificate: str | None = None  # our own, where the broker asks for one
    certificate_key: str | None = None

    def client(self, name: str) -> Client:
        """Return a client of this account that is not connected yet."""
        made = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"qingyu-{name}-{secrets.token_hex(6)}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        made.username_pw_set(self.user, self.password)
        made.connect_timeout = PATIENCE_S
        if self.tls:
            context = ssl.create_default_context(cafile=self.certificate_authority)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.certificate_key)
            made.tls_set_context(context)
        return made

    @property
    def place(self) -> tuple[str, int]:
        """Return host and port."""
        host, _, port = self.broker.rpartition(":")
        return host, int(port)


class Control:
    """A connection to the plugin. All methods raise `BrokerAway`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._subscribed: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[list[dict[str, Any]]] = queue.SimpleQueue()

    @classmethod
    @contextlib.contextmanager
    def connected(cls, address: Address) -> Iterator[Self]:
        """Connect as the service, and leave at the end."""
        client = address.client("control")
        control = cls(client)
        client.on_connect = control._on_connect
        client.on_subscribe = control._on_subscribe
        client.on_message = control._on_message
        try:
            client.connect(*address.place, keepalive=30)
        except (OSError, ValueError) as error:
            raise BrokerAway(f"{address.broker} cannot be reached: {error}") from error
        client.loop_start()
        try:
            if (why := _next(control._subscribed)) is not None:
                raise BrokerAway(f"{address.broker} refuses {address.user}: {why}")
            yield control
        finally:
            client.disconnect()
            client.loop_stop()

    def tell(self, commands: Sequence[Command]) -> list[str | None]:
        """Give commands; returns what the broker complains of, None where it does not."""
        if not commands:
            return []
        return [answer.get("error") for answer in self._call(commands)]

    def look(self) -> Found:
        """Return what the broker knows."""
        clients, roles, defaults = self._call(
            [
                {"command": "listClients", "verbose": True, "count": -1, "offset": 0},
                {"command": "listRoles", "verbose": True, "count": -1, "offset": 0},
                {"command": "getDefaultACLAccess"},
            ]
        )
        try:
            return Found(
                {client["username"]: client for client in clients["data"]["clients"]},
                {role["rolename"]: role for role in roles["data"]["roles"]},
                {rule["acltype"]: rule["allow"] for rule in defaults["data"]["acls"]},
            )
        except (KeyError, TypeError) as error:
            raise BrokerAway(f"the broker's list cannot be read: {error}") from error

    def _call(self, commands: Sequence[Command]) -> list[dict[str, Any]]:
        sent = self._client.publish(TOPIC, json.dumps({"commands": list(commands)}), qos=1)
        if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerAway("the connection to the broker was lost")
        answers: list[dict[str, Any]] = []
        while len(answers) < len(commands):
            answers += _next(self._answers)
        return answers

    # What the client calls, on its own thread.

    def _on_connect(
        self, client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._subscribed.put(str(reason))
        else:
            client.subscribe(f"{TOPIC}/response", qos=1)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _more: Any
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self._subscribed.put(refused[0] if refused else None)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self._answers.put(list(json.loads(message.payload)["responses"]))


def _next(waiting: queue.SimpleQueue[Any]) -> Any:
    try:
        return waiting.get(timeout=PATIENCE_S)
    except queue.Empty:
        raise BrokerAway(f"the broker does not answer within {PATIENCE_S:.0f} s") from None
