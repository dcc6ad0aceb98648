"""Documents of readings, as an enterprise's gateway sends them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deploy.local.fleet import clock
from deploy.local.fleet.clock import HOUR, MINUTE, Instants, Values
from deploy.local.fleet.enterprises import Enterprise
from deploy.local.fleet.episodes import Conduct


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which instants of an enterprise a document holds: of dials, of hours and minutes begun."""

    dials: Instants
    hours: Instants
    minutes: Instants

    @property
    def empty(self) -> bool:
        """Tell whether nothing is wanted."""
        return not (len(self.dials) or len(self.hours) or len(self.minutes))


@dataclass(frozen=True, slots=True)
class Document:
    """What is sent in one piece; ``id`` names it in the outcome."""

    id: str
    payload: bytes


def between(after: int, last: int, step: int, start: int) -> Wanted:
    """Return dials at the multiples of a step and the hours that ended, in (after, last].

    Hours that began before ``start`` are left out.
    """
    hours = clock.grid(max(after, start + HOUR - 1), last, HOUR) - HOUR
    return Wanted(clock.grid(after, last, step), hours, np.empty(0, dtype=np.int64))


def encode(id_: str, item: Enterprise, wanted: Wanted, conduct: Conduct) -> Document:
    """Return a document of an enterprise's readings; hours that a monitor missed are left out."""
    parts: list[str] = []
    if len(wanted.dials):
        for meter in item.meters:
            head = _head(meter.device, meter.quantity)
            parts += _rows(head, wanted.dials, meter.dial(wanted.dials, conduct.strains))
    parts += _monitored(item, wanted, conduct)
    text = f'{{"id":"{id_}","readings":[{",".join(parts)}]}}'
    return Document(id_, text.encode())


def _monitored(item: Enterprise, wanted: Wanted, conduct: Conduct) -> Iterator[str]:
    if (monitor := item.monitor) is None:
        return
    if len(wanted.hours):
        means = monitor.means(wanted.hours, conduct.spells)
        there = ~np.isnan(means)
        hours = wanted.hours[there]
        head = _head(monitor.device, monitor.quantity, "hour.mean")
        yield from _rows(head, hours, means[there])
        head = _head(monitor.device, "gas_flow", "hour.mean")
        yield from _rows(head, hours, monitor.flows(hours))
    if len(wanted.minutes):
        means = monitor.minutes(wanted.minutes, conduct.spells)
        there = ~np.isnan(means)
        head = _head(monitor.device, monitor.quantity, "minute.mean")
        yield from _rows(head, wanted.minutes[there], means[there])


def _head(device: str, quantity: str, statistic: str | None = None) -> str:
    said = "" if statistic is None else f'"statistic":"{statistic}",'
    return f'{{"device":"{device}","quantity":"{quantity}",{said}"at":"'


def _rows(head: str, at: Instants, values: Values) -> Sequence[str]:
    texts = _texts(at.tobytes())
    return [
        f'{head}{text}","value":{value}}}'
        for text, value in zip(texts, values.tolist(), strict=True)
    ]


@lru_cache(maxsize=64)
def _texts(at: bytes) -> list[str]:
    """Return instants as texts; the meters of one document share them."""
    return [clock.moment(int(second)).isoformat() for second in np.frombuffer(at, dtype=np.int64)]


def newest_minutes(after: int, last: int, most: int) -> Instants:
    """Return the minutes that ended in (after, last], by their starts, so many at most."""
    return clock.grid(max(after, last - most * MINUTE), last, MINUTE) - MINUTE
