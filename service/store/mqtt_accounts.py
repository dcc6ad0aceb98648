"""Accounts of enterprises in the MQTT broker: as they should be, and whether it agrees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_COLUMNS = """
    user_name, uscc, role, created_at, created_by, disabled_at, revoked_at, applied_at, problem
"""
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM mqtt_accounts JOIN enterprises USING (enterprise_id)
    WHERE (CAST(:enterprise AS text) IS NULL OR uscc = :enterprise)
      AND (CAST(:after AS text) IS NULL OR user_name > :after)
    ORDER BY user_name LIMIT :limit
""")
_ONE = text(f"""
    SELECT {_COLUMNS} FROM mqtt_accounts JOIN enterprises USING (enterprise_id)
    WHERE user_name = :user
""")
# Of one enterprise one at a time, so that two requests do not make the same name.
_LOCK = text("SELECT enterprise_id FROM enterprises WHERE uscc = :uscc FOR NO KEY UPDATE")
_NAMES = text("SELECT user_name FROM mqtt_accounts WHERE enterprise_id = :enterprise")
_INSERT = text("""
    INSERT INTO mqtt_accounts
        (user_name, enterprise_id, role, salt, password_hash, sealed, created_by)
    VALUES (:user, :enterprise, :role, :salt, :hash, :sealed, :by)
""")
_REVOKE_OTHERS = text("""
    UPDATE mqtt_accounts
    SET revoked_at = least(revoked_at, now() + CAST(:overlap AS interval)), applied_at = NULL
    WHERE enterprise_id = :enterprise AND user_name <> :user
      AND (revoked_at IS NULL OR revoked_at > now())
""")
_REVOKE = text("""
    UPDATE mqtt_accounts SET revoked_at = least(revoked_at, now()), applied_at = NULL
    WHERE user_name = :user
""")
_DISABLE = text("""
    UPDATE mqtt_accounts
    SET disabled_at = CASE WHEN :disabled THEN coalesce(disabled_at, now()) END, applied_at = NULL
    WHERE user_name = :user
""")
_WANTED = text("""
    SELECT user_name, uscc, sealed, disabled_at IS NOT NULL AS disabled,
           coalesce(revoked_at <= now(), false) AS revoked
    FROM mqtt_accounts JOIN enterprises USING (enterprise_id)
    ORDER BY user_name
""")
_APPLIED = text("""
    UPDATE mqtt_accounts AS a
    SET applied_at = CASE WHEN told.problem IS NULL THEN coalesce(a.applied_at, now()) END,
        problem = told.problem
    FROM unnest(CAST(:users AS text[]), CAST(:problems AS text[])) AS told (user_name, problem)
    WHERE a.user_name = told.user_name
      AND (a.applied_at IS NULL OR a.problem IS DISTINCT FROM told.problem)
""")
_PENDING = text("SELECT count(*) FROM mqtt_accounts WHERE applied_at IS NULL")
_NEXT_REVOCATION = text(
    "SELECT min(revoked_at) - now() FROM mqtt_accounts WHERE revoked_at > now()"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account as it should be; the password is sealed."""

    user: str
    uscc: str
    sealed: bytes
    disabled: bool
    revoked: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    """A new account: its name and what is kept of its password."""

    user: str
    role: str
    salt: str
    password_hash: str
    sealed: bytes


async def page(
    connection: Connection, enterprise: str | None, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return accounts in scope by their names, without anything of their passwords."""
    rows = await connection.execute(
        _PAGE, {"enterprise": enterprise, "after": after, "limit": limit}
    )
    return [dict(row) for row in rows.mappings()]


async def one(connection: Connection, user: str) -> dict[str, Any] | None:
    """Return an account in scope."""
    row = (await connection.execute(_ONE, {"user": user})).mappings().one_or_none()
    return None if row is None else dict(row)


async def lock_enterprise(connection: Connection, uscc: str) -> int | None:
    """Return the id of an enterprise in scope, whose accounts nobody else changes meanwhile."""
    found: int | None = await connection.scalar(_LOCK, {"uscc": uscc})
    return found


async def names(connection: Connection, enterprise_id: int) -> set[str]:
    """Return all names that an enterprise's accounts ever had."""
    rows = await connection.execute(_NAMES, {"enterprise": enterprise_id})
    return {row[0] for row in rows}


async def create(connection: Connection, enterprise_id: int, made: Credentials, by: str) -> None:
    """Add an account."""
    await connection.execute(
        _INSERT,
        {
            "user": made.user,
            "enterprise": enterprise_id,
            "role": made.role,
            "salt": made.salt,
            "hash": made.password_hash,
            "sealed": made.sealed,
            "by": by,
        },
    )


async def revoke_others(
    connection: Connection, enterprise_id: int, user: str, overlap: timedelta
) -> None:
    """Let an enterprise's other accounts end after a time, unless they end before."""
    await connection.execute(
        _REVOKE_OTHERS, {"enterprise": enterprise_id, "user": user, "overlap": overlap}
    )


async def revoke(connection: Connection, user: str) -> None:
    """Let an account end now."""
    await connection.execute(_REVOKE, {"user": user})


async def set_disabled(connection: Connection, user: str, disabled: bool) -> None:
    """Disable or enable an account."""
    await connection.execute(_DISABLE, {"user": user, "disabled": disabled})


async def wanted(connection: Connection) -> Sequence[Wanted]:
    """Return every account as it should be now."""
    return [Wanted(*row) for row in await connection.execute(_WANTED)]


async def note(connection: Connection, problems: Mapping[str, str | None]) -> None:
    """Note that the broker agrees about users, or why it does not."""
    if problems:
        await connection.execute(
            _APPLIED, {"users": list(problems), "problems": list(problems.values())}
        )


async def pending(connection: Connection) -> int:
    """Return about how many accounts the broker does not agree yet."""
    return int(await connection.scalar(_PENDING) or 0)


async def until_next_revocation(connection: Connection) -> timedelta | None:
    """Return when the next account is to end."""
    left: timedelta | None = await connection.scalar(_NEXT_REVOCATION)
    return left
