"""Indicator values of counties, enterprises, facilities and outlets, with what they replaced."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from schemas.indicators import Level
from service.access import ReadEnergy, Session, State, state_of
from service.api.pages import (
    FormatDep,
    Page,
    PagingDep,
    aware,
    instant,
    number,
    paged,
    respond,
)
from service.problems import bad_parameter, not_found
from service.store import registered, values
from service.store.counties import Result
from service.store.values import Known

router = APIRouter(tags=["indicators"])
CountyCode = Annotated[str, Path(pattern=r"^\d{6}$", examples=["620623"])]


def known_of(
    known_at: Annotated[
        datetime | None, Query(description="as published at this instant, not now")
    ] = None,
    history: Annotated[bool, Query(description="every revision, replaced ones too")] = False,
) -> Known:
    """Return which revisions a request asks for."""
    return Known(aware("known_at", known_at), history)


KnownDep = Annotated[Known, Depends(known_of)]


class IndicatorItem(BaseModel):
    """One value of an indicator; ``superseded_at`` is null while it is published."""

    id: int
    indicator: str
    period: str
    basis: str
    stage: str
    as_of: datetime
    value: float | None
    range: tuple[float, float] | None
    unit: str
    target: float | None
    level: str | None
    label: str | None
    completeness: float | None = Field(description="share of the time measured")
    estimated: float | None = Field(description="share of the value spread over gaps")
    rule_set: str | None
    revision: int
    recorded_at: datetime
    superseded_at: datetime | None
    inputs: dict[str, Any] = Field(description="what the value was computed from")


@router.get("/counties/{code}/indicators")
async def list_county_indicators(
    request: Request,
    session: ReadEnergy,
    code: CountyCode,
    page: PagingDep,
    format_: FormatDep,
    known: KnownDep,
    indicator: str | None = None,
    period: str | None = None,
    basis: str | None = None,
    stage: str | None = None,
) -> Response:
    """List a county's values, newest first; with ``known_at`` as they were published then."""
    if not any(code.startswith(region) for region in session.permit.regions):
        raise not_found(f"county {code}", f"县区 {code}")
    filters = {"indicator": indicator, "period": period, "basis": basis, "stage": stage}
    found = await _values(session, state_of(request), page, known, code, f"county:{code}", filters)
    return respond(found, format_, f"indicators-{code}")


@router.get("/indicators", tags=["enterprises"])
async def list_indicators(
    request: Request,
    session: ReadEnergy,
    page: PagingDep,
    format_: FormatDep,
    known: KnownDep,
    enterprise: Annotated[str, Query(description="social credit code")],
    facility: str | None = None,
    outlet: str | None = None,
    quantity: str | None = None,
    indicator: str | None = None,
    period: str | None = None,
    basis: str | None = None,
) -> Response:
    """List the values of an enterprise, of one of its facilities, or of an outlet's quantity."""
    if outlet is not None and quantity is None:
        raise bad_parameter(
            "quantity", "say which quantity of the outlet", "请指明排放口的监测因子"
        )
    subject = await registered.subject(session.connection, enterprise, facility, outlet)
    if subject is None:
        raise not_found(f"such subject at {enterprise}", f"{enterprise} 的该对象")
    county, key = subject
    key = key if outlet is None else f"{key}:{quantity}"
    filters = {"indicator": indicator, "period": period, "basis": basis}
    found = await _values(session, state_of(request), page, known, county, key, filters)
    return respond(found, format_, f"indicators-{enterprise}")


async def _values(
    session: Session,
    state: State,
    page: PagingDep,
    known: Known,
    county: str,
    subject: str,
    filters: dict[str, Any],
) -> Page[IndicatorItem]:
    start = page.after(instant, number)
    before = None if start is None else (start[0], start[1])
    found = await values.page(
        session.connection, county, subject, filters, page.limit + 1, before, known
    )
    items, following = paged(found, page.limit, lambda row: (row.as_of, row.value_id))
    return Page(items=[item_of(result, state) for result in items], next=following)


def item_of(result: Result, state: State) -> IndicatorItem:
    """Return a value as it goes over the wire."""
    return IndicatorItem(
        id=result.value_id,
        indicator=result.indicator,
        period=result.period,
        basis=result.basis,
        stage=result.stage,
        as_of=result.as_of,
        value=result.value,
        range=result.range,
        unit=result.unit,
        target=result.target,
        level=level_name(result.level),
        label=label(result, state),
        completeness=result.completeness,
        estimated=result.estimated,
        rule_set=result.rule_set,
        revision=result.revision,
        recorded_at=result.recorded_at,
        superseded_at=result.superseded_at,
        inputs=result.inputs,
    )


def level_name(level: int | None) -> str | None:
    """Return the name of a level; None where it is not rated."""
    return None if level is None else Level(level).name.lower()


def label(result: Result, state: State) -> str | None:
    """Return what the rule set prints for the level; None where it is not rated."""
    if result.level is None or result.rule_set is None:
        return None
    return state.labels.get(result.rule_set, {}).get(result.level)
