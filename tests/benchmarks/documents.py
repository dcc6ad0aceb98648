"""Documents as gateways send them, encoded before anything is timed."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

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
