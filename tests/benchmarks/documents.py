"""Documents as gateways send them, encoded before anything is timed."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from ingest.protocols.hj212_frames import build
from tests.benchmarks.line import MEASURED, MONITORS
from tests.registry import Plant


def documents(
    plants: list[Plant], start: datetime, readings: int, size: int
) -> Iterator[tuple[Plant, bytes]]:
    """Yield documents of ``size`` readings of one enterprise at one instant, a minute apart.

    Enterprises take turns and all channels have theirs; ``readings`` are made in all.
    """
    made, minute = 0, 0
    while made < readings:
        at = (start + timedelta(minutes=minute)).isoformat()
        for first in range(0, len(plants[0].channels), size):
            for plant in plants:
                yield plant, _document(range(first + 1, first + size + 1), at)
                made += size
        minute += 1


def _document(channels: range, at: str) -> bytes:
    return json.dumps(
        {
            "readings": [
                {"device": f"M-{n}", "quantity": "electricity", "at": at, "value": 123456.7 + n}
                for n in channels
            ]
        }
    ).encode()


def packets(start: datetime, number: int) -> list[list[bytes]]:
    """Return packets of HJ 212-2017 that ask for an answer, by monitor, a minute apart."""
    each = number // len(MONITORS)
    return [[_packet(mn, start + timedelta(minutes=n)) for n in range(each)] for mn in MONITORS]


def _packet(mn: str, at: datetime) -> bytes:
    local = f"{at + timedelta(hours=8):%Y%m%d%H%M%S}"  # in Beijing
    values = ";".join(f"{factor.code}-Rtd=12.34,{factor.code}-Flag=N" for factor in MEASURED)
    head = f"QN={local}000;ST=31;CN=2011;PW=123456;MN={mn};Flag=5"
    return build(f"{head};CP=&&DataTime={local};{values}&&".encode())
