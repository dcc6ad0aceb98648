"""Keys and passwords of a local run: made once, kept in a file that only its user reads."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from schemas.access import ROLES, Grant
from service.store import clients
from service.store.engine import EVERYWHERE, make_engine

# Variable of local.env: the role of the client whose key it holds.
CLIENTS = {
    "QINGYU_ADMIN_KEY": "administrator",
    "QINGYU_REGULATOR_KEY": "regulator",
    "QINGYU_OPERATOR_KEY": "operator",
    "QINGYU_STATISTICS_KEY": "statistics",
}


class Secrets:
    """What the file holds, by name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def password(self, name: str) -> str:
        """Return a password, made when it is first asked for."""
        if name not in self._values:
            self._keep(name, secrets.token_urlsafe(18))
        return self._values[name]

    async def keys(self, database: str) -> Mapping[str, str]:
        """Return the keys of the usual clients; those that the database does not know are made."""
        return {
            variable: await self.key(database, variable, role) for variable, role in CLIENTS.items()
        }

    async def key(
        self, database: str, variable: str, role: str, enterprise: str | None = None
    ) -> str:
        """Return the key of one client, made when the database does not know it."""
        engine = make_engine(database, "qingyu-up", region=EVERYWHERE, size=1)
        try:
            async with engine.begin() as connection:
                known = self._values.get(variable)
                if known is not None and await clients.find(connection, known) is not None:
                    return known
                grants = [Grant("", domain, verb) for domain, verb in ROLES[role]]
                made = await clients.create(connection, variable, enterprise, grants)
        finally:
            await engine.dispose()
        self._keep(variable, made)
        return made

    def _keep(self, name: str, value: str) -> None:
        self._values[name] = value
        part = self._path.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(self._values, indent=2))
        part.replace(self._path)
