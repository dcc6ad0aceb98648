"""Counties: their newest results, and the indicator values behind them."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from schemas.indicators import Level
from service.access import ReadEnergy, Session, State, state_of
from service.analyzers import find
from service.api.pages import FormatDep, Page, PagingDep, instant, number, paged, respond
from service.problems import bad_parameter, not_found
from service.store import counties, registered, values
from service.store.counties import County, Result

router = APIRouter(tags=["counties"])
CountyCode = Annotated[str, Path(pattern=r"^\d{6}$", examples=["620623"])]
OVERVIEW = [
    "official_intensity",
    "metered_energy",
    "metered_energy_growth",
    "metered_share_of_industry",
    "metered_share_of_total",
    "completeness",
]
DIMENSION_OF = {
    indicator: analyzer.dimension.value for analyzer in find() for indicator in analyzer.indicators
}


class CountyResult(BaseModel):
    """One result of a county in one dimension and stage."""

    dimension: str = Field(examples=["intensity"])
    stage: str = Field(examples=["official"])
    indicator: str
    level: str | None = Field(description="null: not rated", examples=["yellow"])
    label: str | None = Field(description="as the rule set prints it", examples=["二级"])
    period: str = Field(examples=["2026-01..2026-09"])
    value: float | None
    unit: str
    range: tuple[float, float] | None
    target: float | None
    progress: float | None = Field(description="share of the target reached")
    gap: float | None = Field(description="value minus target, in the unit")
    basis: str
    rule_set: str | None
    completeness: float | None
    as_of: datetime


class CountyItem(BaseModel):
    """A county; ``level`` is that of its newest official intensity."""

    code: str
    name: str
    name_en: str
    level: str | None
    as_of: datetime | None
    results: list[CountyResult]
    open_alerts: dict[str, int] = Field(description="subjects with open alerts, by dimension")


class IndicatorItem(BaseModel):
    """One published value of an indicator."""

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
    completeness: float | None
    rule_set: str | None
    revision: int
    inputs: dict[str, Any] = Field(description="what the value was computed from")


@router.get("/counties")
async def list_counties(request: Request, session: ReadEnergy) -> Page[CountyItem]:
    """List the counties inside the caller's region with their newest results."""
    found = await counties.overview(session.connection, session.permit.regions, OVERVIEW)
    return Page(items=[county_item(county, state_of(request)) for county in found])


@router.get("/counties/{code}/indicators")
async def list_county_indicators(
    request: Request,
    session: ReadEnergy,
    code: CountyCode,
    page: PagingDep,
    format_: FormatDep,
    indicator: str | None = None,
    period: str | None = None,
    basis: str | None = None,
    stage: str | None = None,
) -> Response:
    """List a county's values, newest first."""
    if not any(code.startswith(region) for region in session.permit.regions):
        raise not_found(f"county {code}", f"县区 {code}")
    filters = {"indicator": indicator, "period": period, "basis": basis, "stage": stage}
    found = await _values(session, state_of(request), page, code, f"county:{code}", filters)
    return respond(found, format_, f"indicators-{code}")


@router.get("/indicators", tags=["enterprises"])
async def list_indicators(
    request: Request,
    session: ReadEnergy,
    page: PagingDep,
    format_: FormatDep,
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
    found = await _values(session, state_of(request), page, county, key, filters)
    return respond(found, format_, f"indicators-{enterprise}")


async def _values(
    session: Session,
    state: State,
    page: PagingDep,
    county: str,
    subject: str,
    filters: dict[str, Any],
) -> Page[IndicatorItem]:
    start = page.after(instant, number)
    before = None if start is None else (start[0], start[1])
    found = await values.page(session.connection, county, subject, filters, page.limit + 1, before)
    items, following = paged(found, page.limit, lambda row: (row[1].as_of, row[0]))
    return Page(items=[_indicator(result, state) for _, result in items], next=following)


def county_item(county: County, state: State) -> CountyItem:
    """Return a county as it goes over the wire."""
    results = [_result(result, state) for result in county.results]
    official = next((r for r in results if r.indicator == "official_intensity"), None)
    return CountyItem(
        code=county.code,
        name=county.name_zh,
        name_en=county.name_en,
        level=None if official is None else official.level,
        as_of=None if official is None else official.as_of,
        results=results,
        open_alerts=county.open_alerts,
    )


def _result(result: Result, state: State) -> CountyResult:
    gap = None
    if result.value is not None and result.target is not None:
        gap = round(result.value - result.target, 6)
    return CountyResult(
        dimension=DIMENSION_OF[result.indicator],
        stage=result.stage,
        indicator=result.indicator,
        level=level_name(result.level),
        label=label(result, state),
        period=result.period,
        value=result.value,
        unit=result.unit,
        range=result.range,
        target=result.target,
        progress=result.inputs.get("progress"),
        gap=gap,
        basis=result.basis,
        rule_set=result.rule_set,
        completeness=result.completeness,
        as_of=result.as_of,
    )


def _indicator(result: Result, state: State) -> IndicatorItem:
    return IndicatorItem(
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
        rule_set=result.rule_set,
        revision=result.revision,
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
