"""Dated settings of channels: ratio, width and unit, corrected and voided with nothing lost."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store import superseded
from service.store.engine import Connection

_COLUMNS = """channel_id, valid_from, unit, scale, multiplier, ct, pt, width, note, recorded_by,
    recorded_at, revision"""
_ENTRIES = superseded.entries("channel_setting", "setting_id", _COLUMNS)
_OLDER = superseded.older("channel_setting", "setting_id", _COLUMNS)
_PAGE = text(f"""
    SELECT entry.*, entry.setting_id AS entry_id, e.uscc, d.device_id, d.code AS device,
           c.quantity, c.statistic
    FROM ({_ENTRIES}) AS entry
    JOIN channels AS c USING (channel_id)
    JOIN devices AS d USING (device_id)
    JOIN enterprises AS e USING (enterprise_id)
    WHERE (CAST(:uscc AS text) IS NULL OR e.uscc = :uscc)
      AND (CAST(:device AS text) IS NULL OR d.code = :device)
      AND (CAST(:quantity AS text) IS NULL OR c.quantity = :quantity)
      AND (CAST(:entry AS integer) IS NULL OR entry.setting_id = :entry)
      AND (CAST(:after AS integer) IS NULL OR entry.setting_id > :after)
    ORDER BY entry.setting_id
    LIMIT :limit
""")
_ENTER = text("""
    INSERT INTO channel_settings (channel_id, valid_from, unit, scale, multiplier, ct, pt, width,
                                  note, recorded_by)
    VALUES (:channel_id, :valid_from, :unit, :scale, :multiplier, :ct, :pt, :width, :note, :actor)
    RETURNING setting_id
""")
_CORRECT = text("""
    UPDATE channel_settings
    SET valid_from = :valid_from, unit = :unit, scale = :scale, multiplier = :multiplier,
        ct = :ct, pt = :pt, width = :width, note = :note, recorded_by = :actor
    WHERE setting_id = :setting_id
""")
_VOID = text("DELETE FROM channel_settings WHERE setting_id = :setting_id")
_ALONE = text("""
    SELECT NOT EXISTS (
        SELECT FROM channel_settings WHERE channel_id = :channel AND setting_id <> :setting
    )
""")
_AT = text("""
    SELECT setting_id FROM channel_settings WHERE channel_id = :channel AND valid_from = :at
""")


async def page(
    connection: Connection,
    uscc: str | None,
    device: str | None,
    quantity: str | None,
    after: int | None,
    limit: int,
    entry: int | None = None,
) -> list[tuple[Any, list[Any]]]:
    """Return settings in scope as they were entered, each with its superseded rows."""
    rows = list(
        await connection.execute(
            _PAGE,
            {
                "uscc": uscc,
                "device": device,
                "quantity": quantity,
                "entry": entry,
                "after": after,
                "limit": limit,
            },
        )
    )
    past = await superseded.history(connection, _OLDER, [row.setting_id for row in rows])
    return [(row, past[row.setting_id]) for row in rows]


async def find(connection: Connection, setting_id: int) -> tuple[Any, list[Any]] | None:
    """Return one setting in scope, voided or not; None where there is none."""
    found = await page(connection, None, None, None, None, 1, entry=setting_id)
    return found[0] if found else None


async def at_instant(connection: Connection, channel_id: int, at: datetime) -> int | None:
    """Return the setting that begins at an instant already."""
    found: int | None = await connection.scalar(_AT, {"channel": channel_id, "at": at})
    return found


async def is_alone(connection: Connection, channel_id: int, setting_id: int) -> bool:
    """Tell whether a channel has no other setting."""
    return bool(await connection.scalar(_ALONE, {"channel": channel_id, "setting": setting_id}))


async def enter(
    connection: Connection, channel_id: int, setting: dict[str, Any], actor: str
) -> int:
    """Enter a checked setting; what follows from it is derived again."""
    row = {**setting, "channel_id": channel_id, "actor": actor}
    return int(await connection.scalar(_ENTER, row) or 0)


async def correct(
    connection: Connection, setting_id: int, setting: dict[str, Any], actor: str
) -> None:
    """Replace a setting by a checked one; the old row is kept."""
    await connection.execute(_CORRECT, {**setting, "setting_id": setting_id, "actor": actor})


async def void(connection: Connection, setting_id: int, actor: str, note: str | None) -> None:
    """Let a setting hold no longer; its row is kept with who did it and why."""
    await superseded.name_actor(connection, actor, note)
    await connection.execute(_VOID, {"setting_id": setting_id})
