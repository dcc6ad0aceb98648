"""Retention: once an hour, what is older than it is kept is dropped."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from schemas.locks import Lock
from service.settings import Settings
from service.store import replays, retention
from service.store.engine import LOST, Engine, try_lock

logger = logging.getLogger(__name__)

EVERY_S = 3600.0
QUARANTINE = timedelta(hours=24)  # frames wait for their monitor to be registered


async def run(engine: Engine, settings: Settings) -> None:
    """Drop what is too old until cancelled; what fails is tried again at the next round."""
    while True:
        await drop_old(engine, settings, datetime.now(UTC))
        await asyncio.sleep(EVERY_S)


async def drop_old(engine: Engine, settings: Settings, now: datetime) -> dict[str, int]:
    """Drop chunks that are too old; returns how many of each table."""
    days = {
        "readings": settings.retention_days,
        "accepted_frames": settings.frame_retention_days,
        "usage_15m": settings.rollup_retention_days,
        "usage_daily": settings.rollup_retention_days,
        "emissions_hourly": settings.rollup_retention_days,
    }
    dropped: dict[str, int] = {}
    for relation, kept in days.items():
        try:  # each by itself: one whose locks are held costs the others nothing
            async with engine.begin() as connection:
                if await try_lock(connection, Lock.RETENTION):
                    instant = now - timedelta(days=kept)
                    dropped[relation] = await retention.drop_before(connection, relation, instant)
        except LOST as error:
            logger.warning("nothing of %s was dropped this time: %s", relation, error)
    try:
        async with engine.begin() as connection:
            kept_since = now - timedelta(days=settings.rejected_retention_days)
            await retention.delete_rejected(connection, kept_since, now - QUARANTINE)
            await replays.delete_old(connection, kept_since)
    except LOST as error:
        logger.warning("no rejected payload was deleted this time: %s", error)
    try:
        async with engine.begin() as connection:
            await retention.delete_marks(connection, now - timedelta(days=settings.retention_days))
    except LOST as error:
        logger.warning("no condition mark was deleted this time: %s", error)
    if any(dropped.values()):
        logger.info("dropped chunks: %s", dropped)
    return dropped
