"""Official figures and targets: entered with their source by those who may, and listed."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from schemas.official import SERIES
from service.access import EnterFigures, EnterTargets, ReadEnergy, Session, state_of
from service.api.pages import Page
from service.domain.calendar import midnight
from service.domain.intensity import contradicts
from service.domain.windows import parse_months
from service.problems import Problem
from service.store import audit, changed, statistics
from service.store import counties as county_store

router = APIRouter(tags=["official figures"])
CountyCode = Annotated[str, Field(pattern=r"^\d{6}$")]
Period = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}\.\.\d{4}-\d{2}$", examples=["2026-01..2026-09"])
]
Value = Annotated[Decimal, Field(max_digits=20, decimal_places=6, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FigureIn(_Model):
    """One official figure; growth of GDP and value added at constant prices only."""

    county: CountyCode
    series: Annotated[str, Field(examples=["intensity_reduction"])]
    period: Period
    value: Value
    price_base: Annotated[
        str | None, Field(pattern="^(constant|comparable|current)$", examples=["constant"])
    ] = None
    state: Annotated[str, Field(pattern="^(preliminary|verified)$")]
    source: Text


class FiguresIn(_Model):
    """Figures that are entered together: all of them or, with their errors, none."""

    figures: Annotated[list[FigureIn], Field(min_length=1, max_length=10_000)]


class TargetIn(_Model):
    """A target of a county for a period."""

    county: CountyCode
    indicator: Annotated[str, Field(pattern="^intensity_reduction$")]
    period: Period
    kind: Annotated[str, Field(pattern="^(basic|incentive)$")] = "basic"
    value: Value
    source: Text
    confirmed: bool = False


class TargetsIn(_Model):
    """Targets that are entered together."""

    targets: Annotated[list[TargetIn], Field(min_length=1, max_length=10_000)]


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


class RowError(BaseModel):
    """What is wrong with one row, and what to do."""

    row: int
    code: str
    detail: str
    detail_zh: str


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
    _refuse(await _errors(session, document.figures))
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
    known = await _known_counties(session)
    _refuse(
        [
            error
            for row, target in enumerate(document.targets)
            for error in _place_errors(row, target.county, target.period, known)
        ]
    )
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


async def _errors(session: Session, figures: Sequence[FigureIn]) -> list[RowError]:
    known = await _known_counties(session)
    errors = [
        error
        for row, figure in enumerate(figures)
        for error in (
            *_place_errors(row, figure.county, figure.period, known),
            *_series_errors(row, figure),
        )
    ]
    return errors or _contradictions(figures)


async def _known_counties(session: Session) -> set[str]:
    found = await county_store.overview(session.connection, session.permit.regions, [])
    return {county.code for county in found}


def _place_errors(row: int, county: str, period: str, known: set[str]) -> list[RowError]:
    if county not in known:
        return [
            RowError(
                row=row,
                code="unknown_county",
                detail=f"There is no county {county} that this key may enter figures for.",
                detail_zh=f"没有县区 {county}，或该密钥无权录入。",
            )
        ]
    try:
        parse_months(period)
    except ValueError:
        return [
            RowError(
                row=row,
                code="bad_period",
                detail=f"{period} is not months as 2026-01..2026-09.",
                detail_zh=f"{period} 不是 2026-01..2026-09 形式的起止月份。",
            )
        ]
    return []


def _series_errors(row: int, figure: FigureIn) -> list[RowError]:
    if (series := SERIES.get(figure.series)) is None:
        return [
            RowError(
                row=row,
                code="unknown_series",
                detail=f"There is no series {figure.series}; known are {', '.join(SERIES)}.",
                detail_zh=f"没有指标 {figure.series}；可用：{'、'.join(SERIES)}。",
            )
        ]
    if series.constant_price and figure.price_base not in ("constant", "comparable"):
        return [
            RowError(
                row=row,
                code="current_prices",
                detail=f"{series.en} is needed at constant prices; say so in price_base.",
                detail_zh=f"{series.zh}须按不变价（可比价）填报，请注明 price_base。",
            )
        ]
    return []


def _contradictions(figures: Sequence[FigureIn]) -> list[RowError]:
    """Return the rows whose three rates break 1 + g_GDP = (1 + g_E) / (1 + r)."""
    triples: dict[tuple[str, str], dict[str, tuple[int, Decimal]]] = defaultdict(dict)
    for row, figure in enumerate(figures):
        triples[figure.county, figure.period][figure.series] = (row, figure.value)
    errors = []
    for values in triples.values():
        if not {"intensity_reduction", "energy_growth", "gdp_growth"} <= values.keys():
            continue
        row, rate = values["intensity_reduction"]
        energy, gdp = values["energy_growth"][1], values["gdp_growth"][1]
        if contradicts(rate, energy, gdp):
            errors.append(
                RowError(
                    row=row,
                    code="contradiction",
                    detail=f"A reduction of {rate} % contradicts a growth of energy of {energy} %"
                    f" and of GDP of {gdp} %; check the three.",
                    detail_zh=f"降低率 {rate}% 与能耗增速 {energy}%、GDP增速 {gdp}% 不符，请核对。",
                )
            )
    return errors


def _refuse(errors: Sequence[RowError]) -> None:
    if errors:
        raise Problem(
            422,
            "rows_refused",
            f"{len(errors)} row(s) cannot be entered; none was. Correct them and send all again.",
            f"{len(errors)} 行不合规定，全部未录入；请更正后重新提交。",
            rows=[error.model_dump() for error in errors],
        )
