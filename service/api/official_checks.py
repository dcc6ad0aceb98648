"""What can be wrong with one row of official figures by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from schemas.official import CONSTANT, GDP, SERIES, Of, Prices, Series, State
from schemas.quantities import CATALOGUE, Group
from service.api.official_amounts import price_errors, unknown_unit, value_errors
from service.api.official_rows import (
    FigureIn,
    RowError,
    bad_period,
    row_error,
    unknown_county,
)
from service.domain import numerals, period_text
from service.domain.windows import Months

PRODUCTS = {code: q for code, q in CATALOGUE.items() if q.group is Group.PRODUCT}


@dataclass(frozen=True, slots=True)
class Places:
    """Counties and enterprises that the caller may enter figures for."""

    counties: frozenset[str]
    enterprises: Mapping[str, tuple[int, str]]  # id and county by social credit code


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is right by itself, as it is stored."""

    row: int
    county_code: str
    enterprise_id: int | None
    series: Series
    product: str | None
    period: Months
    price_base: str | None
    value: Decimal
    unit: str
    state: State
    source: str
    confirm: bool
    reason: str | None


def check(row: int, figure: FigureIn, places: Places, today: date) -> Row | list[RowError]:
    """Return a row as it is stored, or all that is wrong with it."""
    series = SERIES.get(figure.series)
    if series is None:
        return [*_place_errors(row, figure, places), _unknown_series(row, figure.series)]
    unit = PRODUCTS[figure.product].unit if figure.product in PRODUCTS else series.unit
    times = Decimal(1) if figure.unit is None else numerals.factor(figure.unit, unit)
    period = period_text.read(figure.period)
    errors = [
        *_place_errors(row, figure, places),
        *_period_errors(row, figure.period, period, today),
        *_subject_errors(row, figure, series),
        *price_errors(row, figure, series),
        *_state_errors(row, figure, series),
    ]
    if times is None:
        errors.append(unknown_unit(row, figure, unit))
    else:
        errors += value_errors(row, figure, series, figure.value * times)
    if errors or times is None or period is None:
        return errors
    enterprise, county = None, figure.county
    if figure.enterprise is not None:
        enterprise, county = places.enterprises[figure.enterprise]
    return Row(
        row, county or "", enterprise, series, figure.product, period,
        _price_base(figure, series), figure.value * times, unit, figure.state, figure.source,
        figure.confirm, figure.reason,
    )  # fmt: skip


def _place_errors(row: int, figure: FigureIn, places: Places) -> Iterator[RowError]:
    if figure.enterprise is None:
        if figure.county is None:
            yield row_error(
                row, "county", "no_subject", None,
                "Whose figure is it? Give a county, or an enterprise's social credit code.",
                "缺少主体：请填县区代码，或企业统一社会信用代码。",
            )  # fmt: skip
        elif figure.county not in places.counties:
            yield unknown_county(row, figure.county)
        return
    if (found := places.enterprises.get(figure.enterprise)) is None:
        yield row_error(
            row, "enterprise", "unknown_enterprise", figure.enterprise,
            f"There is no enterprise {figure.enterprise} that this key may enter figures for;"
            " enter it in the register first.",
            f"没有企业 {figure.enterprise}，或该密钥无权录入；请先在名录中登记。",
        )  # fmt: skip
    elif figure.county not in (None, found[1]):
        yield row_error(
            row, "county", "other_county", figure.county,
            f"The enterprise lies in {found[1]}, not in {figure.county}.",
            f"该企业属于 {found[1]}，不属于 {figure.county}。",
        )  # fmt: skip


def _period_errors(row: int, text: str, period: Months | None, today: date) -> Iterator[RowError]:
    if period is None:
        yield bad_period(row, text)
    elif period.stop > today:
        yield row_error(
            row, "period", "period_not_over", text,
            f"The period {text} is not over; an official figure is of a closed one.",
            f"{text} 尚未结束；只能录入已结束时期的数据。",
        )  # fmt: skip


def _subject_errors(row: int, figure: FigureIn, series: Series) -> Iterator[RowError]:
    of = Of.COUNTY if figure.enterprise is None else Of.ENTERPRISE
    if of not in series.of:
        yield row_error(
            row, "series", "wrong_subject", series.code,
            f"{series.code} is a figure of a {series.of[0]}, not of a {of}.".replace(
                " a enterprise", " an enterprise"
            ),
            f"{series.zh}是{'县区' if series.of[0] is Of.COUNTY else '企业'}指标。",
        )  # fmt: skip
    if series.by_product and figure.product not in PRODUCTS:
        yield row_error(
            row, "product", "unknown_product", figure.product,
            f"{series.en} needs a product, one of: {', '.join(PRODUCTS)}.",
            f"{series.zh}须注明产品：{'、'.join(q.zh for q in PRODUCTS.values())}。",
        )  # fmt: skip
    if not series.by_product and figure.product is not None:
        yield row_error(
            row, "product", "unwanted_product", figure.product,
            f"{series.en} is of no product; leave product empty.",
            f"{series.zh}不分产品，请将产品留空。",
        )  # fmt: skip


def _price_base(figure: FigureIn, series: Series) -> str | None:
    """Return the price base as it is stored; growth and reductions have one only."""
    is_rate = series.prices in (Prices.RATE, Prices.IMPLIED)
    return CONSTANT if is_rate else figure.price_base


def _state_errors(row: int, figure: FigureIn, series: Series) -> Iterator[RowError]:
    if series.code in GDP and figure.state is State.FLASH:
        yield row_error(
            row, "state", "no_flash", figure.state,
            "There is no flash figure of GDP; it is preliminary or verified.",
            "地区生产总值没有快报，只有初步核算、最终核实。",
        )  # fmt: skip
    if figure.confirm and figure.reason is None:
        yield row_error(
            row, "reason", "no_reason", None,
            "A contradiction is confirmed with its reason; fill it in.",
            "确认录入须写明原因。",
        )  # fmt: skip


def _unknown_series(row: int, series: str) -> RowError:
    return row_error(
        row, "series", "unknown_series", series,
        f"There is no series {series}; GET /api/v1/statistics/series lists them.",
        f"没有指标 {series}；指标目录见 GET /api/v1/statistics/series。",
    )  # fmt: skip
