"""Connections as the two programs have them."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.local.database import Database
from ingest.commit import prepare
from service.app import make_app
from service.settings import Settings
from service.store.engine import EVERYWHERE, Engine, make_engine
from tests.database.caller import Caller
from tests.database.world import World


@pytest.fixture
async def pool(db: Database) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(db.ingest, min_size=0, max_size=4, init=prepare) as pool:
        yield pool


@pytest.fixture
async def engine(db: Database) -> AsyncIterator[Engine]:
    engine = make_engine(db.service, "test", region=EVERYWHERE)
    yield engine
    await engine.dispose()


@pytest.fixture
def world(owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> World:
    return World(owner, pool, engine)


@pytest.fixture
async def caller(db: Database, engine: Engine) -> AsyncIterator[Caller]:
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        yield Caller(app, engine)
