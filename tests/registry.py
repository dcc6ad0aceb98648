"""Rows of the registry for tests, written as an owner would."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

COUNTY = "620623"
_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def uscc(number: int) -> str:
    """Return a social credit code with a right check digit (GB 32100)."""
    body = f"91{COUNTY}MA{number:07d}"[:17]
    total = sum(_LETTERS.index(letter) * 3**place % 31 for place, letter in enumerate(body))
    return body + _LETTERS[-total % 31]


@dataclass(frozen=True, slots=True)
class Plant:
    """One enterprise with a key and the ids of its channels, in the order asked for."""

    enterprise_id: int
    uscc: str
    key: str
    channels: list[int]


@dataclass(frozen=True, slots=True)
class Spec:
    """A channel to register; each gets a device of its own unless it names one."""

    quantity: str = "electricity"
    statistic: str = "instant"
    kind: str = "register"
    role: str = "consumption"
    unit: str = "kWh"
    scale: float = 1.0
    label: str = "end"
    expected_interval_s: int = 900
    hold_s: int = 900
    width: float | None = None
    multiplier: float = 1.0
    plausible_rate: float | None = None
    plausible_max: float | None = None
    reversible: bool = False
    device: str | None = None
    level: int | None = 1
    facility_id: int | None = None
    outlet_id: int | None = None
    in_service_from: str = "2020-01-01T00:00:00+08:00"
    wire_code: str | None = None
    part: str | None = None


async def add_county(connection: asyncpg.Connection, code: str = COUNTY) -> None:
    await connection.execute(
        "INSERT INTO counties (county_code, name_zh, name_en) VALUES ($1, $2, $2)"
        " ON CONFLICT DO NOTHING",
        code,
        f"county {code}",
    )


async def add_plant(
    connection: asyncpg.Connection,
    channels: Sequence[Spec] = (Spec(),),
    *,
    number: int = 1,
    county: str = COUNTY,
) -> Plant:
    """Register an enterprise with one device a channel and a key that may submit."""
    await add_county(connection, county)
    code = uscc(number)
    enterprise_id = await connection.fetchval(
        "INSERT INTO enterprises (uscc, county_code, name_zh, name_en, trade)"
        " VALUES ($1, $2, $3, $3, 'ferroalloy') RETURNING enterprise_id",
        code,
        county,
        f"plant {number}",
    )
    key = f"key-of-plant-{number}"
    client_id = await connection.fetchval(
        "INSERT INTO clients (name, enterprise_id) VALUES ($1, $2) RETURNING client_id",
        f"gateway {number}",
        enterprise_id,
    )
    await connection.execute(
        "INSERT INTO client_keys (client_id, digest) VALUES ($1, $2)",
        client_id,
        hashlib.sha256(key.encode()).digest(),
    )
    await connection.execute(
        "INSERT INTO grants (client_id, region_prefix, domain, verb)"
        " VALUES ($1, $2, 'metering', 'submit')",
        client_id,
        county,
    )
    ids = [
        await add_channel(connection, enterprise_id, spec, f"M-{place:02d}")
        for place, spec in enumerate(channels, 1)
    ]
    return Plant(enterprise_id, code, key, ids)


async def add_channel(
    connection: asyncpg.Connection, enterprise_id: int, spec: Spec, device: str
) -> int:
    device_id = await connection.fetchval(
        "INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind, metering_level,"
        " facility_id, outlet_id) VALUES ($1, $2, $2, $2, 'meter', $3, $4, $5)"
        " ON CONFLICT (enterprise_id, code) DO UPDATE SET code = excluded.code"
        " RETURNING device_id",
        enterprise_id,
        spec.device or device,
        spec.level,
        spec.facility_id,
        spec.outlet_id,
    )
    channel_id = await connection.fetchval(
        "INSERT INTO channels (device_id, quantity, statistic, kind, role, plausible_max,"
        " reversible, label, expected_interval_s, hold_s, plausible_rate, in_service_from,"
        " wire_code, part)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::timestamptz, $13, $14)"
        " RETURNING channel_id",
        device_id,
        spec.quantity,
        spec.statistic,
        spec.kind,
        spec.role,
        spec.plausible_max,
        spec.reversible,
        spec.label,
        spec.expected_interval_s,
        spec.hold_s,
        spec.plausible_rate,
        spec.in_service_from,
        spec.wire_code,
        spec.part,
    )
    await connection.execute(
        "INSERT INTO channel_settings"
        " (channel_id, valid_from, unit, scale, multiplier, width, recorded_by)"
        " VALUES ($1, $2::text::timestamptz, $3, $4, $5, $6, 'test')",
        channel_id,
        spec.in_service_from,
        spec.unit,
        spec.scale,
        spec.multiplier,
        spec.width,
    )
    return int(channel_id)


async def add_end_device(
    connection: asyncpg.Connection,
    plant: Plant,
    device: str = "M-01",
    *,
    addresses: Sequence[str] = (),
    window: str | None = "1 hour",
    **dialect: object,
) -> int:
    """Let a device speak NHJC and open the window in which it may register."""
    device_id = await connection.fetchval(
        "SELECT device_id FROM devices WHERE enterprise_id = $1 AND code = $2",
        plant.enterprise_id,
        device,
    )
    await connection.execute(
        "INSERT INTO nhjc_devices (device_id, dialect, addresses, open_until, recorded_by)"
        " VALUES ($1, $2::text::jsonb, $3, now() + $4::text::interval, 'test')",
        device_id,
        json.dumps(dialect),
        list(addresses),
        window,
    )
    return int(device_id)
