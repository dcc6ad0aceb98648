"""Units that channels had are those of their settings after the migration, and on the way back."""

import asyncpg

from deploy.local.database import Database
from tests.database.test_gateways_migration import migrate
from tests.registry import COUNTY, add_county, uscc

BEFORE = "0014"


async def test_a_unit_stays_what_it_was_there_and_back(
    db: Database, owner: asyncpg.Connection
) -> None:
    migrate(db, "downgrade", BEFORE)
    await add_county(owner)
    channels = [
        await owner.fetchval(
            "WITH e AS (INSERT INTO enterprises (uscc, county_code, name_zh, name_en, trade)"
            "  VALUES ($1, $2, 'x', 'x', 'x') ON CONFLICT (uscc) DO UPDATE SET trade = 'x'"
            "  RETURNING enterprise_id),"
            " d AS (INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind)"
            "  SELECT enterprise_id, $3, 'x', 'x', 'meter' FROM e RETURNING device_id)"
            " INSERT INTO channels (device_id, quantity, statistic, kind, role, unit, scale, label,"
            "  expected_interval_s, hold_s, plausible_max, in_service_from)"
            " SELECT device_id, 'electricity', 'instant', 'register', 'consumption', 'MWh', 1000,"
            "  'end', 900, 900, 7, '2020-01-01' FROM d RETURNING channel_id",
            uscc(1),
            COUNTY,
            device,
        )
        for device in ("with settings", "without")
    ]
    await owner.execute(
        "INSERT INTO channel_settings VALUES ($1, '2020-01-01', 2, 500),"
        " ($1, '2021-01-01', 3, NULL)",
        channels[0],
    )
    migrate(db, "upgrade", "head")
    rows = await owner.fetch(
        "SELECT channel_id, multiplier, width, unit, scale, revision FROM channel_settings"
        " ORDER BY channel_id, valid_from"
    )
    assert [tuple(row) for row in rows] == [
        (channels[0], 2, 500, "MWh", 1000, 1),
        (channels[0], 3, None, "MWh", 1000, 1),
        (channels[1], 1, None, "MWh", 1000, 1),
    ]
    plausible = "SELECT DISTINCT plausible_max FROM channels"
    assert await owner.fetchval(plausible) == 7_000  # in the catalogue's unit from here on
    rederived = "SELECT count(*) FROM changed_stretches WHERE NOT only_days"
    assert await owner.fetchval(rederived) == 0
    await owner.execute(
        "UPDATE channel_settings SET unit = 'kWh', scale = 1 WHERE valid_from = '2021-01-01'"
    )
    migrate(db, "downgrade", BEFORE)
    units = await owner.fetch("SELECT unit, scale, plausible_max FROM channels ORDER BY channel_id")
    assert [tuple(row) for row in units] == [("kWh", 1, 7_000), ("MWh", 1000, 7)]
    migrate(db, "upgrade", "head")
