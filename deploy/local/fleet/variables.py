"""What the fleet is told: by its environment, else by `local.env` of the running product."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import settings
from deploy.local.errors import Cannot

FILE = "local.env"


@dataclass(frozen=True, slots=True)
class Variables:
    """Where the product is and the keys to it; ``series`` is the folder of real series."""

    home: Path
    broker: str  # host:port
    api: str
    series: Path | None
    known: Mapping[str, str]

    def key(self, name: str) -> str:
        """Return a key of the API; raises Cannot with what to do when it is not known."""
        if value := self.known.get(name):
            return value
        raise Cannot(f"{name} is not set and {self.home / FILE} has none: run `make up` first.")


def read(environment: Mapping[str, str] = os.environ) -> Variables:
    """Return the variables; those of the environment go before those of `local.env`."""
    usual = settings.read(environment)
    known = {**_of_file(usual.home / FILE), **environment}
    return Variables(
        usual.home,
        known.get("QINGYU_MQTT") or f"127.0.0.1:{usual.mqtt_port}",
        (known.get("QINGYU_API") or f"http://127.0.0.1:{usual.api_port}").rstrip("/"),
        usual.series,
        known,
    )


def _of_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    words = shlex.split(path.read_text(encoding="utf-8"), comments=True)
    pairs = (word.partition("=") for word in words if "=" in word)
    return {name: value for name, _, value in pairs}
