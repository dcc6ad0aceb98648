"""HJ 212 monitors of two counties, with what their collector knows of them."""

from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from tests.registry import COUNTY, add_plant

OTHER = "620602"
SEEN = datetime(2026, 11, 22, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Station:
    """An enterprise with one monitor at an outlet."""

    uscc: str
    county: str
    device_id: int
    mn: str


async def add_station(
    owner: asyncpg.Connection, number: int, county: str = COUNTY, version: str | None = None
) -> Station:
    """Register an enterprise and its monitor; it has a line if a version is given."""
    plant = await add_plant(owner, [], number=number, county=county)
    outlet = await owner.fetchval(
        "INSERT INTO outlets (enterprise_id, code, name_zh, name_en)"
        " VALUES ($1, 'DA001', '一', 'one') RETURNING outlet_id",
        plant.enterprise_id,
    )
    mn = f"0123456789ABCDEF{number:08d}"
    device = await owner.fetchval(
        "INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind, mn, outlet_id)"
        " VALUES ($1, 'A-01', '监测仪', 'monitor', 'monitor', $2, $3) RETURNING device_id",
        plant.enterprise_id,
        mn,
        outlet,
    )
    if version is not None:
        await owner.execute(
            "INSERT INTO device_links (device_id, collector, source, version, connected_since,"
            " last_frame_at, clock_skew_s, verdict, frames, incomplete_sets)"
            " VALUES ($1, 'hj212', '10.0.0.7', $2, $3, $3, 1.5, 'stored', 41, 2)",
            device,
            version,
            SEEN,
        )
    return Station(plant.uscc, county, device, mn)
