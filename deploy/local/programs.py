"""The product's own programs in a local run: command, environment, and when they are up."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.errors import Cannot
from deploy.local.fleet.variables import SINCE
from deploy.local.processes import Program
from deploy.local.settings import CHECKOUT, Settings
from service.control import Address


@dataclass(frozen=True, slots=True)
class Programs:
    """What runs beside database and broker."""

    ingest: Program
    api: Program
    analyze: Program
    fleet: Program

    def register_fleet(self) -> None:
        """Enter the registry and the official figures of the demo; raises Cannot."""
        command = [sys.executable, "-m", "deploy.local.fleet", "register"]
        answer = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=dict(self.fleet.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise Cannot(f"The demo cannot be registered: {answer.stderr.strip()[-500:]}")


def make(
    settings: Settings,
    database: Database,
    collector_password: str,
    keys: Mapping[str, str],
    broker: Address,
) -> Programs:
    """Return the programs of a local run; none of them is started."""
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    environment = {**inherited, "PYTHONUNBUFFERED": "1"}
    service = {
        "QINGYU_DATABASE": database.service,
        "QINGYU_API_BIND": f"127.0.0.1:{settings.api_port}",
        "QINGYU_ANALYZE_BIND": f"127.0.0.1:{settings.analyze_port}",
        "QINGYU_BROKER": broker.broker,
        "QINGYU_BROKER_USER": broker.user,
        "QINGYU_BROKER_PASSWORD": broker.password,
        "QINGYU_GUEST_REGION": "",  # whoever reaches this machine's own address may read
    }
    ingest = {
        "QINGYU_DATABASE": database.ingest,
        "QINGYU_INGEST_BIND": f"127.0.0.1:{settings.ingest_port}",
        "QINGYU_HJ212_BIND": f"127.0.0.1:{settings.hj212_port}",
        "QINGYU_MQTT": f"127.0.0.1:{settings.mqtt_port}",
        "QINGYU_MQTT_USER": COLLECTOR,
        "QINGYU_MQTT_PASSWORD": collector_password,
    }
    fleet = {
        "QINGYU_HOME": str(settings.home),
        "QINGYU_API": f"http://127.0.0.1:{settings.api_port}",
        "QINGYU_MQTT": f"127.0.0.1:{settings.mqtt_port}",
        "QINGYU_SERIES": str(settings.series or ""),
        SINCE: os.environ.get(SINCE, ""),
        **keys,
    }

    def program(name: str, arguments: list[str], variables: Mapping[str, str]) -> Program:
        command = [sys.executable, "-m", *arguments]
        log = settings.home / "logs" / f"{name}.log"
        return Program(name, command, {**environment, **variables}, log, CHECKOUT)

    return Programs(
        program("ingest", ["ingest"], ingest),
        program("api", ["service", "api"], service),
        program("analyze", ["service", "analyze"], service),
        program("fleet", ["deploy.local.fleet", "run"], fleet),
    )


def answers(port: int) -> Callable[[], bool]:
    """Return a function that tells whether the program at a port says it is ready."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return ready
