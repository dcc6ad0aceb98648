"""What the MQTT accounts of enterprises send."""

from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_ENTERPRISE = text("""
    SELECT enterprise_id, county_code, mqtt_dialect FROM enterprises WHERE uscc = :uscc
""")
_SET = text("""
    UPDATE enterprises SET mqtt_dialect = CAST(:dialect AS jsonb) WHERE uscc = :uscc
""")


async def enterprise(connection: Connection, uscc: str) -> Any | None:
    """Return an enterprise that the session sees, with its MQTT dialect; None if there is none."""
    return (await connection.execute(_ENTERPRISE, {"uscc": uscc})).one_or_none()


async def set_mqtt(connection: Connection, uscc: str, dialect: str | None) -> bool:
    """Declare what an enterprise's MQTT account sends, as JSON; False where there is none."""
    changed = await connection.execute(_SET, {"uscc": uscc, "dialect": dialect})
    return changed.rowcount == 1
