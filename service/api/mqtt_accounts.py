"""Accounts of enterprises in the MQTT broker: made, given new passwords, disabled, taken away."""

import asyncio
import logging
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy.exc import DBAPIError

from schemas.access import Domain, Verb
from service.access import Permit, ReadPlatform, Session, State, permits, session, state_of
from service.api import accounts
from service.api.accounts import AccountIn, AccountItem, NewAccount, RotationIn
from service.api.pages import Page, PagingDep, paged
from service.control import Address, BrokerAway
from service.domain import sealing
from service.domain.broker_accounts import ROLE_PREFIX
from service.problems import Problem, not_found
from service.provisioning import address_of, reconcile
from service.store import audit, mqtt_accounts
from service.store.mqtt_accounts import Credentials

logger = logging.getLogger(__name__)
router = APIRouter(tags=["MQTT accounts"])
User = Annotated[str, Path(pattern=r"^[0-9A-Z]{18}(-\d{1,6})?$")]
AdministerPermit = Annotated[Permit, Depends(permits((Domain.PLATFORM, Verb.ADMINISTER)))]
APPLY_S = 8.0  # then it is left to the analysis


def _broker(request: Request) -> Address:
    """Return the broker; raises a problem where the service is told of none."""
    try:
        address = address_of(state_of(request).settings)
    except ValueError as error:
        raise Problem(501, "no_broker", f"{error}.", f"代理服务器设置有误：{error}。") from error
    if address is None:
        raise Problem(
            501,
            "no_broker",
            "The service is told of no broker; set QINGYU_BROKER and its password.",
            "服务未配置 MQTT 代理；请设置 QINGYU_BROKER 及其密码。",
        )
    return address


BrokerDep = Annotated[Address, Depends(_broker)]


@router.get("/mqtt-accounts")
async def list_accounts(
    opened: ReadPlatform,
    _broker: BrokerDep,
    page: PagingDep,
    enterprise: Annotated[str | None, Query(max_length=50)] = None,
) -> Page[AccountItem]:
    """List accounts by their names."""
    start = page.start()
    found = await mqtt_accounts.page(
        opened.connection, enterprise, None if start is None else str(start[0]), page.limit + 1
    )
    rows, following = paged(found, page.limit, lambda row: (row["user_name"],))
    return Page(items=[AccountItem(**accounts.fields(row)) for row in rows], next=following)


@router.post("/mqtt-accounts", status_code=201)
async def create_account(
    request: Request, permit: AdministerPermit, broker: BrokerDep, asked: AccountIn
) -> NewAccount:
    """Make an enterprise's account; its password is shown this once."""
    state, uscc = state_of(request), asked.enterprise
    async with session(state, permit) as opened:
        enterprise_id = await _lock(opened, uscc)
        existing = await mqtt_accounts.page(opened.connection, uscc, None, 1_000)
        if any(accounts.state(row) != "revoked" for row in existing):
            raise Problem(
                409,
                "account_exists",
                f"{uscc} has an account; give it a new password by /mqtt-accounts/…/passwords.",
                f"{uscc} 已有账号；更换密码请用 /mqtt-accounts/…/passwords。",
            )
        user, password = await _make(opened, broker, enterprise_id, uscc)
        await _audit(opened, "create_mqtt_account", user)
    return await _new(state, permit, broker, user, password)


@router.post("/mqtt-accounts/{user}/passwords", status_code=201)
async def rotate_password(
    request: Request, permit: AdministerPermit, broker: BrokerDep, user: User, asked: RotationIn
) -> NewAccount:
    """Make a second account of the same role; the ones before end after the overlap."""
    state, overlap = state_of(request), timedelta(hours=asked.overlap_hours)
    async with session(state, permit) as opened:
        row = await _account(opened, user)
        if (known := accounts.state(row)) in ("revoked", "disabled"):
            raise accounts.is_already(user, known)
        enterprise_id = await _lock(opened, row["uscc"])
        new, password = await _make(opened, broker, enterprise_id, row["uscc"])
        await mqtt_accounts.revoke_others(opened.connection, enterprise_id, new, overlap)
        await _audit(opened, "rotate_mqtt_password", new, overlap_hours=asked.overlap_hours)
    return await _new(state, permit, broker, new, password)


@router.post("/mqtt-accounts/{user}/disable")
async def disable_account(
    request: Request, permit: AdministerPermit, broker: BrokerDep, user: User
) -> AccountItem:
    """Cut an account off, and keep it off until it is enabled."""
    return await _set_disabled(state_of(request), permit, broker, user, disabled=True)


@router.post("/mqtt-accounts/{user}/enable")
async def enable_account(
    request: Request, permit: AdministerPermit, broker: BrokerDep, user: User
) -> AccountItem:
    """Let a disabled account in again."""
    return await _set_disabled(state_of(request), permit, broker, user, disabled=False)


@router.delete("/mqtt-accounts/{user}")
async def delete_account(
    request: Request, permit: AdministerPermit, broker: BrokerDep, user: User
) -> AccountItem:
    """Revoke an account for good; its name is not used again."""
    state = state_of(request)
    async with session(state, permit) as opened:
        await _account(opened, user)
        await mqtt_accounts.revoke(opened.connection, user)
        await _audit(opened, "delete_mqtt_account", user)
    return AccountItem(**await _applied(state, permit, broker, user))


async def _set_disabled(
    state: State, permit: Permit, broker: Address, user: str, *, disabled: bool
) -> AccountItem:
    async with session(state, permit) as opened:
        if accounts.state(await _account(opened, user)) == "revoked":
            raise accounts.is_already(user, "revoked")
        await mqtt_accounts.set_disabled(opened.connection, user, disabled)
        action = "disable_mqtt_account" if disabled else "enable_mqtt_account"
        await _audit(opened, action, user)
    return AccountItem(**await _applied(state, permit, broker, user))


async def _make(opened: Session, broker: Address, enterprise_id: int, uscc: str) -> tuple[str, str]:
    """Add an account under the next name; returns name and password."""
    number = len(await mqtt_accounts.names(opened.connection, enterprise_id)) + 1
    user = uscc if number == 1 else f"{uscc}-{number}"
    password = sealing.make_password()
    salt, digest = sealing.hashed(password)
    sealed = await asyncio.to_thread(sealing.seal, broker.password, user, password)
    made = Credentials(user, ROLE_PREFIX + uscc, salt, digest, sealed)
    await mqtt_accounts.create(opened.connection, enterprise_id, made, opened.permit.client.name)
    return user, password


async def _new(
    state: State, permit: Permit, broker: Address, user: str, password: str
) -> NewAccount:
    fields = await _applied(state, permit, broker, user)
    topics = f"qingyu/v1/{fields['enterprise']}"
    return NewAccount(
        **fields,
        password=password,
        publish=f"{topics}/readings",
        subscribe=[f"{topics}/outcomes", "qingyu/v1/alerts/#"],
    )


async def _applied(state: State, permit: Permit, broker: Address, user: str) -> dict[str, Any]:
    """Tell the broker, or leave that to the analysis; returns the account as it then is."""
    try:
        async with asyncio.timeout(APPLY_S):
            await reconcile(state.engine, broker, state.settings.broker_reads_tables)
    except (BrokerAway, TimeoutError, DBAPIError) as error:
        logger.warning("a change of %s waits to be told to the broker: %s", user, error)
    async with session(state, permit) as opened:
        return accounts.fields(await _account(opened, user))


async def _account(opened: Session, user: str) -> dict[str, Any]:
    if (row := await mqtt_accounts.one(opened.connection, user)) is None:
        raise not_found(f"MQTT account {user}", f"MQTT 账号 {user}")
    return row


async def _lock(opened: Session, uscc: str) -> int:
    found = await mqtt_accounts.lock_enterprise(opened.connection, uscc)
    if found is None:
        raise not_found(f"enterprise {uscc}", f"企业 {uscc}")
    return found


async def _audit(opened: Session, action: str, user: str, **more: Any) -> None:
    await audit.append(opened.connection, opened.permit.client.name, action, {"user": user, **more})
