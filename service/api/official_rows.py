"""Rows of official figures and targets as they are entered, and what can be wrong with them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.official import SERIES
from service.domain.intensity import contradicts
from service.domain.windows import parse_months
from service.problems import Problem

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


class RowError(BaseModel):
    """What is wrong with one row, and what to do."""

    row: int
    code: str
    detail: str
    detail_zh: str


def figure_errors(figures: Sequence[FigureIn], known: Collection[str]) -> list[RowError]:
    """Return what is wrong with figures that are entered together, of counties known here."""
    errors = [
        error
        for row, figure in enumerate(figures)
        for error in (
            *_place_errors(row, figure.county, figure.period, known),
            *_series_errors(row, figure),
        )
    ]
    return errors or _contradictions(figures)


def target_errors(targets: Sequence[TargetIn], known: Collection[str]) -> list[RowError]:
    """Return what is wrong with targets that are entered together, of counties known here."""
    return [
        error
        for row, target in enumerate(targets)
        for error in _place_errors(row, target.county, target.period, known)
    ]


def refuse(errors: Sequence[RowError]) -> None:
    """Raise the problem that lists all errors, if there are any."""
    if errors:
        raise Problem(
            422,
            "rows_refused",
            f"{len(errors)} row(s) cannot be entered; none was. Correct them and send all again.",
            f"{len(errors)} 行不合规定，全部未录入；请更正后重新提交。",
            rows=[error.model_dump() for error in errors],
        )


def _place_errors(row: int, county: str, period: str, known: Collection[str]) -> list[RowError]:
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
