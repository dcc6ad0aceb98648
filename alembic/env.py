"""Runs the migrations over asyncpg, one process at a time.

The database is named by ``QINGYU_DATABASE`` (a PostgreSQL URL) or by the configuration's
attribute ``url``, which callers inside Python set.
"""

import asyncio
import os
from typing import Any

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from schemas.tables import METADATA

MIGRATION_LOCK = 7_340_017  # any number that no other program takes


def _url() -> str:
    url = context.config.attributes.get("url") or os.environ.get("QINGYU_DATABASE")
    if not url:
        raise SystemExit("QINGYU_DATABASE is not set: give the URL of the database to migrate.")
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def _is_ours(_item: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    """Skip what TimescaleDB keeps in our schema beside our tables."""
    return not (reflected and kind == "index" and (name or "").startswith("_"))


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=_is_ours,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    engine = create_async_engine(_url(), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text("SET lock_timeout = '30s'"))
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        await connection.commit()
        await connection.run_sync(_migrate)
        await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        await connection.commit()
    await engine.dispose()


asyncio.run(_run())
