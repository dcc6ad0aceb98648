"""The rollup worker: takes changed stretches and recomputes exactly what follows from them."""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import DBAPIError

from schemas.registry import ChannelKind
from service.domain.calendar import DAY, day_of, midnight
from service.domain.reach import Span, ceil, floor, span_of_values
from service.monitoring import ROLLUP_BACKLOG, ROLLUP_FAILED, ROLLUP_QUARTERS, ROLLUP_SECONDS
from service.store import changed, channels, days, emissions, neighbours, stretches, usage
from service.store.engine import LOST, Connection, Engine
from service.store.stretches import Change

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
ROUND_S = 5.0  # from one round to the next, to coalesce; under backlog a round takes longer
REST_S = 0.5
QUARTERS_AT_ONCE = 500_000  # in one transaction; what is more is put back
CHANNELS_AT_ONCE = 2_000  # in one transaction, roughly; a statement costs milliseconds by itself
ENTERPRISES_AT_ONCE = 200
APART = timedelta(days=4)  # changes farther apart than this share no chunk


async def run(engine: Engine, indicators: Sequence[str], retention: timedelta) -> None:
    """Roll up until cancelled; any number of workers may run."""
    while True:
        started = time.monotonic()
        try:
            while await roll_up_each(engine, indicators, datetime.now(UTC) - retention):
                pass
            async with engine.connect() as connection:
                ROLLUP_BACKLOG.set(await stretches.backlog(connection))
        except LOST as error:
            logger.warning("the rollup waits for the database: %s", error)
        await asyncio.sleep(max(ROUND_S - (time.monotonic() - started), REST_S))


async def roll_up_each(engine: Engine, indicators: Sequence[str], kept_from: datetime) -> bool:
    """Roll up every enterprise with changes once; tell whether some is left.

    A transaction takes as many as are expected to have so many changed channels, always one.
    """
    after, most, alone_to, is_left = 0, 1, 0, False
    while True:
        picked = None
        try:
            with ROLLUP_SECONDS.time():
                async with engine.begin() as connection:
                    number = 1 if after < alone_to else most
                    picked = await stretches.pick(connection, after, number)
                    if picked is None:
                        return is_left
                    done = await roll_up(connection, picked.held, indicators, kept_from)
            is_left |= done.is_left
            most = _enterprises(len(picked.held), done.channels) if picked.held else most
        except DBAPIError as error:
            if picked is None or error.connection_invalidated:
                raise
            if len(picked.held) > 1:  # one of them is at fault: each by itself
                alone_to = picked.last
                continue
            ROLLUP_FAILED.inc()  # its changes stay in the log; the others are not held up
            logger.exception("enterprise %s cannot be rolled up", picked.held)
        after = picked.last


def _enterprises(number: int, channels: int) -> int:
    """Return how many enterprises to take after so many had so many changed channels."""
    return max(1, min(number * CHANNELS_AT_ONCE // max(channels, 1), ENTERPRISES_AT_ONCE))


@dataclass(frozen=True, slots=True)
class Done:
    """What a transaction did: channels whose changes it took, and whether it put some back."""

    channels: int
    is_left: bool


async def roll_up(
    connection: Connection,
    enterprises: Sequence[int],
    indicators: Sequence[str],
    kept_from: datetime,
) -> Done:
    """Recompute what follows from the changes of enterprises whose locks are held.

    Readings from before ``kept_from`` may be gone, so quarter hours before it stay as they are.
    """
    claimed = await stretches.claim(connection, enterprises)
    owners = {change.channel_id: change.enterprise_id for change in claimed}
    is_left = await _revalue(connection, indicators, [c for c in claimed if c.only_days])
    changes = _clip((c for c in claimed if not c.only_days), kept_from)
    if not changes:
        return Done(len(owners), is_left)
    extents = await neighbours.extend(connection, changes)
    left: list[Change] = []
    for cluster in _clusters(changes):
        registers, values = await _spans(connection, cluster, extents, ceil(kept_from))
        later = _cut(registers, values)
        left += [change for change in cluster if change.channel_id in later]
        if registers:
            await usage.replace_registers(connection, registers)
        if values:
            await usage.replace_values(connection, values)
        if spans := [*registers, *values]:
            await _derive(connection, spans)
            await changed.append_usage(connection, indicators, _hulls(spans, owners))
            ROLLUP_QUARTERS.inc(sum(span.quarters for span in spans))
    await stretches.postpone(connection, left)
    return Done(len(owners), is_left or bool(left))


async def _revalue(
    connection: Connection, indicators: Sequence[str], changes: Sequence[Change]
) -> bool:
    """Give days other factors, as far back as days are kept; tells whether some was put back."""
    taken, left = days.fitting(changes)
    revalued = await days.revalue(connection, taken)
    if revalued:
        hulls = {
            e: (midnight(first), midnight(last + DAY)) for e, (first, last) in revalued.items()
        }
        await changed.append_usage(connection, indicators, hulls)
    await stretches.postpone(connection, left)
    return bool(left)


def _clip(changes: Iterable[Change], kept_from: datetime) -> list[Change]:
    return [
        change if change.first_at >= kept_from else replace(change, first_at=kept_from)
        for change in changes
        if change.last_at >= kept_from
    ]


def _clusters(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield changes, which are in order of time, in runs that lie near each other.

    Long ones by themselves: what is recomputed together opens the chunks of the longest.
    """
    for is_long in (False, True):
        cluster: list[Change] = []
        reach = changes[0].last_at
        for change in changes:
            if (change.last_at - change.first_at > APART) is not is_long:
                continue
            if cluster and change.first_at > reach + APART:
                yield cluster
                cluster = []
            reach = max(reach, change.last_at) if cluster else change.last_at
            cluster.append(change)
        if cluster:
            yield cluster


async def _spans(
    connection: Connection,
    changes: Sequence[Change],
    extents: dict[int, neighbours.Extent],
    lowest: datetime,
) -> tuple[list[Span], list[Span]]:
    """Return what to recompute: of registers, and of amounts and gauges."""
    kinds = await channels.kinds(connection, {change.channel_id for change in changes})
    changes = [c for c in changes if c.channel_id in kinds]
    dials = [c for c in changes if kinds[c.channel_id].kind is ChannelKind.REGISTER]
    others = [c for c in changes if kinds[c.channel_id].kind is not ChannelKind.REGISTER]
    values = [
        span_of_values(c.channel_id, kinds[c.channel_id], c.first_at, c.last_at) for c in others
    ]
    return (
        _joined(await _spans_of_registers(connection, dials, extents), lowest),
        _joined(values, lowest),
    )


async def _spans_of_registers(
    connection: Connection, changes: Sequence[Change], extents: dict[int, neighbours.Extent]
) -> list[Span]:
    """Widen each change to the readings around it, then to whole quarter hours.

    The quarter hours at both ends also hold a part of the next step, so it is read as well.
    """
    if not changes:
        return []
    before = await neighbours.before(
        connection, [(c.channel_id, c.first_at - MOMENT) for c in changes], extents
    )
    after = await neighbours.after(
        connection, [(c.channel_id, c.last_at + MOMENT) for c in changes], extents
    )
    lows = [floor(at or c.first_at) for at, c in zip(before, changes, strict=True)]
    highs = [ceil(at or c.last_at) for at, c in zip(after, changes, strict=True)]
    wanted = [c.channel_id for c in changes]
    froms = await neighbours.before(connection, list(zip(wanted, lows, strict=True)), extents)
    tos = await neighbours.after(connection, list(zip(wanted, highs, strict=True)), extents)
    return [
        Span(channel, low, high, read_from or low, read_to or high)
        for channel, low, high, read_from, read_to in zip(
            wanted, lows, highs, froms, tos, strict=True
        )
    ]


def _joined(spans: Iterable[Span], lowest: datetime) -> list[Span]:
    """Return one span for each channel, from ``lowest`` on."""
    joined: dict[int, Span] = {}
    for span in spans:
        known = joined.get(span.channel_id, span)
        is_whole = known is span and span.low >= lowest
        joined[span.channel_id] = span if is_whole else _union(span, known, lowest)
    return [span for span in joined.values() if span.low < span.high]


def _union(span: Span, other: Span, lowest: datetime) -> Span:
    return Span(
        span.channel_id,
        max(min(span.low, other.low), lowest),
        max(span.high, other.high),
        min(span.read_from, other.read_from),
        max(span.read_to, other.read_to),
    )


def _cut(*groups: list[Span]) -> set[int]:
    """Take spans off the groups until a transaction can hold them; returns their channels."""
    room = QUARTERS_AT_ONCE
    later: set[int] = set()
    for group in groups:
        for span in list(group):
            if room <= 0:
                later.add(span.channel_id)
            room -= span.quarters
    for group in groups:
        group[:] = [span for span in group if span.channel_id not in later]
    return later


async def _derive(connection: Connection, spans: Sequence[Span]) -> None:
    low, high = _hull(spans)
    ids = sorted({span.channel_id for span in spans})
    await days.replace(
        connection,
        [
            days.Days(span.channel_id, day_of(span.low), day_of(span.high - MOMENT) + DAY)
            for span in spans
        ],
    )
    hour = low.replace(minute=0)
    await emissions.replace(connection, ids, hour, high + HOUR - (high - hour) % HOUR)


def _hull(spans: Sequence[Span]) -> tuple[datetime, datetime]:
    return min(span.low for span in spans), max(span.high for span in spans)


def _hulls(
    spans: Iterable[Span], owners: Mapping[int, int]
) -> dict[int, tuple[datetime, datetime]]:
    """Return from when to when the quarter hours of each enterprise are replaced."""
    hulls: dict[int, tuple[datetime, datetime]] = {}
    for span in spans:
        low, high = hulls.get(owners[span.channel_id], (span.low, span.high))
        hulls[owners[span.channel_id]] = min(low, span.low), max(high, span.high)
    return hulls
