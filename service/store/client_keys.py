"""Keys of clients, several to each: long random texts, stored as SHA-256 and shown once."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import text

from service.store.engine import Connection

_ISSUE = text("""
    INSERT INTO client_keys (client_id, digest, expires_at)
    VALUES (:client, :digest, :expires_at)
    RETURNING key_id
""")
_COUNT = text("""
    SELECT count(*) FROM client_keys
    WHERE client_id = :client AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
""")
# One that ends sooner keeps its own end.
_END_OTHERS = text("""
    UPDATE client_keys SET expires_at = :at
    WHERE client_id = :client AND key_id <> :key AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > :at)
""")
_REVOKE = text("""
    UPDATE client_keys SET revoked_at = coalesce(revoked_at, now())
    WHERE client_id = :client AND key_id = :key
""")
_REVOKE_ALL = text("""
    UPDATE client_keys SET revoked_at = now() WHERE client_id = :client AND revoked_at IS NULL
""")


async def issue(
    connection: Connection, client: int, expires_at: datetime | None = None
) -> tuple[int, str]:
    """Give a client one more key; returns its number and the key, which nobody can read again."""
    key = secrets.token_urlsafe(32)
    number = await connection.scalar(
        _ISSUE, {"client": client, "digest": digest(key), "expires_at": expires_at}
    )
    return int(number or 0), key


async def count(connection: Connection, client: int) -> int:
    """Return how many keys of a client are good."""
    return int(await connection.scalar(_COUNT, {"client": client}) or 0)


async def end_others(connection: Connection, client: int, key: int, at: datetime) -> None:
    """Let all keys of a client but one end at an instant."""
    await connection.execute(_END_OTHERS, {"client": client, "key": key, "at": at})


async def revoke(connection: Connection, client: int, key: int) -> bool:
    """Revoke a key; False where the client has no key of that number."""
    return (await connection.execute(_REVOKE, {"client": client, "key": key})).rowcount == 1


async def revoke_all(connection: Connection, client: int) -> None:
    """Revoke every key of a client."""
    await connection.execute(_REVOKE_ALL, {"client": client})


def digest(key: str) -> bytes:
    """Return what is stored of a key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
