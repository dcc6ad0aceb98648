"""Raw frames that were accepted, and letters that production conditions were sent as."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

# Frames carry no policy: they are reached by the MN of a device that came from a query under it.
_MN = text("SELECT mn FROM devices WHERE mn = :mn")
_FRAMES = text("""
    SELECT received_at, frame_id, mn, source, frame FROM accepted_frames
    WHERE mn = :mn AND received_at >= :start AND received_at < :stop
      AND (CAST(:before AS timestamptz) IS NULL
           OR (received_at, frame_id) < (:before, CAST(:before_id AS bigint)))
    ORDER BY received_at DESC, frame_id DESC
    LIMIT :limit
""")
_MARKS = text("""
    SELECT m.at, m.device_id, m.wire_code, m.mark, d.mn, d.code AS device, e.uscc,
           o.code AS outlet
    FROM condition_marks AS m
    JOIN devices AS d USING (device_id)
    JOIN enterprises AS e USING (enterprise_id)
    LEFT JOIN outlets AS o USING (outlet_id)
    WHERE m.at >= :start AND m.at < :stop
      AND (CAST(:enterprise AS text) IS NULL OR e.uscc = :enterprise)
      AND (CAST(:mn AS text) IS NULL OR d.mn = :mn)
      AND (CAST(:before AS timestamptz) IS NULL
           OR (m.at, m.device_id, m.wire_code)
              < (:before, CAST(:before_device AS integer), CAST(:before_code AS text)))
    ORDER BY m.at DESC, m.device_id DESC, m.wire_code DESC
    LIMIT :limit
""")
# A frame that is to be tried again waits among the rejected, as one whose code had no channel.
_TRY_AGAIN = text("""
    WITH chosen AS (
        SELECT DISTINCT ON (frame) mn, source, frame, received_at FROM accepted_frames
        WHERE mn = :mn AND received_at >= :start AND received_at < :stop
        ORDER BY frame, received_at DESC
        LIMIT :limit
    )
    INSERT INTO rejected_payloads AS known (collector, sender, source, reason, detail, payload,
        payload_bytes, digest, first_received_at, last_received_at)
    SELECT 'hj212', mn, source, 'unknown_code', :detail, frame, length(frame), sha256(frame),
           received_at, received_at
    FROM chosen
    ON CONFLICT (sender, collector, digest) DO UPDATE
    SET last_received_at = greatest(known.last_received_at, excluded.last_received_at)
    RETURNING payload_id
""")


@dataclass(frozen=True, slots=True)
class AcceptedFrame:
    """A frame as it came."""

    received_at: datetime
    frame_id: int
    mn: str
    source: str
    frame: bytes


@dataclass(frozen=True, slots=True)
class ConditionMark:
    """A letter for a production condition at an instant (HJ 212-2025, ST 45)."""

    at: datetime
    device_id: int
    wire_code: str
    mark: str
    mn: str | None
    device: str
    uscc: str
    outlet: str | None


async def is_visible(connection: Connection, mn: str) -> bool:
    """Tell whether a device in scope has this MN."""
    return await connection.scalar(_MN, {"mn": mn}) is not None


async def page(
    connection: Connection,
    mn: str,
    start: datetime,
    stop: datetime,
    limit: int,
    before: tuple[datetime, int] | None,
) -> list[AcceptedFrame]:
    """Return frames of [start, stop), newest first; the MN must have been found visible."""
    at, frame = before or (None, None)
    rows = await connection.execute(
        _FRAMES,
        {
            "mn": mn,
            "start": start,
            "stop": stop,
            "before": at,
            "before_id": frame,
            "limit": limit,
        },
    )
    return [AcceptedFrame(*row) for row in rows]


async def marks(
    connection: Connection,
    enterprise: str | None,
    mn: str | None,
    start: datetime,
    stop: datetime,
    limit: int,
    before: tuple[datetime, int, str] | None,
) -> list[ConditionMark]:
    """Return condition marks of devices in scope of [start, stop), newest first."""
    at, device, code = before or (None, None, None)
    rows = await connection.execute(
        _MARKS,
        {
            "enterprise": enterprise,
            "mn": mn,
            "start": start,
            "stop": stop,
            "before": at,
            "before_device": device,
            "before_code": code,
            "limit": limit,
        },
    )
    return [ConditionMark(*row) for row in rows]


async def put_back(
    connection: Connection, mn: str, start: datetime, stop: datetime, detail: str, limit: int
) -> list[int]:
    """Put accepted frames of [start, stop) among the rejected payloads; returns their ids there."""
    bounds = {"mn": mn, "start": start, "stop": stop, "detail": detail, "limit": limit}
    return list(await connection.scalars(_TRY_AGAIN, bounds))
