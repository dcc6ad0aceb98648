"""Clients and their keys: made, renewed beside the old one, revoked."""

from typing import Any

from fastapi import APIRouter, Response

from schemas.access import ROLES, Domain, Grant, Verb
from service.access import Administer, Session
from service.api.client_rows import ClientIn, ClientItem, KeyIn, KeyMade
from service.api.pages import Page, PagingDep, paged
from service.problems import Problem, bad_parameter, forbidden, not_found
from service.store import audit, client_keys, clients, dialects

router = APIRouter(tags=["clients"])
MAX_KEYS = 10  # that are good at one time


@router.get("/clients")
async def list_clients(session: Administer, page: PagingDep) -> Page[ClientItem]:
    """List clients inside the caller's scope, by name, revoked ones too."""
    permit, start = session.permit, page.start()
    after = None if start is None else str(start[0])
    found = await clients.page(
        session.connection, permit.regions, permit.enterprise_id, page.limit + 1, after
    )
    rows, following = paged(found, page.limit, lambda row: (row.name,))
    items = [
        ClientItem(
            name=row.name,
            enterprise=row.uscc,
            grants=row.grants,
            keys=row.keys,
            dialect=row.dialect,
            recorded_at=row.recorded_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    ]
    return Page(items=items, next=following)


@router.post("/clients", status_code=201)
async def create_client(session: Administer, wanted: ClientIn, response: Response) -> KeyMade:
    """Make a client and its first key, which is shown this once."""
    enterprise_id, region = await _place(session, wanted)
    grants = [Grant(region, domain, verb) for domain, verb in ROLES[wanted.role]]
    client = await clients.add(session.connection, wanted.name, enterprise_id, grants)
    if client is None:
        raise Problem(
            409,
            "name_taken",
            f"There is, or was, a client {wanted.name}; choose another name.",
            f"名称 {wanted.name} 已被使用，请换一个名称。",
        )
    if wanted.dialect is not None:
        declared = wanted.dialect.model_dump_json(exclude_defaults=True)
        await clients.set_dialect(session.connection, client, declared)
    number, key = await client_keys.issue(session.connection, client, wanted.expires_at)
    detail = wanted.model_dump(mode="json", exclude_none=True)
    await _note(session, "create_client", {**detail, "region": region, "key": number})
    response.headers["Cache-Control"] = "no-store"
    return KeyMade(client=wanted.name, id=number, key=key, expires_at=wanted.expires_at)


@router.post("/clients/{name}/keys", status_code=201)
async def create_key(
    session: Administer, name: str, response: Response, wanted: KeyIn | None = None
) -> KeyMade:
    """Make one more key; those that are there stay good, or end at an instant that is stated."""
    wanted = wanted or KeyIn()
    client = await _client(session, name)
    if client.revoked_at is not None:
        raise Problem(
            409,
            "revoked",
            f"The client {name} is revoked; make another.",
            f"客户端 {name} 已停用，请新建。",
        )
    if await client_keys.count(session.connection, client.client_id) >= MAX_KEYS:
        raise Problem(
            409,
            "too_many_keys",
            f"The client {name} has {MAX_KEYS} keys; revoke one first.",
            f"客户端 {name} 已有 {MAX_KEYS} 个密钥，请先停用一个。",
        )
    number, key = await client_keys.issue(session.connection, client.client_id, wanted.expires_at)
    if wanted.others_end_at is not None:
        await client_keys.end_others(
            session.connection, client.client_id, number, wanted.others_end_at
        )
    detail = wanted.model_dump(mode="json", exclude_none=True)
    await _note(session, "create_key", {"name": name, "key": number, **detail})
    response.headers["Cache-Control"] = "no-store"
    return KeyMade(client=name, id=number, key=key, expires_at=wanted.expires_at)


@router.delete("/clients/{name}/keys/{key}", status_code=204)
async def revoke_key(session: Administer, name: str, key: int) -> None:
    """Revoke one key; collectors know it at once."""
    client = await _client(session, name)
    if key >= 2**31 or not await client_keys.revoke(session.connection, client.client_id, key):
        raise not_found(f"key {key} of {name}", f"{name} 的密钥 {key}")
    await _note(session, "revoke_key", {"name": name, "key": key})


@router.delete("/clients/{name}", status_code=204)
async def revoke_client(session: Administer, name: str) -> None:
    """Revoke a client with all its keys; it stays in the list."""
    client = await _client(session, name)
    if name == session.permit.client.name:
        raise Problem(
            409,
            "own_client",
            "This is the client that asks; let another administrator revoke it.",
            "不能停用自己，请由其他管理员操作。",
        )
    if client.revoked_at is None:
        await clients.revoke(session.connection, client.client_id)
        await _note(session, "revoke_client", {"name": name})


async def _place(session: Session, wanted: ClientIn) -> tuple[int | None, str]:
    """Return the enterprise and the region of a client to be made, both in the caller's scope."""
    permit = session.permit
    enterprise_id, region = None, wanted.region
    if wanted.enterprise is not None:
        found = await dialects.enterprise(session.connection, wanted.enterprise)
        if found is None:
            raise not_found(f"enterprise {wanted.enterprise}", f"企业 {wanted.enterprise}")
        enterprise_id = found.enterprise_id
        region = found.county_code if region is None else region
    elif permit.enterprise_id is not None or (Domain.METERING, Verb.SUBMIT) in ROLES[wanted.role]:
        raise bad_parameter(
            "enterprise", "name the one that it sends for or belongs to", "请填写所属企业"
        )
    if region is None:
        raise bad_parameter(
            "region", "needed without an enterprise; '' is everywhere", "未填企业时必须填写区域"
        )
    if not region.startswith(tuple(permit.regions)):
        raise forbidden(f"{Domain.PLATFORM}:{Verb.ADMINISTER} ({region or 'everywhere'})")
    return enterprise_id, region


async def _client(session: Session, name: str) -> Any:
    permit = session.permit
    found = await clients.lock(session.connection, permit.regions, permit.enterprise_id, name)
    if found is None:
        raise not_found(f"client {name}", f"客户端 {name}")
    return found


async def _note(session: Session, action: str, detail: dict[str, Any]) -> None:
    await audit.append(session.connection, session.permit.client.name, action, detail)
