"""What happened to meters: replacements, calibrations; corrected and voided with nothing lost."""

from typing import Any

from sqlalchemy import text

from service.store import superseded
from service.store.engine import Connection

_COLUMNS = """device_id, channel_id, kind, at, closing_value, opening_value, certificate,
    organisation, result, valid_until, note, recorded_by, recorded_at, revision"""
_ENTRIES = superseded.entries("device_event", "event_id", _COLUMNS)
_OLDER = superseded.older("device_event", "event_id", _COLUMNS)
_PAGE = text(f"""
    SELECT entry.*, entry.event_id AS entry_id, e.uscc, d.code AS device, c.quantity
    FROM ({_ENTRIES}) AS entry
    JOIN devices AS d USING (device_id)
    JOIN enterprises AS e USING (enterprise_id)
    LEFT JOIN channels AS c USING (channel_id)
    WHERE (CAST(:uscc AS text) IS NULL OR e.uscc = :uscc)
      AND (CAST(:device AS text) IS NULL OR d.code = :device)
      AND (CAST(:kind AS text) IS NULL OR entry.kind = :kind)
      AND (CAST(:entry AS integer) IS NULL OR entry.event_id = :entry)
      AND (CAST(:after AS integer) IS NULL OR entry.event_id > :after)
    ORDER BY entry.event_id
    LIMIT :limit
""")
_AT = text("""
    SELECT event_id FROM device_events
    WHERE device_id = :device AND at = :at AND kind = :kind
      AND channel_id IS NOT DISTINCT FROM CAST(:channel AS integer)
""")
_ENTER = text("""
    INSERT INTO device_events (device_id, channel_id, kind, at, closing_value, opening_value,
                               certificate, organisation, result, valid_until, note, recorded_by)
    VALUES (:device_id, :channel_id, :kind, :at, :closing, :opening,
            :certificate, :organisation, :result, :valid_until, :note, :actor)
    RETURNING event_id
""")
_CORRECT = text("""
    UPDATE device_events
    SET at = :at, closing_value = :closing, opening_value = :opening,
        certificate = :certificate, organisation = :organisation, result = :result,
        valid_until = :valid_until, note = :note, recorded_by = :actor
    WHERE event_id = :event_id
""")
_VOID = text("DELETE FROM device_events WHERE event_id = :event_id")
_FIELDS = ("closing", "opening", "certificate", "organisation", "result", "valid_until", "note")


async def page(
    connection: Connection,
    uscc: str | None,
    device: str | None,
    kind: str | None,
    after: int | None,
    limit: int,
    entry: int | None = None,
) -> list[tuple[Any, list[Any]]]:
    """Return events in scope as they were entered, each with its superseded rows."""
    rows = list(
        await connection.execute(
            _PAGE,
            {
                "uscc": uscc,
                "device": device,
                "kind": kind,
                "entry": entry,
                "after": after,
                "limit": limit,
            },
        )
    )
    past = await superseded.history(connection, _OLDER, [row.event_id for row in rows])
    return [(row, past[row.event_id]) for row in rows]


async def find(connection: Connection, event_id: int) -> tuple[Any, list[Any]] | None:
    """Return one event in scope, voided or not; None where there is none."""
    found = await page(connection, None, None, None, None, 1, entry=event_id)
    return found[0] if found else None


async def at_instant(
    connection: Connection, device_id: int, channel_id: int | None, kind: str, at: Any
) -> int | None:
    """Return the event of a kind that stands at an instant already."""
    found: int | None = await connection.scalar(
        _AT, {"device": device_id, "channel": channel_id, "kind": kind, "at": at}
    )
    return found


async def enter(
    connection: Connection,
    device_id: int,
    channel_id: int | None,
    event: dict[str, Any],
    actor: str,
) -> int:
    """Enter a checked event; what follows from it is derived again."""
    row = {"device_id": device_id, "channel_id": channel_id, "actor": actor, **_row(event)}
    return int(await connection.scalar(_ENTER, row) or 0)


async def correct(connection: Connection, event_id: int, event: dict[str, Any], actor: str) -> None:
    """Replace an event by a checked one; the old row is kept."""
    await connection.execute(_CORRECT, {"event_id": event_id, "actor": actor, **_row(event)})


async def void(connection: Connection, event_id: int, actor: str, note: str | None) -> None:
    """Let an event stand no longer; its row is kept with who did it and why."""
    await superseded.name_actor(connection, actor, note)
    await connection.execute(_VOID, {"event_id": event_id})


def _row(event: dict[str, Any]) -> dict[str, Any]:
    named = {name: event.get(name) for name in _FIELDS}
    return {"kind": event["kind"], "at": event["at"], **named}
