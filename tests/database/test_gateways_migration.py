"""Keys that clients had are good after the migration, and after the way back."""

import hashlib
import os
import subprocess
import sys

import asyncpg

from deploy.local.database import Database
from deploy.local.settings import CHECKOUT
from service.store import client_keys, clients
from service.store.engine import EVERYWHERE, Engine, make_engine

BEFORE = "0013"


def migrate(db: Database, *arguments: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "QINGYU_DATABASE": db.owner},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


async def is_good(engine: Engine, key: str) -> bool:
    async with engine.connect() as connection:
        return await clients.find(connection, key) is not None


async def test_a_key_stays_good_there_and_back(db: Database, owner: asyncpg.Connection) -> None:
    migrate(db, "downgrade", BEFORE)
    client = await owner.fetchval(
        "INSERT INTO clients (name, key_digest) VALUES ('old', $1) RETURNING client_id",
        hashlib.sha256(b"the key").digest(),
    )
    await owner.execute(
        "INSERT INTO grants (client_id, region_prefix, domain, verb)"
        " VALUES ($1, '', 'energy', 'read')",
        client,
    )
    migrate(db, "upgrade", "head")
    engine = make_engine(db.service, "test", region=EVERYWHERE)
    assert await is_good(engine, "the key")
    async with engine.begin() as connection:
        _, newer = await client_keys.issue(connection, client)
        number, revoked = await client_keys.issue(connection, client)
        await client_keys.revoke(connection, client, number)
    await owner.execute("INSERT INTO clients (name) VALUES ('without a key')")
    assert not await is_good(engine, revoked)
    await engine.dispose()
    migrate(db, "downgrade", BEFORE)
    digests = dict(await owner.fetch("SELECT name, key_digest FROM clients"))
    assert digests["old"] == hashlib.sha256(newer.encode()).digest()
    migrate(db, "upgrade", "head")
    assert await owner.fetchval("SELECT count(*) FROM client_keys") == 2
