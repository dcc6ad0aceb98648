"""Counties with their newest results."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from service.access import ReadEnergy, State, state_of
from service.analyzers import find
from service.api.indicators import label, level_name
from service.api.pages import Page
from service.store import counties
from service.store.counties import County, Result

router = APIRouter(tags=["counties"])
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
    """One result of a county in one dimension and stage; ``id`` leads to what it rests on."""

    id: int
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
    estimated: float | None = Field(description="share of the value spread over gaps")
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


@router.get("/counties")
async def list_counties(request: Request, session: ReadEnergy) -> Page[CountyItem]:
    """List the counties inside the caller's region with their newest results."""
    found = await counties.overview(session.connection, session.permit.regions, OVERVIEW)
    return Page(items=[county_item(county, state_of(request)) for county in found])


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
        id=result.value_id,
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
        estimated=result.estimated,
        as_of=result.as_of,
    )
