"""How well readings arrive: channels that report, work that waits, payloads refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from service.store.engine import Connection

# The newest stretches that wait for the rollup count as well, so that its delay silences nobody;
# an instant that names the start of its period is as young as the period's end.
_CHANNELS = text("""
    WITH waiting AS MATERIALIZED (
        SELECT channel_id, max(s.last_at) AS last_at
        FROM (
            SELECT channel_ids, last_at FROM changed_stretches ORDER BY id DESC LIMIT :newest
        ) AS s, unnest(s.channel_ids) AS channel_id
        GROUP BY 1
    ),
    channel AS (
        SELECT e.county_code, e.enterprise_id,
               greatest(x.last_at, w.last_at) + CASE
                   WHEN c.label = 'start' AND c.statistic LIKE '%.%'
                   THEN make_interval(secs => c.expected_interval_s) ELSE INTERVAL '0' END AS at,
               CAST(:now AS timestamptz) - make_interval(secs => 2 * c.expected_interval_s)
                   AS due_at
        FROM channels AS c
        JOIN devices AS d USING (device_id)
        JOIN enterprises AS e USING (enterprise_id)
        LEFT JOIN channel_extents AS x USING (channel_id)
        LEFT JOIN waiting AS w USING (channel_id)
        WHERE c.in_service_from <= :now
          AND (c.in_service_to IS NULL OR c.in_service_to > :now)
    ),
    enterprise AS (
        SELECT county_code, enterprise_id, count(*) AS channels,
               count(*) FILTER (WHERE at >= due_at) AS reporting,
               max(CASE WHEN at > :now THEN CAST(:now AS timestamptz) ELSE at END) AS newest_at
        FROM channel GROUP BY 1, 2
    )
    SELECT county_code, sum(channels)::bigint AS channels, sum(reporting)::bigint AS reporting,
           count(*) AS enterprises, count(*) FILTER (WHERE reporting = 0) AS silent_enterprises,
           max(newest_at) AS newest_at
    FROM enterprise GROUP BY 1 ORDER BY 1
""")
_WAITING = text("""
    SELECT count(*) FROM changed_stretches
    WHERE enterprise_id IN (SELECT enterprise_id FROM enterprises)
""")
_REFUSED = text("""
    SELECT reason, count(*) AS payloads, sum(occurrences)::bigint AS occurrences,
           max(last_received_at) AS newest_at
    FROM rejected_payloads
    WHERE last_received_at > :since
    GROUP BY 1 ORDER BY 2 DESC, 1
""")
NEWEST = 5_000  # stretches that are looked into


@dataclass(frozen=True, slots=True)
class Reporting:
    """Channels in service of one county, and how many of them reported in time.

    In time is within twice the expected interval. ``newest_at`` is None before any reading.
    """

    county_code: str
    channels: int
    reporting: int
    enterprises: int
    silent_enterprises: int  # of which no channel reports
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Different payloads that were refused for one reason; ``occurrences`` counts repetitions."""

    reason: str
    payloads: int
    occurrences: int
    newest_at: datetime


async def reporting(connection: Connection, now: datetime) -> list[Reporting]:
    """Return how many channels in scope report, by county."""
    rows = await connection.execute(_CHANNELS, {"now": now, "newest": NEWEST})
    return [Reporting(*row) for row in rows]


async def waiting(connection: Connection) -> int:
    """Return how many changed stretches of enterprises in scope wait for the rollup."""
    return int(await connection.scalar(_WAITING) or 0)


async def refused(connection: Connection, now: datetime, age: timedelta) -> list[Refused]:
    """Return what was refused within an age, the most frequent reason first.

    Refused payloads belong to no region: ask for the platform's grant before.
    """
    rows = await connection.execute(_REFUSED, {"since": now - age})
    return [Refused(*row) for row in rows]
