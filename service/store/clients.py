"""Clients: machines with keys, which are stored as SHA-256 and shown once."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from schemas.access import Domain, Grant, Verb
from service.store.engine import Connection

_FIND = text("""
    SELECT k.client_id, k.name, k.enterprise_id, g.region_prefix, g.domain, g.verb
    FROM clients AS k JOIN grants AS g USING (client_id)
    WHERE k.key_digest = :digest AND k.revoked_at IS NULL
""")
_CREATE = text("""
    INSERT INTO clients (name, key_digest, enterprise_id)
    VALUES (:name, :digest, (SELECT enterprise_id FROM enterprises WHERE uscc = :uscc))
    ON CONFLICT (name) DO UPDATE
    SET key_digest = excluded.key_digest, enterprise_id = excluded.enterprise_id, revoked_at = NULL
    RETURNING client_id, enterprise_id
""")
_CLEAR_GRANTS = text("DELETE FROM grants WHERE client_id = :client")
_GRANT = text("""
    INSERT INTO grants (client_id, region_prefix, domain, verb)
    VALUES (:client, :region, :domain, :verb)
""")


@dataclass(frozen=True, slots=True)
class Client:
    """A machine that may call: with its grants, and its enterprise where it belongs to one."""

    name: str
    enterprise_id: int | None
    grants: tuple[Grant, ...]

    def regions(self, domain: Domain, verb: Verb) -> list[str]:
        """Return the regions over which the client may do something; empty where nowhere."""
        return [
            grant.region for grant in self.grants if grant.domain is domain and grant.verb is verb
        ]


async def find(connection: Connection, key: str) -> Client | None:
    """Return who holds a key."""
    rows = (await connection.execute(_FIND, {"digest": _digest(key)})).all()
    if not rows:
        return None
    return Client(
        rows[0].name,
        rows[0].enterprise_id,
        tuple(Grant(row.region_prefix, Domain(row.domain), Verb(row.verb)) for row in rows),
    )


async def create(
    connection: Connection, name: str, uscc: str | None, grants: Sequence[Grant]
) -> str:
    """Create a client, or give an existing one a new key and these grants; returns the key.

    Raises LookupError when no enterprise has the social credit code.
    """
    key = secrets.token_urlsafe(32)
    row = (
        await connection.execute(_CREATE, {"name": name, "digest": _digest(key), "uscc": uscc})
    ).one()
    if uscc is not None and row.enterprise_id is None:
        raise LookupError(f"no enterprise has the social credit code {uscc}")
    await connection.execute(_CLEAR_GRANTS, {"client": row.client_id})
    for grant in grants:
        await connection.execute(
            _GRANT,
            {
                "client": row.client_id,
                "region": grant.region,
                "domain": grant.domain.value,
                "verb": grant.verb.value,
            },
        )
    return key


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
