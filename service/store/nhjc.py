"""NHJC end devices: their settings and the windows in which they may register."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_DEVICE = text("""
    SELECT d.device_id FROM devices AS d JOIN enterprises AS e USING (enterprise_id)
    WHERE e.uscc = :enterprise AND d.code = :device
""")
_OPEN = text("""
    INSERT INTO nhjc_devices (device_id, dialect, addresses, open_until, recorded_by)
    VALUES (:device_id, CAST(:dialect AS jsonb), :addresses, :open_until, :by)
    ON CONFLICT (device_id) DO UPDATE
    SET dialect = excluded.dialect, addresses = excluded.addresses,
        open_until = excluded.open_until, recorded_by = excluded.recorded_by, recorded_at = now()
""")
_FORGET = text("""
    UPDATE nhjc_devices
    SET device_key = NULL, secret_key = NULL, learned = NULL, registered_at = NULL,
        registered_from = NULL
    WHERE device_id = :device_id
""")
_PAGE = text("""
    SELECT e.uscc, d.code, n.dialect, n.addresses, n.learned, n.open_until, n.registered_at,
           n.registered_from, n.refused_at, n.refused_from, n.recorded_by, n.recorded_at
    FROM nhjc_devices AS n
    JOIN devices AS d USING (device_id)
    JOIN enterprises AS e USING (enterprise_id)
    WHERE (CAST(:enterprise AS text) IS NULL OR e.uscc = :enterprise)
      AND (CAST(:device AS text) IS NULL OR d.code = :device)
      AND (CAST(:after AS text) IS NULL OR (e.uscc, d.code) > (:after, :after_device))
    ORDER BY e.uscc, d.code
    LIMIT :limit
""")


async def find(connection: Connection, enterprise: str, device: str) -> int | None:
    """Return a device in scope by its enterprise's social credit code and its own."""
    found: int | None = await connection.scalar(
        _DEVICE, {"enterprise": enterprise, "device": device}
    )
    return found


async def put(
    connection: Connection,
    device_id: int,
    dialect: dict[str, Any],
    addresses: Sequence[str],
    open_until: datetime | None,
    by: str,
) -> None:
    """Enter an end device's settings, and until when it may register."""
    await connection.execute(
        _OPEN,
        {
            "device_id": device_id,
            "dialect": json.dumps(dialect),
            "addresses": list(addresses),
            "open_until": open_until,
            "by": by,
        },
    )


async def forget(connection: Connection, device_id: int) -> None:
    """Take an end device's identity away; its next registration draws another."""
    await connection.execute(_FORGET, {"device_id": device_id})


async def page(
    connection: Connection,
    enterprise: str | None,
    device: str | None,
    limit: int,
    after: list[Any] | None,
) -> list[Any]:
    """Return end devices in scope, without what is secret."""
    uscc, code = ([str(part) for part in after] + [""])[:2] if after else (None, None)
    rows = await connection.execute(
        _PAGE,
        {
            "enterprise": enterprise,
            "device": device,
            "limit": limit,
            "after": uscc,
            "after_device": code,
        },
    )
    return list(rows)
