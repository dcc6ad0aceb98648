"""Alerts, and their live feed."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from schemas.access import Domain, Verb
from schemas.alerts import Phase
from schemas.indicators import Level
from service.access import Permit, ReadAny, permits, state_of
from service.api.pages import FormatDep, Page, PagingDep, number, paged, respond
from service.store import alert_list, events

router = APIRouter(tags=["alerts"])
LevelName = Annotated[str | None, Query(pattern="^(green|yellow|orange|red)$")]
ReadFeed = Annotated[
    Permit, Depends(permits((Domain.ENERGY, Verb.READ), (Domain.ENVIRONMENT, Verb.READ)))
]
County = Annotated[
    str | None, Query(pattern=r"^\d{2,6}$", description="a county's code or a prefix of it")
]


class AlertItem(BaseModel):
    """One alert: the machine's state; what people did about it is its case."""

    id: int
    county: str
    enterprise: str | None
    enterprise_name: str | None
    facility: str | None
    outlet: str | None
    quantity: str | None
    indicator: str
    period: str
    dimension: str
    level: str
    phase: str
    episode: datetime = Field(description="when it left normal; of an outlet the day")
    since: datetime = Field(description="of the phase")
    as_of: datetime
    value: float | None
    target: float | None
    unit: str
    reason: str
    reason_zh: str
    case: int | None


@router.get("/alerts")
async def list_alerts(
    session: ReadAny,
    page: PagingDep,
    format_: FormatDep,
    county: County = None,
    level: LevelName = None,
    phase: Phase | None = None,
) -> Response:
    """List alerts inside the caller's scope, newest first; ended ones have the phase normal."""
    start = page.after(number)
    found = await alert_list.page(
        session.connection,
        county,
        None if level is None else int(Level[level.upper()]),
        None if phase is None else phase.value,
        page.limit + 1,
        None if start is None else start[0],
    )
    rows, following = paged(found, page.limit, lambda row: (row.alert_id,))
    items = [
        AlertItem(
            id=row.alert_id,
            county=row.county_code,
            enterprise=row.uscc,
            enterprise_name=row.name_zh,
            facility=row.facility,
            outlet=row.outlet,
            quantity=row.quantity,
            indicator=row.indicator,
            period=row.period,
            dimension=row.dimension,
            level=Level(row.level).name.lower(),
            phase=row.phase,
            episode=row.episode,
            since=row.since,
            as_of=row.as_of,
            value=row.value,
            target=row.target,
            unit=row.unit,
            reason=row.reason,
            reason_zh=row.reason_zh,
            case=row.case_id,
        )
        for row in rows
    ]
    return respond(Page(items=items, next=following), format_, "alerts")


@router.get("/alerts/events")
async def list_events(session: ReadAny, page: PagingDep) -> Page[dict[str, Any]]:
    """List the events of the feed inside the caller's scope, newest first."""
    start = page.after(number)
    before = None if start is None else start[0]
    found = await events.newest(session.connection, page.limit + 1, before)
    rows, following = paged(found[::-1], page.limit, lambda event: (event.event_id,))
    return Page(items=[event.document() for event in rows], next=following)


@router.get("/alerts/feed", response_class=EventSourceResponse)
async def stream_events(
    request: Request,
    permit: ReadFeed,
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
    after: Annotated[int | None, Query(ge=0, description="for clients without headers")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Stream events after ``Last-Event-ID`` without a gap, then as they are committed."""
    last = after if last_event_id is None else last_event_id
    feed = state_of(request).feed
    async for event in feed.after(last, permit.regions, permit.enterprise_id):
        yield ServerSentEvent(id=str(event.event_id), event="alert", data=event.document())
