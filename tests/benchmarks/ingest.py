"""From a sender to the commit."""

from functools import partial

from tests.benchmarks.documents import documents, packets
from tests.benchmarks.line import MEASURED
from tests.benchmarks.rig import Rig
from tests.benchmarks.senders import Send, post, publish, report, seconds


def mqtt(rig: Rig, size: int, readings: int) -> float:
    """Return readings/s of documents of ``size`` readings, published at QoS 1."""
    start = rig.line.fresh_week()
    made = list(documents(rig.line.plants, start, readings, size))
    payloads = [(plant.uscc, document) for plant, document in made]
    spent = _until_stored(rig, "mqtt", len(made) * size, partial(publish, rig.broker, payloads))
    assert rig.line.count(start) == len(made) * size
    return len(made) * size / spent


def http(rig: Rig, size: int, readings: int) -> float:
    """Return readings/s of documents of ``size`` readings, posted over 64 connections."""
    start = rig.line.fresh_week()
    made = list(documents(rig.line.plants, start, readings, size))
    payloads = [(plant.key, document) for plant, document in made]
    spent = _until_stored(rig, "http", len(made) * size, partial(post, rig.http[0], payloads))
    assert rig.line.count(start) == len(made) * size
    return len(made) * size / spent


def hj212(rig: Rig, number: int) -> float:
    """Return packets/s, each answered after the commit of its readings and of itself."""
    start = rig.line.fresh_week()
    spent = seconds(partial(report, rig.hj212[0], packets(start, number)))
    assert rig.line.count(start) == number * len(MEASURED)
    return number / spent


def _until_stored(rig: Rig, collector: str, readings: int, send: Send) -> float:
    wanted = rig.stored(collector) + readings
    return seconds(send, lambda: rig.wait_until_stored(collector, wanted))
