"""Official figures and targets: entered with their source by those who may, and listed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, field_serializer

from schemas.official import SERIES, State
from service.access import EnterFigures, EnterTargets, ReadFigures, Session
from service.api import official_entry
from service.api.official_entry import Entered, Refused
from service.api.official_rows import Code, FiguresIn, TargetsIn, refusal, refuse, target_errors
from service.api.pages import (
    Format,
    FormatDep,
    Page,
    PagingDep,
    aware,
    number,
    paged,
    respond,
    text,
)
from service.domain.calendar import day_of
from service.domain.windows import parse_months
from service.store import audit, official_list, statistics
from service.store import counties as county_store
from service.store.official_list import Filters, Listed

router = APIRouter(tags=["official figures"])
Month = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}$", examples=["2026-01"])]


class FigureItem(BaseModel):
    """One revision of an official figure; ``contradicts`` says what it was entered against."""

    county: str
    enterprise: str | None
    series: str
    sector: str | None
    product: str | None
    period: str
    value: Decimal | float
    unit: str
    price_base: str | None
    state: str
    source: str
    revision: int
    recorded_by: str
    recorded_at: datetime
    contradicts: list[dict[str, Any]] | None
    reason: str | None

    @field_serializer("value")
    def _digits(self, value: Decimal | float) -> str | float:
        return f"{value:f}" if isinstance(value, Decimal) else value


class _Wanted:
    """Which figures a request asks for."""

    def __init__(
        self,
        county: Annotated[str | None, Query(pattern=r"^\d{2,6}$")] = None,
        enterprise: Annotated[Code | None, Query(description="social credit code")] = None,
        series: Code | None = None,
        sector: Code | None = None,
        product: Code | None = None,
        first: Annotated[Month, Query(alias="from", description="first month")] = None,
        last: Annotated[Month, Query(alias="to", description="last month")] = None,
        state: State | None = None,
        known_at: Annotated[datetime | None, Query(description="as known at an instant")] = None,
        history: Annotated[bool, Query(description="every revision, not the newest only")] = False,
    ) -> None:
        self.filters = Filters(
            county, enterprise, None if series is None else [series], product, first, last,
            state, aware("known_at", known_at), history,
        )  # fmt: skip
        if sector is not None:
            codes = [item.code for item in SERIES.values() if item.sector == sector]
            self.filters = replace(
                self.filters, series=[code for code in codes if series in (None, code)]
            )


@router.get("/statistics", response_model=Page[FigureItem])
async def list_statistics(
    session: ReadFigures,
    wanted: Annotated[_Wanted, Depends()],
    page: PagingDep,
    format_: FormatDep,
) -> Response:
    """List official figures: the newest revision of each, as known now or at an instant."""
    after = page.after(*(text,) * 6, number)
    found = await official_list.page(
        session.connection, session.permit.regions, wanted.filters, after, page.limit + 1
    )
    rows, following = paged(found, page.limit, lambda row: row.key)
    items = [_item(row, format_) for row in rows]
    return respond(Page(items=items, next=following), format_, "statistics")


def _item(row: Listed, format_: Format) -> FigureItem:
    series = SERIES.get(row.series)
    return FigureItem(
        county=row.county_code,
        enterprise=row.uscc or None,
        series=row.series,
        sector=None if series is None else series.sector,
        product=row.product or None,
        period=row.period,
        value=float(row.value) if format_ is Format.XLSX else row.value,  # a number there, too
        unit=row.unit,
        price_base=row.price_base or None,
        state=row.state,
        source=row.source,
        revision=row.revision,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
        contradicts=row.contradictions,
        reason=row.reason,
    )


@router.post("/statistics", response_model_exclude_defaults=True)
async def enter_statistics(request: Request, session: EnterFigures, document: FiguresIn) -> Entered:
    """Enter official figures; levels that rest on them are judged anew at once."""
    today = day_of(datetime.now(UTC))
    try:
        entered, touched = await official_entry.enter(
            session, list(enumerate(document.figures)), today, dry_run=False
        )
    except Refused as refused:
        raise refusal(refused.errors) from None
    await official_entry.tell(request, session, touched)
    await note(session, "enter_statistics", entered, [(c, str(p)) for c, _, p in touched])
    return entered


@router.post("/targets", response_model_exclude_defaults=True)
async def enter_targets(request: Request, session: EnterTargets, document: TargetsIn) -> Entered:
    """Enter targets of counties; levels that rest on them are judged anew at once."""
    known = await county_store.overview(session.connection, session.permit.regions, [])
    refuse(target_errors(document.targets, {county.code for county in known}))
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
    of = sorted({(target.county, target.period) for target in document.targets})
    await official_entry.tell(request, session, [(c, None, parse_months(p)) for c, p in of])
    entered = Entered(entered=len(document.targets), revised=revised)
    await note(session, "enter_targets", entered, of)
    return entered


async def note(
    session: Session,
    action: str,
    entered: Entered,
    of: Sequence[tuple[str, str]],
    **more: object,
) -> None:
    """Note in the audit log who entered how many, of which counties and periods."""
    counts = entered.model_dump(exclude={"warnings"}, exclude_defaults=True)
    await audit.append(
        session.connection, session.permit.client.name, action, {**counts, **more, "of": of}
    )
