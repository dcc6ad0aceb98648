"""Commands to devices: asked for here, sent and followed by their collector."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_COLUMNS = """
    SELECT c.command_id, d.mn, d.code AS device, e.uscc, c.cn, c.parameters, c.state,
           c.requested_by, c.requested_at, c.expires_at, c.qn, c.attempts, c.sent_at,
           c.answered_at, c.request_return, c.finished_at, c.execution_return, c.reply
    FROM device_commands AS c
    JOIN devices AS d USING (device_id)
    JOIN enterprises AS e USING (enterprise_id)
"""
_PAGE = text(f"""
    {_COLUMNS}
    WHERE (CAST(:mn AS text) IS NULL OR d.mn = :mn)
      AND (CAST(:state AS text) IS NULL OR c.state = :state)
      AND (CAST(:before AS bigint) IS NULL OR c.command_id < :before)
    ORDER BY c.command_id DESC
    LIMIT :limit
""")
_FIND = text(f"{_COLUMNS} WHERE c.command_id = :command")
# no key changes, so readings of the device are written meanwhile
_LOCK_DEVICE = text("SELECT device_id FROM devices WHERE mn = :mn FOR NO KEY UPDATE")
_COUNT_OPEN = text("""
    SELECT count(*) FROM device_commands
    WHERE device_id = :device AND finished_at IS NULL AND expires_at > now()
""")
_APPEND = text("""
    INSERT INTO device_commands (device_id, cn, parameters, requested_by, expires_at)
    VALUES (:device, :cn, CAST(:parameters AS jsonb), :requested_by,
            now() + make_interval(secs => :valid_for_s))
    RETURNING command_id
""")
# one that a collector has locked is about to be sent
_CANCEL = text("""
    UPDATE device_commands
    SET state = 'cancelled', finished_at = now(), parameters = CAST(:parameters AS jsonb)
    WHERE command_id = (
        SELECT command_id FROM device_commands
        WHERE command_id = :command AND state = 'waiting' AND finished_at IS NULL
        FOR UPDATE SKIP LOCKED
    )
    RETURNING command_id
""")


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command and how far it has come; parameters as they are sent, secrets as well."""

    command_id: int
    mn: str | None
    device: str
    uscc: str
    cn: str
    parameters: dict[str, int | str]
    state: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    qn: str | None
    attempts: int
    sent_at: datetime | None
    answered_at: datetime | None
    request_return: int | None
    finished_at: datetime | None
    execution_return: int | None
    reply: Any


async def page(
    connection: Connection, mn: str | None, state: str | None, limit: int, before: int | None
) -> list[StoredCommand]:
    """Return commands to devices in scope that fit, newest first."""
    rows = await connection.execute(
        _PAGE, {"mn": mn, "state": state, "limit": limit, "before": before}
    )
    return [StoredCommand(*row) for row in rows]


async def find(connection: Connection, command: int) -> StoredCommand | None:
    """Return a command to a device in scope."""
    row = (await connection.execute(_FIND, {"command": command})).one_or_none()
    return None if row is None else StoredCommand(*row)


async def append(
    connection: Connection,
    mn: str,
    cn: str,
    parameters: Mapping[str, int | str],
    requested_by: str,
    valid_for_s: int,
    at_most: int,
) -> int | None:
    """Ask for a command to a device in scope; None where it has ``at_most`` open ones already."""
    device = await connection.scalar(_LOCK_DEVICE, {"mn": mn})
    if await connection.scalar(_COUNT_OPEN, {"device": device}) >= at_most:
        return None
    command: int = await connection.scalar(
        _APPEND,
        {
            "device": device,
            "cn": cn,
            "parameters": json.dumps(parameters),
            "requested_by": requested_by,
            "valid_for_s": valid_for_s,
        },
    )
    return command


async def cancel(connection: Connection, command: int, parameters: Mapping[str, int | str]) -> bool:
    """Cancel a command that still waits, leaving these parameters; tell whether it did."""
    done = await connection.scalar(
        _CANCEL, {"command": command, "parameters": json.dumps(parameters)}
    )
    return done is not None
