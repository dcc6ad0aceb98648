"""The file of Mosquitto's dynamic security plugin: accounts of the programs, and defaults."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.domain.broker_accounts import (
    COLLECTOR_ROLE,
    COLLECTOR_RULES,
    DEFAULTS,
    ROLE_PREFIX,
    SERVICE_ROLE,
    SERVICE_RULES,
    enterprise_rules,
    rules_as_listed,
)

COLLECTOR = "qingyu-collector"
SERVICE = "qingyu-service"
_ITERATIONS = 101  # of PBKDF2, as the plugin's own; the passwords are random


def role_of(user: str) -> str:
    """Return the role of an account; one that is no program's is an enterprise's."""
    return {COLLECTOR: COLLECTOR_ROLE, SERVICE: SERVICE_ROLE}.get(user, ROLE_PREFIX + user)


def role(user: str) -> dict[str, Any]:
    """Return the role of an account as the plugin has it."""
    rules = {COLLECTOR: COLLECTOR_RULES, SERVICE: SERVICE_RULES}.get(user, enterprise_rules(user))
    return {"rolename": role_of(user), "acls": rules_as_listed(rules)}


def merged(path: Path, accounts: Mapping[str, str]) -> str:
    """Return the file's text with these accounts, by their passwords, beside those it has."""
    known = _read(path)
    clients = [item for item in known.get("clients", []) if item["username"] not in accounts]
    new_roles = [role(user) for user in accounts]
    names = {item["rolename"] for item in new_roles}
    roles = [item for item in known.get("roles", []) if item["rolename"] not in names]
    document = {
        "defaultACLAccess": dict(DEFAULTS),
        "clients": [*clients, *(_client(user, word) for user, word in accounts.items())],
        "groups": known.get("groups", []),
        "roles": [*roles, *new_roles],
    }
    return json.dumps(document, indent=1)


def _read(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(path.read_text())
    except (
        FileNotFoundError,
        ValueError,
    ):  # what was cut is made anew
        return {}
    return known


def _client(user: str, password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 64)
    return {
        "username": user,
        "textname": "Qingyu",
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": _ITERATIONS,
        "roles": [{"rolename": role_of(user), "priority": 0}],
    }
