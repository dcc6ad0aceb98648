"""The fleet's MQTT accounts: a password for each enterprise, kept in `home`."""

import secrets
from pathlib import Path

from deploy.local.fleet import files
from deploy.local.fleet.enterprises import enterprises


def load(home: Path) -> dict[str, str]:
    """Return the password of each enterprise by its social credit code, made where missing."""
    path = home / "fleet" / "accounts.json"
    known: dict[str, str] = files.read(path) or {}
    found = {
        item.uscc: known.get(item.uscc) or secrets.token_urlsafe(18) for item in enterprises(None)
    }
    if found != known:
        files.write(path, found, mode=0o600)
    return found
