"""Coefficients that an operator entered stay in force over the migration, and over the way back."""

import asyncpg

from deploy.local.database import Database
from tests.database.test_gateways_migration import migrate

BEFORE = "0016-1"


async def test_an_operators_coefficient_stays_there_and_back(
    db: Database, owner: asyncpg.Connection
) -> None:
    migrate(db, "downgrade", BEFORE)
    await owner.execute(
        "INSERT INTO coefficients (quantity, method, kgce_per_unit, valid_from, source, confirmed)"
        " VALUES ('natural_gas', 'calorific', 1.2143, '2025-01-01', 'operator', true)"
    )
    migrate(db, "upgrade", "head")
    row = await owner.fetchrow(
        "SELECT kgce_per_unit, region, revision, recorded_by, edition, superseded_at"
        " FROM coefficients WHERE quantity = 'natural_gas'"
    )
    assert tuple(row) == (1.2143, "", 1, "unknown", None, None)
    await owner.execute(
        "UPDATE coefficients SET superseded_at = now() WHERE quantity = 'natural_gas'"
    )
    await owner.execute(
        "INSERT INTO coefficients (quantity, method, kgce_per_unit, valid_from, source, confirmed,"
        " revision) VALUES ('natural_gas', 'calorific', 1.3, '2025-01-01', 'operator', true, 2)"
    )
    migrate(db, "downgrade", BEFORE)
    values = "SELECT kgce_per_unit FROM coefficients WHERE quantity = 'natural_gas'"
    assert [row[0] for row in await owner.fetch(values)] == [1.3]
    assert await owner.fetchval("SELECT count(*) FROM coefficients WHERE quantity = 'coke'") == 1
    assert await owner.fetchval("SELECT count(*) FROM coefficients") == 21
    migrate(db, "upgrade", "head")
    assert [row[0] for row in await owner.fetch(values)] == [1.3]
