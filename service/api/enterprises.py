"""Enterprises with their facilities, outlets and devices."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from service.access import ReadAny
from service.api.pages import Page, PagingDep, paged
from service.store import registered

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
