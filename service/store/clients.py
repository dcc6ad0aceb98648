"""Clients: machines with keys and grants, found by a key and administered by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from schemas.access import Domain, Grant, Verb
from service.store import client_keys
from service.store.engine import EVERYWHERE, Connection

_FIND = text("""
    SELECT c.client_id, c.name, c.enterprise_id, g.region_prefix, g.domain, g.verb
    FROM client_keys AS k JOIN clients AS c USING (client_id) JOIN grants AS g USING (client_id)
    WHERE k.digest = :digest AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > now()) AND c.revoked_at IS NULL
""")
_CREATE = text("""
    INSERT INTO clients (name, enterprise_id)
    VALUES (:name, (SELECT enterprise_id FROM enterprises WHERE uscc = :uscc))
    ON CONFLICT (name) DO UPDATE SET enterprise_id = excluded.enterprise_id, revoked_at = NULL
    RETURNING client_id, enterprise_id
""")
_ADD = text("""
    INSERT INTO clients (name, enterprise_id) VALUES (:name, :enterprise)
    ON CONFLICT (name) DO NOTHING
    RETURNING client_id
""")
_CLEAR_GRANTS = text("DELETE FROM grants WHERE client_id = :client")
_GRANT = text("""
    INSERT INTO grants (client_id, region_prefix, domain, verb)
    VALUES (:client, :region, :domain, :verb)
""")
# Of an enterprise that the session sees; of none, where all that it may do lies in the regions of
# whoever asks. An administrator of one enterprise sees none of the latter.
_VISIBLE = """
    CASE WHEN c.enterprise_id IS NOT NULL THEN e.enterprise_id IS NOT NULL
    ELSE CAST(:bound AS integer) IS NULL AND NOT EXISTS (
        SELECT FROM grants AS g
        WHERE g.client_id = c.client_id AND NOT g.region_prefix LIKE ANY (CAST(:regions AS text[]))
    ) END
"""
_LIST = text(f"""
    SELECT c.client_id, c.name, e.uscc, c.recorded_at, c.revoked_at, c.dialect,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'region', g.region_prefix, 'domain', g.domain, 'verb', g.verb)
                ORDER BY g.grant_id), '[]')
            FROM grants AS g WHERE g.client_id = c.client_id) AS grants,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', k.key_id, 'recorded_at', k.recorded_at, 'expires_at', k.expires_at,
                'revoked_at', k.revoked_at) ORDER BY k.key_id), '[]')
            FROM client_keys AS k WHERE k.client_id = c.client_id) AS keys
    FROM clients AS c LEFT JOIN enterprises AS e USING (enterprise_id)
    WHERE {_VISIBLE} AND (CAST(:after AS text) IS NULL OR c.name > :after)
    ORDER BY c.name
    LIMIT :limit
""")
_LOCK = text(f"""
    SELECT c.client_id, c.name, c.revoked_at
    FROM clients AS c LEFT JOIN enterprises AS e USING (enterprise_id)
    WHERE c.name = :name AND {_VISIBLE}
    FOR UPDATE OF c
""")
_REVOKE = text("UPDATE clients SET revoked_at = now() WHERE client_id = :client")
_SET_DIALECT = text("""
    UPDATE clients SET dialect = CAST(:dialect AS jsonb) WHERE client_id = :client
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
    """Return who holds a key that is good."""
    rows = (await connection.execute(_FIND, {"digest": client_keys.digest(key)})).all()
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
    """Create a client, or give an existing one a new key alone and these grants; returns the key.

    Raises LookupError when no enterprise has the social credit code.
    """
    row = (await connection.execute(_CREATE, {"name": name, "uscc": uscc})).one()
    if uscc is not None and row.enterprise_id is None:
        raise LookupError(f"no enterprise has the social credit code {uscc}")
    await client_keys.revoke_all(connection, row.client_id)
    await connection.execute(_CLEAR_GRANTS, {"client": row.client_id})
    await _grant(connection, row.client_id, grants)
    _, key = await client_keys.issue(connection, row.client_id)
    return key


async def add(
    connection: Connection, name: str, enterprise_id: int | None, grants: Sequence[Grant]
) -> int | None:
    """Add a client without a key; returns its number, None where the name is taken."""
    client: int | None = await connection.scalar(_ADD, {"name": name, "enterprise": enterprise_id})
    if client is not None:
        await _grant(connection, client, grants)
    return client


async def page(
    connection: Connection, regions: Sequence[str], bound: int | None, limit: int, after: str | None
) -> list[Any]:
    """Return clients by name, revoked ones too, that an administrator of regions may see.

    ``bound`` is the enterprise that the administrator belongs to.
    """
    scope = {"regions": _patterns(regions), "bound": bound}
    rows = await connection.execute(_LIST, {**scope, "limit": limit, "after": after})
    return list(rows)


async def lock(
    connection: Connection, regions: Sequence[str], bound: int | None, name: str
) -> Any | None:
    """Return a client that an administrator of regions may see, locked; None if there is none."""
    scope = {"regions": _patterns(regions), "bound": bound}
    return (await connection.execute(_LOCK, {**scope, "name": name})).one_or_none()


async def revoke(connection: Connection, client: int) -> None:
    """Revoke a client: none of its keys is good any more."""
    await connection.execute(_REVOKE, {"client": client})


async def set_dialect(connection: Connection, client: int, dialect: str | None) -> None:
    """Declare what a client's documents look like, as JSON; None where they are ours."""
    await connection.execute(_SET_DIALECT, {"client": client, "dialect": dialect})


async def _grant(connection: Connection, client: int, grants: Sequence[Grant]) -> None:
    for grant in grants:
        await connection.execute(
            _GRANT,
            {
                "client": client,
                "region": grant.region,
                "domain": grant.domain.value,
                "verb": grant.verb.value,
            },
        )


def _patterns(regions: Sequence[str]) -> list[str]:
    return [region + EVERYWHERE for region in regions]
