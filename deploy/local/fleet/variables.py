"""What the fleet is told: by its environment, else by `local.env` of the running product."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from deploy.local import settings
from deploy.local.errors import Cannot
from service.domain.calendar import SHANGHAI

FILE = "local.env"
SINCE = "QINGYU_DEMO_SINCE"
_LONGEST = timedelta(days=4 * 365)  # what is older would soon be dropped again


@dataclass(frozen=True, slots=True)
class Variables:
    """Where the product is and the keys to it.

    ``series`` is the folder of real series, ``since`` the day on which the history is to begin.
    """

    home: Path
    broker: str  # host:port
    api: str
    series: Path | None
    since: date | None
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
        _since(environment.get(SINCE, "").strip()),
        known,
    )


def _since(text: str) -> date | None:
    if not text:
        return None
    today = datetime.now(SHANGHAI).date()
    try:
        since = date.fromisoformat(text)
    except ValueError:
        raise Cannot(f"{SINCE} is {text!r}: set it to a day such as {today.year}-01-01.") from None
    if not today - _LONGEST <= since < today:
        raise Cannot(f"{SINCE} is {since}: set it to a day before today, of the last four years.")
    return since


def _of_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    words = shlex.split(path.read_text(encoding="utf-8"), comments=True)
    pairs = (word.partition("=") for word in words if "=" in word)
    return {name: value for name, _, value in pairs}
