"""The register of meters, with when each was heard of and calibrated last.

When a channel was last heard of is what the rollup has seen of it, so no chunk is opened for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from service.domain.meters import DUE_SOON, SILENT_AFTER, Calibration, State
from service.store.engine import Connection

_PAGE = text(f"""
    WITH meter AS (
        SELECT e.uscc, e.county_code, d.device_id, d.code, d.name_zh, d.name_en, d.metering_level,
               (SELECT code FROM devices AS p WHERE p.device_id = d.parent_id) AS parent,
               d.type_code, d.maker, d.model, d.serial_no, d.accuracy_class, d.measuring_range,
               d.location, d.calibration_months
        FROM devices AS d JOIN enterprises AS e USING (enterprise_id)
        WHERE d.kind = 'meter'
          AND (CAST(:uscc AS text) IS NULL OR e.uscc = :uscc)
          AND (CAST(:county AS text) IS NULL OR e.county_code LIKE :county || '%')
          AND (CAST(:level AS integer) IS NULL OR d.metering_level = :level)
          AND (CAST(:after_uscc AS text) IS NULL OR (e.uscc, d.code) > (:after_uscc, :after_code))
        ORDER BY e.uscc, d.code
        LIMIT CASE WHEN CAST(:state AS text) IS NULL AND CAST(:calibration AS text) IS NULL
              THEN CAST(:limit AS bigint) END
    ),
    known AS (
        SELECT m.*, last.at AS calibrated_at, last.result, last.certificate, last.organisation,
               coalesce(last.valid_until, ((last.at + make_interval(months => m.calibration_months))
                   AT TIME ZONE 'Asia/Shanghai')::date) AS due,
               heard.*
        FROM meter AS m
        LEFT JOIN LATERAL (
            SELECT at, result, certificate, organisation, valid_until FROM device_events
            WHERE device_id = m.device_id AND kind = 'calibration'
            ORDER BY at DESC LIMIT 1
        ) AS last ON true
        CROSS JOIN LATERAL (
            SELECT max(x.last_at) AS heard_at, count(*) AS channels,
                   count(*) FILTER (WHERE c.in_service_to <= CAST(:now AS timestamptz)) AS ended,
                   count(*) FILTER (
                       WHERE c.in_service_from <= CAST(:now AS timestamptz)
                         AND coalesce(c.in_service_to > CAST(:now AS timestamptz), true)
                         AND coalesce(x.last_at < CAST(:now AS timestamptz) - {SILENT_AFTER}
                             * make_interval(secs => c.expected_interval_s), true)
                   ) AS silent
            FROM channels AS c LEFT JOIN channel_extents AS x USING (channel_id)
            WHERE c.device_id = m.device_id
        ) AS heard
    ),
    rated AS (
        SELECT k.*,
               CASE WHEN calibrated_at IS NULL THEN '{Calibration.UNKNOWN}'
                    WHEN result = 'failed' THEN '{Calibration.OVERDUE}'
                    WHEN due IS NULL THEN '{Calibration.UNKNOWN}'
                    WHEN due < CAST(:today AS date) THEN '{Calibration.OVERDUE}'
                    WHEN due < CAST(:today AS date) + {DUE_SOON.days} THEN '{Calibration.DUE_SOON}'
                    ELSE '{Calibration.VALID}' END AS calibration,
               CASE WHEN channels > 0 AND ended = channels THEN '{State.OUT_OF_SERVICE}'
                    WHEN heard_at IS NULL THEN '{State.NEVER}'
                    WHEN silent > 0 THEN '{State.SILENT}'
                    ELSE '{State.REPORTING}' END AS state
        FROM known AS k
    )
    SELECT * FROM rated
    WHERE (CAST(:calibration AS text) IS NULL OR calibration = :calibration)
      AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY uscc, code
    LIMIT :limit
""")
_CHANNELS = text("""
    SELECT c.device_id, c.channel_id, c.quantity, c.statistic, c.kind, c.role, c.part, c.reversible,
           s.unit, s.multiplier, s.width, x.last_at,
           EXISTS (
               SELECT FROM device_events AS e WHERE e.channel_id = c.channel_id AND e.at = x.last_at
               UNION ALL
               SELECT FROM device_event_revisions AS e
               WHERE e.device_id = c.device_id AND e.channel_id = c.channel_id AND e.at = x.last_at
           ) AS ends_in_event
    FROM channels AS c
    LEFT JOIN channel_extents AS x USING (channel_id)
    LEFT JOIN LATERAL (
        SELECT unit, multiplier, width FROM channel_settings AS s
        WHERE s.channel_id = c.channel_id
        ORDER BY s.valid_from <= CAST(:now AS timestamptz) DESC,
            abs(extract(epoch FROM CAST(:now AS timestamptz) - s.valid_from))
        LIMIT 1
    ) AS s ON true
    WHERE c.device_id = ANY(CAST(:devices AS integer[]))
    ORDER BY c.channel_id
""")
# Where the last that the rollup has seen of a channel was a replacement and no reading.
_LAST_BEFORE = text("""
    SELECT at FROM readings
    WHERE channel_id = :channel AND at >= :first AND at <= :last
    ORDER BY at DESC
    LIMIT 1
""")
_FIRST = text("SELECT first_at FROM channel_extents WHERE channel_id = :channel")


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter of the register, and the channels that it has."""

    row: Any
    channels: list[Any]
    last_reading_at: datetime | None


async def page(
    connection: Connection,
    now: datetime,
    today: date,
    *,
    uscc: str | None,
    county: str | None,
    level: int | None,
    state: str | None,
    calibration: str | None,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Meter]:
    """Return meters in scope by enterprise and code; ``today`` is the day of Asia/Shanghai."""
    after_uscc, after_code = after or (None, None)
    rows = list(
        await connection.execute(
            _PAGE,
            {
                "now": now,
                "today": today,
                "uscc": uscc,
                "county": county,
                "level": level,
                "state": state,
                "calibration": calibration,
                "after_uscc": after_uscc,
                "after_code": after_code,
                "limit": limit,
            },
        )
    )
    devices = [row.device_id for row in rows]
    channels = list(await connection.execute(_CHANNELS, {"devices": devices, "now": now}))
    by_device: dict[int, list[Any]] = {device: [] for device in devices}
    for channel in channels:
        by_device[channel.device_id].append(channel)
    return [
        Meter(row, mine := by_device[row.device_id], await _last_reading(connection, mine))
        for row in rows
    ]


async def _last_reading(connection: Connection, channels: Sequence[Any]) -> datetime | None:
    found: list[datetime] = []
    for channel in channels:
        at = channel.last_at
        if channel.ends_in_event:
            first = await connection.scalar(_FIRST, {"channel": channel.channel_id})
            at = await connection.scalar(
                _LAST_BEFORE, {"channel": channel.channel_id, "first": first, "last": at}
            )
        if at is not None:
            found.append(at)
    return max(found, default=None)
