"""A sender in a process of its own that publishes at a given pace, whoever keeps up."""

import contextlib
import itertools
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local.mosquitto import Broker
from service.control import Control
from tests.benchmarks.fleet import Template
from tests.benchmarks.rig import PASSWORD

FLEET = "fleet"  # one account for all enterprises, over a few connections
CONNECTIONS = 8
UNDER_WAY = 1_000  # publications without a PUBACK, of each connection
TICK_S = 0.02
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Sender:
    """A sender that runs: its process, how many readings it published, when it comes to now."""

    pid: int
    _sent: "Synchronized[float]"
    _minutes: "Synchronized[int]"

    @property
    def sent(self) -> float:
        """Readings published until now, acknowledged or not."""
        return self._sent.value

    @property
    def minutes(self) -> int:
        """Minutes that began until now, on the clock of the fleet."""
        return self._minutes.value


def let_in(broker: Broker) -> None:
    """Let the fleet's account write for every enterprise."""
    rule = {"acltype": "publishClientSend", "topic": "qingyu/v1/+/readings", "allow": True}
    with Control.connected(broker.address) as control:
        control.tell([{"command": "addRoleACL", "rolename": f"qingyu-enterprise-{FLEET}", **rule}])


@contextlib.contextmanager
def sending(
    broker: Broker, templates: Sequence[Template], start: datetime, rate: float
) -> Iterator[Sender]:
    """Send at so many readings a second until the end; every channel once in each minute.

    The minutes are the fleet's own from ``start`` on, and pass as fast as the rate makes them.
    """
    sent, minutes = multiprocessing.Value("d", 0.0), multiprocessing.Value("i", 0)
    ready, stop = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(
        target=_send,
        args=(broker.port, templates, start, rate, sent, minutes, ready, stop),
        daemon=True,
    )
    process.start()
    try:
        if not ready.wait(30):
            raise TimeoutError("the sender is not connected")
        yield Sender(process.pid or 0, sent, minutes)
    finally:
        stop.set()
        process.join(30)


def _send(
    port: int,
    templates: Sequence[Template],
    start: datetime,
    rate: float,
    sent: "Synchronized[float]",
    minutes: "Synchronized[int]",
    ready: Event,
    stop: Event,
) -> None:
    clients = [_connected(port) for _ in range(CONNECTIONS)]
    connections = itertools.cycle(clients)
    ready.set()
    began, published = time.monotonic(), 0
    for minute in itertools.count():
        minutes.value = minute + 1
        at, value = start + minute * MINUTE, 100_000 + minute / 10
        for template in templates:
            while published > (time.monotonic() - began) * rate and not stop.is_set():
                time.sleep(TICK_S)
            if stop.is_set():
                break
            next(connections).publish(template.topic, template.filled(at, value), qos=1)
            published += template.readings
            sent.value = published
        else:
            continue
        break
    for client in clients:
        client.loop_stop()


def _connected(port: int) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(FLEET, PASSWORD)
    client.max_inflight_messages_set(UNDER_WAY)
    client.connect("127.0.0.1", port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(TICK_S)
    return client
