"""Many enterprises with many meters, registered by COPY, and the documents that they send."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from tests.registry import COUNTY, add_county, uscc

# Channels of one enterprise after the other: 5,000 in ten, 200 to 3,000 each.
SIZES = (200, 200, 200, 200, 200, 200, 200, 300, 300, 3_000)
DOCUMENT = 500  # readings of one document at most; all are of one instant
SERVICE_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_AT, _VALUE = "@at", "@value"


@dataclass(frozen=True, slots=True)
class Template:
    """A document of some channels of an enterprise, without its instant and its values."""

    topic: str
    text: bytes
    readings: int

    def filled(self, at: datetime, value: float) -> bytes:
        """Return the document with every reading at an instant."""
        instant = f"{at:%Y-%m-%dT%H:%M:%SZ}".encode()
        return self.text.replace(_AT.encode(), instant).replace(_VALUE.encode(), b"%.1f" % value)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Registered channels and what they send in one minute, each channel once."""

    channels: int
    enterprises: int
    templates: list[Template]


async def register(connection: asyncpg.Connection, channels: int) -> Fleet:
    """Register enterprises that have so many channels together, a meter each."""
    await add_county(connection)
    sizes = list(_sizes(channels))
    # neither triggers nor foreign keys: for each row of a million they take a minute
    await connection.execute("SET session_replication_role = replica")
    await connection.copy_records_to_table(
        "enterprises",
        columns=("enterprise_id", "uscc", "county_code", "name_zh", "name_en", "trade"),
        records=((number, uscc(number), COUNTY, "", "", "") for number, _ in enumerate(sizes, 1)),
    )
    await connection.copy_records_to_table(
        "devices",
        columns=(
            "device_id", "enterprise_id", "code", "name_zh", "name_en", "kind", "metering_level",
        ),
        records=(
            (device, enterprise, f"M-{place}", "", "", "meter", 1)
            for device, enterprise, place in _places(sizes)
        ),
    )  # fmt: skip
    await connection.copy_records_to_table(
        "channels",
        columns=(
            "channel_id", "device_id", "quantity", "statistic", "kind", "role", "label",
            "expected_interval_s", "hold_s", "in_service_from",
        ),
        records=(
            (device, device, "electricity", "instant", "register", "consumption", "end", 60, 60,
             SERVICE_FROM)
            for device, _, _ in _places(sizes)
        ),
    )  # fmt: skip
    await connection.copy_records_to_table(
        "channel_settings",
        columns=(
            "channel_id", "valid_from", "unit", "scale", "multiplier", "width", "recorded_by",
        ),
        records=(
            (device, SERVICE_FROM, "kWh", 1.0, 1.0, 1e6, "bench")
            for device, _, _ in _places(sizes)
        ),
    )  # fmt: skip
    await connection.execute("RESET session_replication_role")
    await connection.execute("VACUUM ANALYZE")
    return Fleet(channels, len(sizes), list(_templates(sizes)))


def _sizes(channels: int) -> Iterator[int]:
    """Yield how many channels each enterprise has; the last takes what is left."""
    for size in itertools.cycle(SIZES):
        if channels <= 0:
            return
        yield min(size, channels)
        channels -= size


def _places(sizes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield device, enterprise, and the device's number in it; channels are numbered alike."""
    device = itertools.count(1)
    for enterprise, size in enumerate(sizes, 1):
        for place in range(1, size + 1):
            yield next(device), enterprise, place


def _templates(sizes: Sequence[int]) -> Iterator[Template]:
    for enterprise, size in enumerate(sizes, 1):
        for first in range(1, size + 1, DOCUMENT):
            places = range(first, min(first + DOCUMENT, size + 1))
            readings = ",".join(
                f'{{"device":"M-{place}","quantity":"electricity","at":"{_AT}","value":{_VALUE}}}'
                for place in places
            )
            text = f'{{"readings":[{readings}]}}'.encode()
            yield Template(f"qingyu/v1/{uscc(enterprise)}/readings", text, len(places))
