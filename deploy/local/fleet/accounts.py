"""The fleet's MQTT accounts: made by the product's API, their passwords kept in `home`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from deploy.local.errors import Cannot
from deploy.local.fleet import files

LIMIT = 10_000  # of accounts in one page


class Calls(Protocol):
    """The product's API."""

    def get(self, path: str) -> Any:
        """Return what a route answers."""

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return what a route answers to a document."""


@dataclass(frozen=True, slots=True)
class Account:
    """With which an enterprise speaks to the broker; a second account has another user name."""

    uscc: str
    user: str
    password: str


def load(home: Path) -> dict[str, Account]:
    """Return the account of each enterprise by its social credit code."""
    kept = files.read(_path_in(home)) or {}
    return {uscc: Account(**account) for uscc, account in kept.items() if isinstance(account, dict)}


def ensure(home: Path, api: Calls, usccs: list[str]) -> int:
    """Give each enterprise an account whose password is known here; returns how many are new."""
    kept = load(home)
    shown = api.get(f"/mqtt-accounts?limit={LIMIT}")["items"]
    standing = {item["user"]: item for item in shown if item["state"] != "revoked"}
    made = 0
    for uscc in usccs:
        known = kept.get(uscc)
        if known is not None and standing.get(known.user, {}).get("state") == "active":
            continue
        kept[uscc] = _make(api, uscc, standing)
        made += 1
        accounts = {name: asdict(account) for name, account in kept.items()}
        files.write(_path_in(home), accounts, mode=0o600)
    return made


def _make(api: Calls, uscc: str, standing: Mapping[str, Any]) -> Account:
    own = [item for item in standing.values() if item["enterprise"] == uscc]
    if any(item["state"] == "disabled" for item in own):
        raise Cannot(f"The MQTT account of {uscc} is disabled: enable it, or make clean.")
    if own:  # its password was lost
        path = f"/mqtt-accounts/{own[0]['user']}/passwords"
        new = api.post(path, {"overlap_hours": 0})
    else:
        new = api.post("/mqtt-accounts", {"enterprise": uscc})
    return Account(uscc, new["user"], new["password"])


def _path_in(home: Path) -> Path:
    return home / "fleet" / "accounts.json"
