"""The fleet's MQTT accounts: a password for each enterprise, kept in `home`."""

import json
import os
import secrets
from pathlib import Path

from deploy.local.fleet.enterprises import enterprises


def load(home: Path) -> dict[str, str]:
    """Return the password of each enterprise by its social credit code, made where missing."""
    path = home / "fleet" / "accounts.json"
    known: dict[str, str] = {}
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
    found = {
        item.uscc: known.get(item.uscc) or secrets.token_urlsafe(18) for item in enterprises(None)
    }
    if found != known:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(found, file, indent=1)
        part.replace(path)
    return found
