"""Lines of devices, and what HJ 212 monitors are bound to."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_COLUMNS = """
    SELECT d.device_id, e.uscc, e.name_zh, e.name_en, e.county_code, d.code, d.mn,
           o.code AS outlet, l.collector, l.source, l.version, l.connected_since, l.last_frame_at,
           l.last_heartbeat_at, l.clock_skew_s, l.restarted_at, l.verdict,
           coalesce(l.frames, 0) AS frames, coalesce(l.incomplete_sets, 0) AS incomplete_sets,
           coalesce(b.locked, false) AS locked, b.learning_since
    FROM devices AS d
    JOIN enterprises AS e USING (enterprise_id)
    LEFT JOIN outlets AS o USING (outlet_id)
    LEFT JOIN device_links AS l USING (device_id)
    LEFT JOIN monitor_bindings AS b USING (device_id)
"""
_LINKS = text(f"""
    {_COLUMNS}
    WHERE (d.mn IS NOT NULL OR l.device_id IS NOT NULL)
      AND (CAST(:county AS text) IS NULL OR e.county_code LIKE :county || '%')
      AND (CAST(:enterprise AS text) IS NULL OR e.uscc = :enterprise)
      AND (CAST(:connected AS boolean) IS NULL
           OR (l.connected_since IS NOT NULL) = CAST(:connected AS boolean))
      AND (CAST(:uscc AS text) IS NULL OR (e.uscc, d.code) > (:uscc, CAST(:code AS text)))
    ORDER BY e.uscc, d.code
    LIMIT :limit
""")
_LINK = text(f"{_COLUMNS} WHERE d.mn = :mn")
_BINDING = text("""
    SELECT coalesce(b.locked, false) AS locked, b.password IS NOT NULL AS password_set,
           coalesce(b.addresses, '{}') AS addresses, b.learning_since,
           b.cipher_key IS NOT NULL AS cipher_key_set,
           b.previous_cipher_key IS NOT NULL AS previous_cipher_key_set, b.recorded_at
    FROM devices AS d LEFT JOIN monitor_bindings AS b USING (device_id)
    WHERE d.mn = :mn
""")
# each value replaces what is there where it is to be set; a new key moves the present one; one
# that is unlocked is learnt from its next frame on, or its collector would lock it at once
_BIND = text("""
    INSERT INTO monitor_bindings AS known
        (device_id, locked, password, addresses, learning_since, cipher_key)
    SELECT device_id, coalesce(CAST(:locked AS boolean), false), CAST(:password AS text),
           coalesce(CAST(:addresses AS text[]), '{}'), NULL, CAST(:cipher_key AS bytea)
    FROM devices WHERE mn = :mn
    ON CONFLICT (device_id) DO UPDATE
    SET locked = coalesce(CAST(:locked AS boolean), known.locked),
        password = CASE WHEN :sets_password THEN excluded.password ELSE known.password END,
        addresses = coalesce(CAST(:addresses AS text[]), known.addresses),
        learning_since =
            CASE WHEN excluded.locked OR NOT known.locked THEN known.learning_since END,
        cipher_key =
            CASE WHEN :sets_cipher_key THEN excluded.cipher_key ELSE known.cipher_key END,
        previous_cipher_key = CASE
            WHEN NOT :sets_cipher_key OR excluded.cipher_key = known.cipher_key
            THEN known.previous_cipher_key
            WHEN excluded.cipher_key IS NOT NULL
            THEN coalesce(known.cipher_key, known.previous_cipher_key)
        END,
        recorded_at = now()
""")
_LEARN = text("""
    INSERT INTO monitor_bindings (device_id, locked)
    SELECT device_id, false FROM devices WHERE mn = :mn
    ON CONFLICT (device_id) DO UPDATE
    SET locked = false, password = NULL, addresses = '{}', learning_since = NULL,
        recorded_at = now()
""")


@dataclass(frozen=True, slots=True)
class Link:
    """A device with what is known of its line; the frame counts are since it was registered.

    ``clock_skew_s`` is its clock minus ours, ``verdict`` what became of its last frame.
    """

    device_id: int
    uscc: str
    name_zh: str
    name_en: str
    county_code: str
    code: str
    mn: str | None
    outlet: str | None
    collector: str | None
    source: str | None
    version: str | None
    connected_since: datetime | None
    last_frame_at: datetime | None
    last_heartbeat_at: datetime | None
    clock_skew_s: float | None
    restarted_at: datetime | None
    verdict: str | None
    frames: int
    incomplete_sets: int
    locked: bool
    learning_since: datetime | None


@dataclass(frozen=True, slots=True)
class Binding:
    """What a monitor is bound to; of secrets only whether they are set."""

    locked: bool
    password_set: bool
    addresses: list[str]
    learning_since: datetime | None
    cipher_key_set: bool
    previous_cipher_key_set: bool
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed of a binding; None leaves it as it is.

    ``password`` and ``cipher_key`` are taken, None as well, where their ``sets_…`` says so.
    """

    locked: bool | None
    addresses: list[str] | None
    sets_password: bool
    password: str | None
    sets_cipher_key: bool
    cipher_key: bytes | None


async def links(
    connection: Connection,
    county: str | None,
    enterprise: str | None,
    connected: bool | None,
    limit: int,
    after: tuple[str, str] | None,
) -> list[Link]:
    """Return devices that have a line or are to have one, by enterprise and code."""
    uscc, code = after or (None, None)
    rows = await connection.execute(
        _LINKS,
        {
            "county": county,
            "enterprise": enterprise,
            "connected": connected,
            "uscc": uscc,
            "code": code,
            "limit": limit,
        },
    )
    return [Link(*row) for row in rows]


async def find(connection: Connection, mn: str) -> Link | None:
    """Return the device in scope that has an MN."""
    row = (await connection.execute(_LINK, {"mn": mn})).one_or_none()
    return None if row is None else Link(*row)


async def binding(connection: Connection, mn: str) -> Binding:
    """Return what a device is bound to; of one that was never seen nothing is set."""
    return Binding(*(await connection.execute(_BINDING, {"mn": mn})).one())


async def bind(connection: Connection, mn: str, change: Change) -> None:
    """Change what a device in scope is bound to."""
    await connection.execute(
        _BIND,
        {
            "mn": mn,
            "locked": change.locked,
            "addresses": change.addresses,
            "sets_password": change.sets_password,
            "password": change.password,
            "sets_cipher_key": change.sets_cipher_key,
            "cipher_key": change.cipher_key,
        },
    )


async def learn(connection: Connection, mn: str) -> None:
    """Forget PW and addresses of a device in scope, so that its next frames are learnt from."""
    await connection.execute(_LEARN, {"mn": mn})
