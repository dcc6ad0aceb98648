"""What the plants of a scene measure: the same readings in every run, undisturbed or not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.end_to_end.faults.size import SIZE
from tests.registry import Spec

START = datetime(2026, 9, 1, tzinfo=UTC)
PLANTS = (1, 2)
BATCH = 30  # readings in a document
SPECS = [
    Spec(expected_interval_s=60),
    Spec(expected_interval_s=60, multiplier=40.0, width=10_000.0),
    Spec("nmhc", "minute.mean", "gauge", unit="mg/m³", label="start", expected_interval_s=60),
    Spec(statistic="quarter.total", kind="amount"),
]


def halves(plant: int) -> tuple[list[bytes], list[bytes]]:
    """Return a plant's readings as lines, the later half first: it is sent before the earlier."""
    middle = SIZE.minutes // 2
    return list(_lines(plant, range(middle, SIZE.minutes))), list(_lines(plant, range(middle)))


def _lines(plant: int, minutes: range) -> Iterator[bytes]:
    for minute in minutes:
        jitter = minute * 7_919 * plant % 1_013 / 100
        yield _line(1, minute, round(1.7 * minute + jitter / 100, 3))
        yield _line(2, minute, round((3.1 * minute + jitter / 10) % 10_000, 3))
        yield _line(3, minute, round(20 + jitter, 2))
        if minute % 15 == 0:
            yield _line(4, minute, round(100 + jitter, 2))


def _line(channel: int, minute: int, value: float) -> bytes:
    spec = SPECS[channel - 1]
    reading = {
        "device": f"M-{channel:02d}",
        "quantity": spec.quantity,
        "at": (START + timedelta(minutes=minute)).isoformat(),
        "value": value,
    }
    return json.dumps(reading).encode()
