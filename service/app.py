"""The application: routes, errors, monitoring, and the feed that lives beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from service import monitoring, problems
from service.access import State
from service.analyzers import find
from service.api import (
    alerts,
    clients,
    codes,
    commands,
    counties,
    dialects,
    enterprises,
    frames,
    monitors,
    mqtt_accounts,
    nhjc,
    official,
    official_import,
    registry,
    rejected,
    replays,
    series,
)
from service.console import pages as console
from service.feed import Feed
from service.settings import Settings
from service.store.engine import EVERYWHERE, make_engine


def make_app(settings: Settings) -> FastAPI:
    """Return the application for some settings; its connections open with the first request."""
    engine = make_engine(settings.database, "qingyu-api", size=10)
    feed_engine = make_engine(settings.database, "qingyu-feed", region=EVERYWHERE, size=2)
    feed = Feed(feed_engine, settings.database)
    analyzers = find()
    rule_sets = [analyzer.rule_set for analyzer in analyzers if analyzer.rule_set is not None]

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(feed.run())
        yield
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await engine.dispose()
        await feed_engine.dispose()

    app = FastAPI(
        title="Qingyu 晴雨",
        summary="Online monitoring of key energy-using units and VOC monitors",
        version="0.1.0",
        license_info={"name": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    app.state.qingyu = State(
        settings=settings,
        engine=engine,
        feed=feed,
        official_indicators=[
            analyzer.name for analyzer in analyzers if analyzer.rests_on_official_figures
        ],
        labels={
            rule_set.name: {int(level): label for level, label in rule_set.labels.items()}
            for rule_set in rule_sets
        },
    )
    app.add_middleware(GZipMiddleware, minimum_size=2_000)
    problems.install(app)
    modules = (
        alerts,
        clients,
        codes,
        commands,
        counties,
        dialects,
        enterprises,
        frames,
        monitors,
        mqtt_accounts,
        nhjc,
        official,
        official_import,
        registry,
        rejected,
        replays,
        series,
    )
    for module in modules:
        app.include_router(module.router, prefix="/api/v1")
    for route in monitoring.routes(lambda: feed.ready):
        app.router.routes.append(route)
    console.install(app)
    return app
