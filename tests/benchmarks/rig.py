"""Collector processes before the database, behind a broker of their own."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.settings import CHECKOUT, free_port
from tests.benchmarks.line import REGISTERED, Line

PASSWORD = "p"
_CONFIGURATION = """\
database = "${{QINGYU_DATABASE}}"
[limits]  # none
least_per_s = 1e12
least_burst = 1e12
[[collectors]]
kind = "http"
bind = "127.0.0.1:{http}"
[[collectors]]
kind = "hj212"
bind = "127.0.0.1:{hj212}"
[[collectors]]
kind = "mqtt"
broker = "127.0.0.1:{mqtt}"
user = "{user}"
password = "{password}"
slot = "{slot}"
"""


@dataclass(frozen=True, slots=True)
class Rig:
    """A broker, and the collectors that share its subscription, by their ports of HTTP."""

    line: Line
    broker: Broker
    http: list[int]
    hj212: list[int]

    def stored(self, collector: str) -> float:
        """Return how many readings the collectors say they committed."""
        return sum(stored(port, collector) for port in self.http)

    def wait_until_stored(self, collector: str, wanted: float, patience: float = 300) -> None:
        """Return as soon as the collectors committed so many readings."""
        deadline = time.monotonic() + patience
        while self.stored(collector) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.stored(collector):,.0f} of {wanted:,.0f} stored")
            time.sleep(0.1)


@contextmanager
def rig(line: Line, name: str, collectors: int) -> Iterator[Rig]:
    """Start a broker and so many collectors, and stop them at the end."""
    broker = Broker(line.runtime, line.folder / name, free_port())
    users = [COLLECTOR, *(plant.uscc for plant in line.plants)]
    broker.let_in(dict.fromkeys(users, PASSWORD))
    broker.start()
    try:
        with ExitStack() as stack:
            ports = [(free_port(), free_port()) for _ in range(collectors)]
            for slot, (http, hj212) in enumerate(ports, 1):
                stack.enter_context(
                    collector(line.db.ingest, broker, slot, http, hj212, REGISTERED)
                )
            yield Rig(line, broker, [http for http, _ in ports], [hj212 for _, hj212 in ports])
    finally:
        broker.stop()


@contextmanager
def collector(
    database: str, broker: Broker, slot: int, http: int, hj212: int, channels: int
) -> Iterator[int]:
    """Run a collector that knows so many channels; yields its process."""
    configuration = broker.folder / f"ingest{slot}.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            http=http, hj212=hj212, mqtt=broker.port, user=COLLECTOR, password=PASSWORD, slot=slot
        )
    )
    log = broker.folder / f"ingest{slot}.log"
    own = {"QINGYU_INGEST_CONFIG": str(configuration), "QINGYU_DATABASE": database}
    with program(["ingest"], own, log) as process:
        _wait_until_ready(http, log, channels)
        yield process


@contextmanager
def program(arguments: list[str], own: dict[str, str], log: Path) -> Iterator[int]:
    """Run one of the product's programs with variables of its own; yields its process."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=CHECKOUT,
            env={**os.environ, **own},
            stdout=output,
            stderr=output,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def wait_until_alive(port: int, log: Path, patience: float = 180) -> None:
    """Return as soon as a program answers at its port of monitoring."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            _metrics(port)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text()[-2000:])


def _wait_until_ready(port: int, log: Path, channels: int, patience: float = 180) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            text = _metrics(port)
        except OSError:
            text = ""
        known = re.search(r"^\w+directory_channels (\S+)$", text, re.MULTILINE)
        if "mqtt_connected 1.0" in text and known and float(known[1]) == channels:
            return
        time.sleep(0.1)
    raise TimeoutError(log.read_text()[-2000:])


def stored(port: int, collector: str) -> float:
    """Return how many readings a collector says it committed."""
    pattern = rf'readings_total{{collector="{collector}",outcome="stored"}} (\S+)'
    found = re.search(pattern, _metrics(port))
    return float(found[1]) if found else 0.0


def _metrics(port: int) -> str:
    return str(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode())
