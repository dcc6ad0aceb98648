"""Enterprises with their facilities, outlets and devices; payloads that were refused."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from service.access import ReadAny, ReadPlatform
from service.api.pages import Page, PagingDep, paged
from service.store import registered, rejected

router = APIRouter(tags=["enterprises"])


class EnterpriseItem(BaseModel):
    """An enterprise (用能单位, 排污单位) and what is registered of it."""

    uscc: str
    name: str
    name_en: str
    county: str
    park: str | None
    trade: str
    facilities: list[dict[str, Any]]
    outlets: list[dict[str, Any]]
    devices: list[dict[str, Any]]


class RejectedItem(BaseModel):
    """A payload that was refused (未入库报文), with how often it came."""

    id: int
    collector: str
    sender: str
    reason: str
    detail: str
    payload: str
    payload_bytes: int
    occurrences: int
    first_received_at: datetime
    last_received_at: datetime


@router.get("/enterprises")
async def list_enterprises(
    session: ReadAny,
    page: PagingDep,
    county: Annotated[str | None, Query(pattern=r"^\d{2,6}$")] = None,
    uscc: str | None = None,
) -> Page[EnterpriseItem]:
    """List enterprises inside the caller's scope."""
    start = page.start()
    found = await registered.enterprises(
        session.connection, county, uscc, None if start is None else str(start[0]), page.limit + 1
    )
    rows, following = paged(found, page.limit, lambda row: (row.uscc,))
    items = [
        EnterpriseItem(
            uscc=row.uscc,
            name=row.name_zh,
            name_en=row.name_en,
            county=row.county_code,
            park=row.park_code,
            trade=row.trade,
            facilities=row.facilities or [],
            outlets=row.outlets or [],
            devices=row.devices or [],
        )
        for row in rows
    ]
    return Page(items=items, next=following)


@router.get("/rejected-payloads", tags=["platform"])
async def list_rejected(
    session: ReadPlatform, page: PagingDep, reason: str | None = None, sender: str | None = None
) -> Page[RejectedItem]:
    """List refused payloads, newest first; each shows at most its first 2,000 characters."""
    start = page.start()
    found = await rejected.page(
        session.connection,
        reason,
        sender,
        page.limit + 1,
        None if start is None else int(start[0]),
    )
    rows, following = paged(found, page.limit, lambda row: (row.payload_id,))
    items = [
        RejectedItem(
            id=row.payload_id,
            collector=row.collector,
            sender=row.sender,
            reason=row.reason,
            detail=row.detail,
            payload=row.payload.decode(errors="replace")[:2_000],
            payload_bytes=row.payload_bytes,
            occurrences=row.occurrences,
            first_received_at=row.first_received_at,
            last_received_at=row.last_received_at,
        )
        for row in rows
    ]
    return Page(items=items, next=following)
