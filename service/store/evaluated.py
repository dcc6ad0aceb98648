"""How far the clock has been followed, a row for each indicator, and whom to measure."""

from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_UNTIL = text("SELECT until FROM evaluated WHERE indicator = :indicator")
_SET_UNTIL = text("""
    INSERT INTO evaluated (indicator, until) VALUES (:indicator, :until)
    ON CONFLICT (indicator) DO UPDATE SET until = excluded.until
""")
_ENTERPRISES = text("SELECT enterprise_id, county_code FROM enterprises")
_COUNTIES = text("SELECT county_code FROM counties ORDER BY county_code")


async def until(connection: Connection, indicator: str) -> datetime | None:
    """Return up to which instant an indicator has been measured; None before the first."""
    value: datetime | None = await connection.scalar(_UNTIL, {"indicator": indicator})
    return value


async def set_until(connection: Connection, indicator: str, at: datetime) -> None:
    """Note up to which instant an indicator has been measured."""
    await connection.execute(_SET_UNTIL, {"indicator": indicator, "until": at})


async def enterprises(connection: Connection) -> dict[int, str]:
    """Return the county of every enterprise."""
    return {row.enterprise_id: row.county_code for row in await connection.execute(_ENTERPRISES)}


async def counties(connection: Connection) -> list[str]:
    """Return every county."""
    return list(await connection.scalars(_COUNTIES))
