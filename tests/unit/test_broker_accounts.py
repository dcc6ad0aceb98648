"""What a broker is told, of what it knows already; and passwords that are kept sealed."""

from collections.abc import Mapping
from typing import Any

import pytest

from service.domain import sealing
from service.domain.broker_accounts import (
    COLLECTOR_ROLE,
    DEFAULTS,
    Account,
    Found,
    enterprise_rules,
    plan,
    rules_as_listed,
)

USCC, OTHER = "91620623QY00000149", "91620602QY0000001H"
ROLE = f"qingyu-enterprise-{USCC}"
RULES = rules_as_listed(enterprise_rules(USCC))


def found(
    clients: Mapping[str, Mapping[str, Any]] | None = None,
    roles: Mapping[str, Mapping[str, Any]] | None = None,
    **defaults: bool,
) -> Found:
    return Found(clients or {}, roles or {}, {**dict(DEFAULTS), **defaults})


def client(role: str = ROLE, **more: Any) -> dict[str, Any]:
    return {"roles": [{"rolename": role}], **more}


ROLES = {ROLE: {"acls": RULES}}


@pytest.mark.parametrize(
    ("accounts", "known", "commands"),
    [
        pytest.param(
            [Account(USCC, USCC, "p")], found(), ["createRole", "createClient"], id="a new one"
        ),
        pytest.param(
            [Account(USCC, USCC, "p")], found({USCC: client()}, ROLES), [], id="one that is there"
        ),
        pytest.param(
            [Account(USCC, USCC, None)], found({USCC: client()}, ROLES), [],
            id="whose password is not needed",
        ),
        pytest.param(
            [Account(USCC, USCC, "p"), Account(f"{USCC}-2", USCC, "q")],
            found({USCC: client()}, ROLES), ["createClient"], id="a second one of the same role",
        ),
        pytest.param(
            [Account(USCC, USCC, "p", disabled=True)], found({USCC: client()}, ROLES),
            ["disableClient"], id="disabled",
        ),
        pytest.param(
            [Account(USCC, USCC, "p", disabled=True)],
            found({USCC: client(disabled=True)}, ROLES), [], id="disabled already",
        ),
        pytest.param(
            [Account(USCC, USCC, "p", disabled=True)], found(roles=ROLES), [],
            id="disabled before the broker knew it",
        ),
        pytest.param(
            [Account(USCC, USCC, "p")], found({USCC: client(disabled=True)}, ROLES),
            ["enableClient"], id="enabled again",
        ),
        pytest.param(
            [Account(USCC, USCC, "p", revoked=True)], found({USCC: client()}, ROLES),
            ["deleteClient", "deleteRole"], id="revoked",
        ),
        pytest.param(
            [Account(USCC, USCC, "p", revoked=True)], found(), [], id="revoked already"
        ),
        pytest.param(
            [], found({USCC: client()}, ROLES), ["deleteClient", "deleteRole"], id="a stray"
        ),
        pytest.param(
            [], found({"c": client(COLLECTOR_ROLE), "x": {}}, {COLLECTOR_ROLE: {}, "theirs": {}}),
            [], id="what is not ours",
        ),
        pytest.param(
            [Account(USCC, USCC, "p")],
            found({USCC: client()}, {ROLE: {"acls": [*RULES, {**RULES[0], "topic": "#"}]}}),
            ["modifyRole"], id="a role that may too much",
        ),
        pytest.param(
            [Account(USCC, USCC, "p")], found({USCC: client("admin")}, ROLES), ["modifyClient"],
            id="an account of another role",
        ),
        pytest.param([], found(publishClientReceive=True), ["setDefaultACLAccess"], id="defaults"),
    ],
)  # fmt: skip
def test_a_plan_tells_what_differs_and_nothing_else(
    accounts: list[Account], known: Found, commands: list[str]
) -> None:
    made = plan(accounts, known)
    assert [command["command"] for command in made.commands] == commands
    assert len(made.users) == len(commands)
    assert made.lost == []


def test_an_account_that_nobody_can_unseal_is_lost() -> None:
    made = plan([Account(USCC, USCC, None)], found(roles=ROLES))
    assert (made.commands, made.lost) == ([], [USCC])


def test_the_rules_of_two_enterprises_share_the_alerts_only() -> None:
    shared = set(enterprise_rules(USCC)) & set(enterprise_rules(OTHER))
    assert {topic for _, topic in shared} == {"qingyu/v1/alerts/#"}


def test_a_sealed_password_opens_for_its_user_and_secret_only() -> None:
    password = sealing.make_password()
    sealed = sealing.seal("secret", USCC, password)
    assert sealing.unseal("secret", USCC, sealed) == password
    assert sealing.unseal("another", USCC, sealed) is None
    assert sealing.unseal("secret", OTHER, sealed) is None
    assert sealing.unseal("secret", USCC, sealed[:-1]) is None
    assert sealing.unseal("secret", USCC, b"") is None
    assert sealed != sealing.seal("secret", USCC, password)
    assert password.encode() not in sealed
