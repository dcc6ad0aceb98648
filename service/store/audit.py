"""The audit log: who wrote or took away what; append-only."""

import json
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_APPEND = text("""
    INSERT INTO audit_log (actor, action, detail)
    VALUES (:actor, :action, CAST(:detail AS jsonb))
""")


async def append(connection: Connection, actor: str, action: str, detail: dict[str, Any]) -> None:
    """Note who did what."""
    await connection.execute(
        _APPEND,
        {"actor": actor, "action": action, "detail": json.dumps(detail, ensure_ascii=False)},
    )
