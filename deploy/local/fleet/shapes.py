"""How real loads and monitors move over a week: figures derived from public series."""

from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from deploy.local.fleet.clock import Values

FILE = Path(__file__).with_name("shapes.json")


class Load(msgspec.Struct, frozen=True):
    """A steel plant's load: kWh in each quarter hour of the week from Monday 00:00 on."""

    source: str
    what: str
    mean: list[float]
    spread: list[float]


class Monitor(msgspec.Struct, frozen=True):
    """A monitor: µg/m³ in each hour of the week, and for how many hours it was there or not."""

    source: str
    what: str
    mean: list[float]
    spread: list[float]
    gaps: list[int]
    stretches: list[int]


class Shapes(msgspec.Struct, frozen=True):
    """All derived figures, each with its source."""

    load: Load
    monitor: Monitor


@cache
def shapes() -> Shapes:
    """Return the derived figures."""
    return msgspec.json.decode(FILE.read_bytes(), type=Shapes)


@cache
def load_week() -> tuple[Values, Values]:
    """Return mean and spread of the load relative to its weekly mean, as 7 days × 96."""
    load = shapes().load
    mean = np.array(load.mean)
    relative = mean / mean.mean(), np.array(load.spread) / mean.mean()
    return relative[0].reshape(7, 96), relative[1].reshape(7, 96)


@cache
def concentration_week() -> Values:
    """Return the concentration in each hour of the week relative to its mean."""
    mean = np.array(shapes().monitor.mean)
    relative: Values = mean / mean.mean()
    return relative
