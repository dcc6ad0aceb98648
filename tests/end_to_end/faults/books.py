"""What a database holds in the end, to be compared with that of an undisturbed run."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from deploy.local.database import Database
from service.rollup import roll_up_each
from service.store import stretches
from service.store.engine import EVERYWHERE, make_engine

_EVER = datetime(2000, 1, 1, tzinfo=UTC)
# Not channel_extents: they are bounds, and how wide depends on how readings were grouped.
_TABLES = {
    "readings": "channel_id, at",
    "usage_15m": "channel_id, at",
    "usage_daily": "channel_id, day",
}


@dataclass(frozen=True, slots=True)
class Books:
    """Rows by table, each table in the order of its key."""

    tables: dict[str, list[tuple[Any, ...]]]
    revisions: int
    rejected: int


async def close(db: Database) -> Books:
    """Roll up until the logs are empty and return what the tables hold."""
    engine = make_engine(db.service, "books", region=EVERYWHERE)
    try:
        while await roll_up_each(engine, [], _EVER):
            pass
        async with engine.connect() as connection:
            assert await stretches.backlog(connection) == 0
    finally:
        await engine.dispose()
    owner = await asyncpg.connect(db.owner)
    try:
        tables = {
            name: [tuple(row) for row in await owner.fetch(f"SELECT * FROM {name} ORDER BY {key}")]
            for name, key in _TABLES.items()
        }
        revisions = await owner.fetchval("SELECT count(*) FROM reading_revisions")
        rejected = await owner.fetchval("SELECT count(*) FROM rejected_payloads")
        return Books(tables, revisions, rejected)
    finally:
        await owner.close()


def compare(found: Books, expected: Books) -> None:
    """Fail with the first rows that differ."""
    for name, rows in expected.tables.items():
        assert rows, f"{name} is empty"
        differing = [
            pair for pair in zip(found.tables[name], rows, strict=False) if pair[0] != pair[1]
        ]
        assert len(found.tables[name]) == len(rows), f"{name}: {len(rows)} expected"
        assert not differing, f"{name}: {len(differing)} rows differ: {differing[:3]}"
