"""Connections to the database, and what they may see."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from schemas.locks import Lock

Connection = AsyncConnection
Engine = AsyncEngine

# The database is away; the last is what the driver raises when a kill leaves it confused.
LOST = (DBAPIError, OSError, asyncpg.InternalClientError)
EVERYWHERE = "%"  # a LIKE pattern of county codes
# Bounds on `at` must be constants when a statement is planned, or every chunk is opened; compiled
# code costs more than it saves at this size of statement.
SERVER_SETTINGS = {"plan_cache_mode": "force_custom_plan", "jit": "off", "timezone": "UTC"}


# What a rollup wrote and lost in a crash of the server comes back with the log it took from.
ROLLUP_SETTINGS = {"work_mem": "64MB", "synchronous_commit": "off"}


def make_engine(
    url: str,
    name: str,
    *,
    region: str | None = None,
    size: int = 5,
    settings: Mapping[str, str] | None = None,
) -> Engine:
    """Return a pool of connections to a PostgreSQL URL.

    ``region`` is what they see from the start; without it they see nothing until `scope`.
    """
    settings = {**SERVER_SETTINGS, **(settings or {}), "application_name": name}
    if region is not None:
        settings["qingyu.region"] = region
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=size,
        max_overflow=size,
        pool_pre_ping=True,
        connect_args={"server_settings": settings, "timeout": 10, "command_timeout": 300},
    )


async def scope(connection: Connection, regions: Sequence[str], enterprise_id: int | None) -> None:
    """Let the transaction see regions (prefixes of county codes), or one enterprise only."""
    await connection.execute(
        text(
            "SELECT set_config('qingyu.region', :region, true),"
            " set_config('qingyu.enterprise', :enterprise, true)"
        ),
        {
            "region": ",".join(region + EVERYWHERE for region in regions),
            "enterprise": "" if enterprise_id is None else str(enterprise_id),
        },
    )


async def lock(connection: Connection, kind: Lock, subject: int = 0) -> None:
    """Take an advisory lock until the transaction ends."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(:kind, :subject)"),
        {"kind": int(kind), "subject": subject},
    )


async def try_lock(connection: Connection, kind: Lock, subject: int = 0) -> bool:
    """Take an advisory lock until the transaction ends, unless somebody else holds it."""
    taken = await connection.scalar(
        text("SELECT pg_try_advisory_xact_lock(:kind, :subject)"),
        {"kind": int(kind), "subject": subject},
    )
    return bool(taken)


async def copy(
    connection: Connection, table: str, columns: Sequence[str], records: Sequence[Sequence[Any]]
) -> None:
    """Append records by COPY, inside the connection's transaction."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    await driver.copy_records_to_table(table, columns=columns, records=records)
