"""Amounts of channels by quarter hour, hour, day or month, with their coal equivalent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import text

from service.domain.calendar import DAY, day_of
from service.store import factors
from service.store.engine import Connection
from service.store.factors import FACTOR


class Step(StrEnum):
    """How long the buckets of an answer are; days and months are those of Asia/Shanghai."""

    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"
    MONTH = "1mo"


def _known(worth: str) -> str:
    """Return a sum that is unknown as soon as a part of it is."""
    return f"CASE WHEN bool_and({worth} IS NOT NULL OR u.amount = 0) THEN sum({worth}) END"


_FINE = text(f"""
    WITH {FACTOR}
    SELECT bucket.at, u.channel_id, sum(u.amount) AS amount, sum(u.estimated) AS estimated,
           {
    _known("u.amount * CASE WHEN :method = 'calorific' THEN f.kgce ELSE f.kgce_by_coal END / 1000")
} AS tce,
           {_known("u.amount * f.kgco2 / 1000")} AS co2_t,
           sum(u.measured_s) AS measured_s, bit_or(u.flags) AS flags,
           CAST(:seconds AS float8) AS seconds
    FROM usage_15m AS u
    CROSS JOIN LATERAL (
        SELECT to_timestamp(floor(extract(epoch FROM u.at) / :seconds) * :seconds) AS at
    ) AS bucket
    LEFT JOIN kind AS k ON k.channel_id = u.channel_id
    LEFT JOIN worth AS f ON f.kind = k.kind
        AND u.at >= f.first_day::timestamp AT TIME ZONE 'Asia/Shanghai'
        AND u.at < f.end_day::timestamp AT TIME ZONE 'Asia/Shanghai'
    WHERE u.channel_id = ANY(CAST(:channels AS integer[])) AND u.at >= :start AND u.at < :stop
      AND u.amount IS NOT NULL
    GROUP BY 1, 2
    HAVING CAST(:after_at AS timestamptz) IS NULL
        OR (bucket.at, u.channel_id) > (:after_at, CAST(:after_channel AS integer))
    ORDER BY 1, 2
    LIMIT :limit
""")
_COARSE = text(f"""
    SELECT bucket.at, u.channel_id,
           sum(u.amount) AS amount, sum(u.estimated) AS estimated,
           {
    _known("CASE WHEN :method = 'calorific' THEN u.tce_calorific ELSE u.tce_coal_consumption END")
} AS tce,
           {_known("u.co2_t")} AS co2_t,
           sum(u.measured_s) AS measured_s, bit_or(u.flags) AS flags,
           extract(epoch FROM max(bucket.stop) - bucket.at)::float8 AS seconds
    FROM usage_daily AS u
    CROSS JOIN LATERAL (
        SELECT date_trunc(:unit, u.day::timestamp) AT TIME ZONE 'Asia/Shanghai' AS at,
               (date_trunc(:unit, u.day::timestamp)
                   + make_interval(days => :days, months => :months))
                   AT TIME ZONE 'Asia/Shanghai' AS stop
    ) AS bucket
    WHERE u.channel_id = ANY(CAST(:channels AS integer[])) AND u.amount IS NOT NULL
      AND u.day >= (CAST(:start AS timestamptz) AT TIME ZONE 'Asia/Shanghai')::date
      AND u.day < ((CAST(:stop AS timestamptz) - INTERVAL '1 microsecond')
                   AT TIME ZONE 'Asia/Shanghai')::date + 1
    GROUP BY 1, 2
    HAVING CAST(:after_at AS timestamptz) IS NULL
        OR (bucket.at, u.channel_id) > (:after_at, CAST(:after_channel AS integer))
    ORDER BY 1, 2
    LIMIT :limit
""")
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_SECONDS = {Step.QUARTER: 900.0, Step.HOUR: 3_600.0}


@dataclass(frozen=True, slots=True)
class Amount:
    """What one channel used in one bucket: in its quantity's unit, in tce and in tonnes of CO2."""

    at: datetime
    channel_id: int
    amount: float
    estimated: float
    tce: float | None
    co2_t: float | None
    measured_s: float
    flags: int
    seconds: float


async def page(
    connection: Connection,
    channels: Sequence[int],
    step: Step,
    method: str,
    start: datetime,
    stop: datetime,
    limit: int,
    after: tuple[datetime, int] | None,
) -> list[Amount]:
    """Return buckets that begin in [start, stop), in order; days and months are whole.

    ``method`` is calorific (当量) or coal_consumption (等价).
    """
    at, channel = after or (None, None)
    begin = start if at is None else max(start, at)
    bounds = {
        "channels": list(channels),
        "method": method,
        "start": begin,
        "stop": stop,
        "after_at": at,
        "after_channel": channel,
        "limit": limit,
    }
    if step in _SECONDS:
        first, last = day_of(_within(begin)), day_of(_within(stop))
        worth = await factors.of_channels(connection, channels, first, last + DAY)
        rows = await connection.execute(
            _FINE, {**bounds, **factors.parameters(worth), "seconds": _SECONDS[step]}
        )
    else:
        unit = {"unit": "day", "days": 1, "months": 0}
        if step is Step.MONTH:
            unit = {"unit": "month", "days": 0, "months": 1}
        rows = await connection.execute(_COARSE, {**bounds, **unit})
    return [Amount(*row) for row in rows]


def _within(at: datetime) -> datetime:
    """Return an instant that has a day everywhere, and beyond which nothing is stored."""
    return min(max(at, _EARLIEST), _LATEST)
