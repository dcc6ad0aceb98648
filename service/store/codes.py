"""Codes on the wire that no channel carries yet, and mapping one to a channel."""

from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

# NHJC devices are named `uscc/code`, HJ 212 monitors by their MN; who sees all, sees unknown ones.
_OF_SENDER = """
    LEFT JOIN LATERAL (
        SELECT d.device_id, d.code, e.enterprise_id, e.uscc
        FROM devices AS d JOIN enterprises AS e USING (enterprise_id)
        WHERE d.mn = u.sender
           OR (e.uscc = split_part(u.sender, '/', 1)
               AND d.code = substr(u.sender, strpos(u.sender, '/') + 1))
        LIMIT 1
    ) AS device ON true
"""
_PAGE = text(f"""
    SELECT u.collector, u.sender, u.wire_code, u.statistic, u.first_received_at,
           u.last_received_at, u.last_at, u.last_value, u.occurrences,
           device.uscc AS enterprise, device.code AS device, (
               SELECT item ->> 'name'
               FROM nhjc_documents AS document, jsonb_array_elements(
                   CASE WHEN jsonb_typeof(body -> 'collectItemConfig') = 'array'
                       THEN body -> 'collectItemConfig' ELSE '[]' END) AS item
               WHERE document.device_id = device.device_id
                 AND jsonb_typeof(item) = 'object'
                 AND replace(item ->> 'dataCode', '-', '') = u.wire_code
               LIMIT 1
           ) AS name, ARRAY(
               SELECT c.statistic FROM channels AS c JOIN devices AS d USING (device_id)
               WHERE d.enterprise_id = device.enterprise_id AND c.wire_code = u.wire_code
               ORDER BY c.channel_id
           ) AS carried_in
    FROM unmapped_codes AS u {_OF_SENDER}
    WHERE (device.device_id IS NOT NULL OR sees_all())
      AND (CAST(:collector AS text) IS NULL OR u.collector = :collector)
      AND (CAST(:enterprise AS text) IS NULL OR device.uscc = :enterprise)
      AND (CAST(:after AS text) IS NULL
           OR (u.collector, u.sender, u.wire_code, u.statistic)
            > (:after, :after_sender, :after_code, :after_statistic))
    ORDER BY u.collector, u.sender, u.wire_code, u.statistic
    LIMIT :limit
""")
_ONE = text(f"""
    SELECT coalesce(u.first_at, u.last_at) AS first_at, device.uscc, device.code,
           device.enterprise_id
    FROM unmapped_codes AS u {_OF_SENDER}
    WHERE (u.collector, u.sender, u.wire_code, u.statistic)
        = (:collector, :sender, :wire_code, :statistic)
      AND device.device_id IS NOT NULL
""")
_TARGET = text("""
    SELECT device_id FROM devices WHERE enterprise_id = :enterprise AND code = :code
""")
# Serialises mappings of one enterprise, so that no two see neither's channel.
_LOCK = text("SELECT FROM enterprises WHERE enterprise_id = :enterprise FOR NO KEY UPDATE")
_CARRIERS = text("""
    SELECT c.channel_id, d.code AS device, c.quantity, c.statistic, c.role, c.wire_code
    FROM channels AS c JOIN devices AS d USING (device_id)
    WHERE d.enterprise_id = :enterprise
      AND (c.wire_code = :wire_code
           OR (d.code = :device AND c.quantity = :quantity AND c.statistic = :channel_statistic))
    ORDER BY c.channel_id
""")
_ADOPT = text("UPDATE channels SET wire_code = :wire_code WHERE channel_id = :channel")
_DROP = text("""
    DELETE FROM unmapped_codes
    WHERE (collector, sender, wire_code, statistic)
        = (:collector, :sender, :wire_code, :statistic)
""")


async def page(
    connection: Connection,
    collector: str | None,
    enterprise: str | None,
    limit: int,
    after: list[Any] | None,
) -> list[Any]:
    """Return codes in scope in the order of their keys, with the name that their sender gives."""
    key = [str(part) for part in after or []][:4]
    names = ("after", "after_sender", "after_code", "after_statistic")
    rows = await connection.execute(
        _PAGE,
        {
            "collector": collector,
            "enterprise": enterprise,
            "limit": limit,
            **dict(zip(names, key + [None] * (4 - len(key)), strict=True)),
        },
    )
    return list(rows)


async def find(connection: Connection, key: dict[str, str]) -> Any:
    """Return one code with the device that sent it; None where it is not in scope.

    Until the transaction ends nobody else maps a code of the enterprise.
    """
    row = (await connection.execute(_ONE, key)).one_or_none()
    if row is not None:
        await connection.execute(_LOCK, {"enterprise": row.enterprise_id})
    return row


async def target(connection: Connection, enterprise_id: int, code: str) -> int | None:
    """Return a device of an enterprise by its code."""
    found: int | None = await connection.scalar(
        _TARGET, {"enterprise": enterprise_id, "code": code}
    )
    return found


async def carriers(
    connection: Connection,
    enterprise_id: int,
    wire_code: str,
    device: str,
    quantity: str,
    statistic: str,
) -> list[Any]:
    """Return the channels that carry a code already, or stand where one is to be."""
    rows = await connection.execute(
        _CARRIERS,
        {
            "enterprise": enterprise_id,
            "wire_code": wire_code,
            "device": device,
            "quantity": quantity,
            "channel_statistic": statistic,
        },
    )
    return list(rows)


async def adopt(connection: Connection, channel_id: int, wire_code: str) -> None:
    """Give a channel that stands already its code on the wire."""
    await connection.execute(_ADOPT, {"channel": channel_id, "wire_code": wire_code})


async def drop(connection: Connection, key: dict[str, str]) -> None:
    """Take a code off the list."""
    await connection.execute(_DROP, key)
