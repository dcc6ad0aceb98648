"""HJ 212 monitors for tests: their registration, their packets, and a real TCP line."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from ingest.protocols.hj212_frames import Frame, Framer, build
from tests.registry import Plant

SHANGHAI = timedelta(hours=8)
_numbers = itertools.count(1)
# quantity, statistic, unit, role
NMHC = (
    ("nmhc", "instant", "mg/m³", "check"),
    ("nmhc", "minute.mean", "mg/m³", "check"),
    ("nmhc", "hour.mean", "mg/m³", "outlet"),
    ("nmhc", "hour.mean_corrected", "mg/m³", "outlet"),
    ("nmhc", "day.mean", "mg/m³", "check"),
    ("gas_flow", "instant", "m³/h", "check"),
    ("gas_flow", "hour.mean", "m³/h", "outlet"),
)
INTERVALS = {"instant": 30, "minute": 600, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Site212:
    """A registered monitor and its channels by (name, statistic)."""

    mn: str
    device_id: int
    channels: dict[tuple[str, str], int]


async def add_monitor(
    owner: asyncpg.Connection,
    plant: Plant,
    channels: Sequence[tuple[str, str, str, str]] = NMHC,
    wire_codes: Sequence[tuple[str, str, str]] = (),
) -> Site212:
    """Register a monitor of a plant; ``wire_codes`` are code, quantity and statistic."""
    number = next(_numbers)
    mn = f"{plant.enterprise_id:012X}{number:012X}"
    device_id = await owner.fetchval(
        "INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind, mn)"
        " VALUES ($1, $2, $2, $2, 'monitor', $3) RETURNING device_id",
        plant.enterprise_id,
        f"V-{number}",
        mn,
    )
    ids = {}
    coded: list[tuple[str | None, str, str, str, str]] = [(None, *channel) for channel in channels]
    coded += [(code, quantity, statistic, "1", "check") for code, quantity, statistic in wire_codes]
    for code, quantity, statistic, _unit, role in coded:
        ids[code or quantity, statistic] = await owner.fetchval(
            "INSERT INTO channels (device_id, quantity, statistic, kind, role, label,"
            " expected_interval_s, hold_s, in_service_from, wire_code)"
            " VALUES ($1, $2, $3, 'gauge', $4, 'start', $5, 900, '2020-01-01', $6)"
            " RETURNING channel_id",
            device_id,
            quantity,
            statistic,
            role,
            INTERVALS[statistic.partition(".")[0].removesuffix("_corrected")],
            code,
        )
    return Site212(mn, device_id, ids)


def local(at: datetime) -> str:
    """Return an instant as HJ 212 has it, in Beijing time."""
    return f"{at.astimezone(UTC) + SHANGHAI:%Y%m%d%H%M%S}"


def packet(
    mn: str,
    cn: str,
    content: str,
    *,
    at: datetime,
    flag: int = 5,
    pw: str = "123456",
    st: str = "31",
    qn: str | None = None,
    extra: str = "",
) -> bytes:
    """Return a frame; its QN is the next millisecond that no other packet of the test has."""
    qn = qn or f"{local(at)}{next(_numbers) % 1000:03}"
    head = f"QN={qn};ST={st};CN={cn};PW={pw};MN={mn};Flag={flag};{extra}"
    return build(f"{head}CP=&&{content}&&".encode())


@dataclass(slots=True)
class Line:
    """A TCP connection of a monitor."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framer: Framer = field(default_factory=Framer)
    answers: list[str] = field(default_factory=list)

    @classmethod
    async def open(cls, port: int, **options: object) -> "Line":
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)  # type: ignore[arg-type]
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def next(self, patience: float = 10.0) -> str:
        """Return the next segment that the collector sends; raises TimeoutError in silence."""
        async with asyncio.timeout(patience):
            while not self.answers:
                data = await self.reader.read(65_536)
                if not data:
                    raise ConnectionResetError("closed by the collector")
                found = self.framer.feed(data)
                self.answers += [i.segment.decode() for i in found if isinstance(i, Frame)]
        return self.answers.pop(0)

    async def is_silent(self, seconds: float = 1.0) -> bool:
        with suppress(TimeoutError):
            await self.next(seconds)
            return False
        return True

    async def is_closed(self, patience: float = 10.0) -> bool:
        with suppress(ConnectionResetError):
            async with asyncio.timeout(patience):
                return await self.reader.read(65_536) == b""
        return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()
