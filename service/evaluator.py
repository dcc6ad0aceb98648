"""Evaluation: measure, judge, move the alerts, save; one transaction for each indicator."""

import asyncio
import logging
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from schemas.locks import Lock
from service.analyzers import Analyzer, Due
from service.domain.windows import LIVE, Cadence, instants
from service.monitoring import EVALUATED_VALUES, EVALUATION_FAILED, EVALUATION_SECONDS
from service.outcome import conclude
from service.store import changed, evaluated, indicators
from service.store.changed import Changed
from service.store.engine import LOST, Connection, Engine, try_lock

logger = logging.getLogger(__name__)

Subject = TypeVar("Subject", int, str)

PAUSE_S = 2.0
DAYS_AT_ONCE = 4_000.0  # of enterprises' days, claimed for one evaluation
GRACE = timedelta(minutes=2)  # after an instant, in which its last readings arrive


async def run(engine: Engine, analyzers: Sequence[Analyzer]) -> None:
    """Evaluate until cancelled; any number of evaluators may run."""
    while True:
        try:
            await evaluate_all(engine, analyzers, datetime.now(UTC))
        except LOST as error:
            logger.warning("evaluation waits for the database: %s", error)
        await asyncio.sleep(PAUSE_S)


async def evaluate_all(engine: Engine, analyzers: Sequence[Analyzer], now: datetime) -> None:
    """Evaluate each indicator once; one that fails does not hold up the others."""
    for analyzer in analyzers:
        try:
            is_more = True
            while is_more:
                with EVALUATION_SECONDS.labels(indicator=analyzer.name).time():
                    async with engine.begin() as connection:
                        is_more = await evaluate(connection, analyzer, now)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            EVALUATION_FAILED.labels(indicator=analyzer.name).inc()
            logger.exception("%s cannot be evaluated", analyzer.name)


async def evaluate(connection: Connection, analyzer: Analyzer, now: datetime) -> bool:
    """Measure what changed and what the clock brings, and save what follows from it.

    Returns whether more waits: a long history is taken in parts, so that the memory that it
    takes stays bounded and live data wait for one part only. Lock, claim and measure are
    statements of their own: a snapshot must not be older than the lock.
    """
    if not await try_lock(connection, Lock.EVALUATE, zlib.crc32(analyzer.name.encode()) >> 1):
        return False
    changes, is_more = await changed.claim(connection, analyzer.name, DAYS_AT_ONCE)
    due = await _due(connection, analyzer, changes, now)
    if due.enterprises or due.counties:
        values = await analyzer.measure(connection, due)
        EVALUATED_VALUES.labels(indicator=analyzer.name).inc(len(values))
        if values:
            await conclude(connection, analyzer, values, now)
    return is_more


async def _due(
    connection: Connection, analyzer: Analyzer, changes: Sequence[Changed], now: datetime
) -> Due:
    """Return what to measure: instants that changes reach, and new ones for everybody."""
    closed = now - GRACE
    until = await evaluated.until(connection, analyzer.name) or closed
    by_clock = list(instants(analyzer.cadence, until, closed, now))
    if analyzer.cadence is not Cadence.ON_ENTRY:
        await evaluated.set_until(connection, analyzer.name, max(until, closed))
    enterprises: dict[int, set[datetime]] = defaultdict(set)
    counties: dict[str, set[datetime]] = defaultdict(set)
    for change in changes:
        reached = set(_reached(analyzer, change, min(until, closed), now))
        if analyzer.cadence is Cadence.ON_ENTRY:
            reached = {change.last_at}
        counties[change.county_code] |= reached
        if change.enterprise_id is not None:
            enterprises[change.enterprise_id] |= reached
    await _add_stored(connection, analyzer, changes, enterprises, closed)
    if by_clock:
        for enterprise, county in (await evaluated.enterprises(connection)).items():
            enterprises[enterprise].update(by_clock)
            counties[county].update(by_clock)
        for county in await evaluated.counties(connection):
            counties[county].update(by_clock)
    return Due(_in_order(enterprises), _in_order(counties))


def _reached(
    analyzer: Analyzer, change: Changed, closed: datetime, now: datetime
) -> Sequence[datetime]:
    """Return the instants whose values rest on what changed, and all live ones after those.

    The live ones follow because alerts are judged in one piece from the first that changed.
    """
    last = max(change.last_at + analyzer.reach, min(change.first_at, now) + LIVE)
    return list(instants(analyzer.cadence, change.first_at, min(last, closed), now))


async def _add_stored(
    connection: Connection,
    analyzer: Analyzer,
    changes: Sequence[Changed],
    enterprises: dict[int, set[datetime]],
    closed: datetime,
) -> None:
    """Add instants that are no longer due by the clock but have values that changes reach."""
    if analyzer.cadence not in (Cadence.HOURLY, Cadence.HOURLY_LIVE):
        return
    old = [
        (change.enterprise_id, change.first_at, min(change.last_at + analyzer.reach, closed))
        for change in changes
        if change.first_at < closed - LIVE and change.enterprise_id is not None
    ]
    for enterprise, as_of in await indicators.stored_instants(connection, analyzer.name, old):
        enterprises[enterprise].add(as_of)


def _in_order(found: Mapping[Subject, set[datetime]]) -> dict[Subject, list[datetime]]:
    return {subject: sorted(due) for subject, due in found.items() if due}
