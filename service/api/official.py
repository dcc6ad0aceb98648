"""Official figures and targets: entered with their source by those who may, and listed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from schemas.official import SERIES
from service.access import EnterFigures, EnterTargets, ReadEnergy, Session, state_of
from service.api.official_rows import (
    CountyCode,
    FiguresIn,
    TargetsIn,
    figure_errors,
    refuse,
    target_errors,
)
from service.api.pages import Page
from service.domain.calendar import midnight
from service.domain.windows import parse_months
from service.store import audit, changed, statistics
from service.store import counties as county_store

router = APIRouter(tags=["official figures"])


class Entered(BaseModel):
    """How many were entered; ``revised`` of them replaced an older figure, which stays."""

    entered: int
    revised: int


class FigureItem(BaseModel):
    """An official figure in its newest revision."""

    county: str
    series: str
    period: str
    value: Decimal
    unit: str
    price_base: str | None
    state: str
    source: str
    revision: int
    recorded_at: datetime


@router.get("/statistics")
async def list_statistics(
    session: ReadEnergy, county: CountyCode | None = None, series: str | None = None
) -> Page[FigureItem]:
    """List official figures in their newest revision."""
    known = await county_store.overview(session.connection, session.permit.regions, [])
    codes = [item.code for item in known if county in (None, item.code)]
    found = await statistics.latest(
        session.connection, codes, list(SERIES) if series is None else [series]
    )
    return Page(
        items=[
            FigureItem(
                county=item.county_code,
                series=item.series,
                period=item.period,
                value=item.value,
                unit=item.unit,
                price_base=item.price_base,
                state=item.state,
                source=item.source,
                revision=item.revision,
                recorded_at=item.recorded_at,
            )
            for item in found
        ]
    )


@router.post("/statistics")
async def enter_statistics(request: Request, session: EnterFigures, document: FiguresIn) -> Entered:
    """Enter official figures; levels that rest on them are judged anew at once."""
    refuse(figure_errors(document.figures, await _known_counties(session)))
    revised = 0
    for figure in document.figures:
        revision = await statistics.append(
            session.connection,
            {
                "county_code": figure.county,
                "series": figure.series,
                "period": figure.period,
                "value": figure.value,
                "unit": SERIES[figure.series].unit,
                "price_base": figure.price_base,
                "state": figure.state,
                "source": figure.source,
                "recorded_by": session.permit.client.name,
            },
        )
        revised += revision > 1
    return await _conclude(
        request,
        session,
        "enter_statistics",
        [(f.county, f.period) for f in document.figures],
        revised,
    )


@router.post("/targets")
async def enter_targets(request: Request, session: EnterTargets, document: TargetsIn) -> Entered:
    """Enter targets of counties; levels that rest on them are judged anew at once."""
    refuse(target_errors(document.targets, await _known_counties(session)))
    revised = 0
    for target in document.targets:
        revision = await statistics.append_target(
            session.connection,
            {
                "county_code": target.county,
                "indicator": target.indicator,
                "period": target.period,
                "kind": target.kind,
                "value": target.value,
                "unit": SERIES[target.indicator].unit,
                "source": target.source,
                "confirmed": target.confirmed,
                "recorded_by": session.permit.client.name,
            },
        )
        revised += revision > 1
    return await _conclude(
        request, session, "enter_targets", [(t.county, t.period) for t in document.targets], revised
    )


async def _conclude(
    request: Request,
    session: Session,
    action: str,
    places: Sequence[tuple[str, str]],
    revised: int,
) -> Entered:
    """Tell the indicators that rest on official figures, and note who entered them."""
    for county, period in sorted(set(places)):
        months = parse_months(period)
        await changed.append_official(
            session.connection,
            state_of(request).official_indicators,
            county,
            midnight(months.start),
            midnight(months.stop),
        )
    entered = Entered(entered=len(places), revised=revised)
    actor = session.permit.client.name
    await audit.append(
        session.connection, actor, action, {**entered.model_dump(), "of": sorted(set(places))}
    )
    return entered


async def _known_counties(session: Session) -> set[str]:
    found = await county_store.overview(session.connection, session.permit.regions, [])
    return {county.code for county in found}
