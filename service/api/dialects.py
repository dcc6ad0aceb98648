"""What gateways send where it is not our document: declared for a key or an MQTT account."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body

from schemas.dialect import Dialect
from service.access import Administer, Session
from service.problems import not_found
from service.store import audit, clients, dialects

router = APIRouter(tags=["clients"])
DialectBody = Annotated[Dialect | None, Body()]


@router.put("/clients/{name}/dialect")
async def declare_dialect(
    session: Administer, name: str, dialect: DialectBody
) -> dict[str, Any] | None:
    """Declare what a client's documents look like; null where they are ours."""
    permit = session.permit
    client = await clients.lock(session.connection, permit.regions, permit.enterprise_id, name)
    if client is None:
        raise not_found(f"client {name}", f"客户端 {name}")
    await clients.set_dialect(session.connection, client.client_id, stored(dialect))
    return await _declared(session, {"name": name}, dialect)


@router.get("/enterprises/{uscc}/mqtt-dialect")
async def read_mqtt_dialect(session: Administer, uscc: str) -> dict[str, Any] | None:
    """Return what is declared of the documents of an enterprise's MQTT account."""
    found = await dialects.enterprise(session.connection, uscc)
    if found is None:
        raise not_found(f"enterprise {uscc}", f"企业 {uscc}")
    declared: dict[str, Any] | None = found.mqtt_dialect
    return declared


@router.put("/enterprises/{uscc}/mqtt-dialect")
async def declare_mqtt_dialect(
    session: Administer, uscc: str, dialect: DialectBody
) -> dict[str, Any] | None:
    """Declare what the documents of an enterprise's MQTT account look like; null: as ours."""
    if not await dialects.set_mqtt(session.connection, uscc, stored(dialect)):
        raise not_found(f"enterprise {uscc}", f"企业 {uscc}")
    return await _declared(session, {"enterprise": uscc}, dialect)


async def _declared(
    session: Session, whose: dict[str, Any], dialect: Dialect | None
) -> dict[str, Any] | None:
    declared: dict[str, Any] | None = json.loads(stored(dialect) or "null")
    detail = {**whose, "dialect": declared}
    await audit.append(session.connection, session.permit.client.name, "declare_dialect", detail)
    return declared


def stored(dialect: Dialect | None) -> str | None:
    """Return a dialect as it is stored: what it says and no more."""
    return None if dialect is None else dialect.model_dump_json(exclude_defaults=True)
