"""What each MQTT account may do, and what has to be told to a broker that knows it otherwise.

Commands and names are those of Mosquitto's dynamic security plugin.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ROLE_PREFIX = "qingyu-enterprise-"
COLLECTOR_ROLE = "qingyu-collector"
SERVICE_ROLE = "qingyu-service"
DESCRIPTION = "Qingyu; changed by the service only"

Command = dict[str, Any]
Rule = tuple[str, str]  # type of access, topic

# Whatever is not allowed is forbidden; to end a subscription harms nobody.
DEFAULTS = (
    ("publishClientSend", False),
    ("publishClientReceive", False),
    ("subscribe", False),
    ("unsubscribe", True),
)
COLLECTOR_RULES: tuple[Rule, ...] = (
    ("subscribePattern", "qingyu/v1/+/readings"),
    ("subscribePattern", "$share/qingyu/qingyu/v1/+/readings"),
    ("publishClientReceive", "qingyu/v1/+/readings"),
    ("publishClientSend", "qingyu/v1/+/outcomes"),
    ("publishClientSend", "qingyu/v1/alerts/#"),
    # with which a slot that is drained finds the end of what waits
    ("publishClientSend", "qingyu/v1/slots/#"),
    ("publishClientReceive", "qingyu/v1/slots/#"),
    ("subscribePattern", "qingyu/v1/slots/#"),
)
SERVICE_RULES: tuple[Rule, ...] = (
    ("publishClientSend", "$CONTROL/dynamic-security/#"),
    ("publishClientReceive", "$CONTROL/dynamic-security/#"),
    ("subscribePattern", "$CONTROL/dynamic-security/#"),
    ("publishClientReceive", "$SYS/#"),
    ("subscribePattern", "$SYS/#"),
    ("publishClientSend", "qingyu/v1/alerts/#"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it should be; ``password`` is None where it cannot be unsealed."""

    user: str
    uscc: str
    password: str | None
    disabled: bool = False
    revoked: bool = False

    @property
    def role(self) -> str:
        """Return its role in the broker, which all accounts of its enterprise share."""
        return ROLE_PREFIX + self.uscc


@dataclass(frozen=True, slots=True)
class Found:
    """What a broker knows: clients and roles by name, as it lists them, and its defaults."""

    clients: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, Mapping[str, Any]]
    defaults: Mapping[str, bool]


@dataclass(slots=True)
class Plan:
    """Commands in order; ``users`` says for each whose account it is about."""

    commands: list[Command] = field(default_factory=list)
    users: list[str | None] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # whose password nobody knows any more

    def add(self, command: Command, user: str | None = None) -> None:
        """Append a command."""
        self.commands.append(command)
        self.users.append(user)


def enterprise_rules(uscc: str) -> tuple[Rule, ...]:
    """Return what an enterprise's accounts may do."""
    return (
        ("publishClientSend", f"qingyu/v1/{uscc}/readings"),
        ("subscribePattern", f"qingyu/v1/{uscc}/outcomes"),
        ("publishClientReceive", f"qingyu/v1/{uscc}/outcomes"),
        ("subscribePattern", "qingyu/v1/alerts/#"),
        ("publishClientReceive", "qingyu/v1/alerts/#"),
    )


def rules_as_listed(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return rules as the broker takes them."""
    return [
        {"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in rules
    ]


def plan(wanted: Sequence[Account], found: Found) -> Plan:
    """Return what to tell a broker so that it agrees with the accounts that are wanted.

    Clients and roles that are not of this service are left alone.
    """
    made = Plan()
    wrong = [(kind, allow) for kind, allow in DEFAULTS if found.defaults.get(kind) is not allow]
    if wrong:
        acls = [{"acltype": kind, "allow": allow} for kind, allow in DEFAULTS]
        made.add({"command": "setDefaultACLAccess", "acls": acls})
    valid = [account for account in wanted if not account.revoked]
    for uscc in dict.fromkeys(account.uscc for account in valid):
        _plan_role(uscc, found, made)
    for account in valid:
        _plan_client(account, found.clients.get(account.user), made)
    _plan_removals(wanted, valid, found, made)
    return made


def _plan_role(uscc: str, found: Found, made: Plan) -> None:
    name, rules = ROLE_PREFIX + uscc, enterprise_rules(uscc)
    known = found.roles.get(name)
    if known is None:
        made.add({"command": "createRole", "rolename": name, "acls": rules_as_listed(rules)})
    elif _rules_of(known) != set(rules):  # whoever has the role is cut off once
        made.add({"command": "modifyRole", "rolename": name, "acls": rules_as_listed(rules)})


def _rules_of(role: Mapping[str, Any]) -> set[Rule]:
    return {
        (rule["acltype"], rule["topic"]) if rule.get("allow") else ("refused", rule["topic"])
        for rule in role.get("acls", [])
    }


def _plan_client(account: Account, known: Mapping[str, Any] | None, made: Plan) -> None:
    user, roles = account.user, [{"rolename": account.role, "priority": 0}]
    if known is None:
        if account.disabled:
            return  # it is made when it is enabled again
        if account.password is None:
            made.lost.append(user)
            return
        made.add(
            {
                "command": "createClient",
                "username": user,
                "password": account.password,
                "textname": DESCRIPTION,
                "roles": roles,
            },
            user,
        )
        return
    if [role["rolename"] for role in known.get("roles", [])] != [account.role]:
        made.add({"command": "modifyClient", "username": user, "roles": roles}, user)
    if account.disabled and not known.get("disabled"):
        made.add({"command": "disableClient", "username": user}, user)
    if not account.disabled and known.get("disabled"):
        made.add({"command": "enableClient", "username": user}, user)


def _plan_removals(
    wanted: Sequence[Account], valid: Sequence[Account], found: Found, made: Plan
) -> None:
    revoked = {account.user for account in wanted if account.revoked}
    users, roles = {account.user for account in valid}, {account.role for account in valid}
    for user, client in found.clients.items():
        ours = any(role["rolename"].startswith(ROLE_PREFIX) for role in client.get("roles", []))
        if user in revoked or (ours and user not in users):
            made.add({"command": "deleteClient", "username": user}, user)
    for name in found.roles:
        if name.startswith(ROLE_PREFIX) and name not in roles:
            made.add({"command": "deleteRole", "rolename": name})
