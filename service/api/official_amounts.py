"""What can be wrong with the amount of an official figure: value, unit and price base."""

from collections.abc import Iterator
from decimal import Decimal

from schemas.official import BASE_YEARS, CONSTANT, CURRENT, Prices, Series
from schemas.official_units import UNITS
from service.api.official_rows import FigureIn, RowError, row_error

LARGEST = Decimal(10) ** 15  # of any figure, in its series' unit


def price_errors(row: int, figure: FigureIn, series: Series) -> Iterator[RowError]:
    """Yield what is wrong with the price base of a figure."""
    given = figure.price_base
    rates = (CONSTANT, "comparable", *BASE_YEARS)
    match series.prices:
        case Prices.RATE if given not in rates:
            yield _current(row, given, series)
        case Prices.IMPLIED if given is not None and given not in rates:
            yield _current(row, given, series)
        case Prices.LEVEL if given not in (CURRENT, *BASE_YEARS):
            yield row_error(
                row, "price_base", "no_price_base", given,
                f"{series.en} is money: give price_base, `current` or the base year of constant"
                " prices (2015, 2020, 2025).",
                f"{series.zh}须注明价格：现价（current）或不变价基期年份（2015、2020、2025）。",
            )  # fmt: skip
        case Prices.NONE if given is not None:
            yield row_error(
                row, "price_base", "unwanted_price_base", given,
                f"{series.en} is not money; leave price_base empty.",
                f"{series.zh}不是价值量指标，请将价格基准留空。",
            )  # fmt: skip


def _current(row: int, given: str | None, series: Series) -> RowError:
    return row_error(
        row, "price_base", "current_prices", given,
        f"{series.en} is needed at constant prices; say so in price_base.",
        f"{series.zh}须按不变价（可比价）填报，请注明 price_base。",
    )  # fmt: skip


def value_errors(row: int, figure: FigureIn, series: Series, value: Decimal) -> Iterator[RowError]:
    """Yield what is wrong with a value in its series' unit."""
    if abs(value) >= LARGEST:
        yield row_error(
            row, "value", "too_large", figure.value,
            f"{figure.value} is too large for any figure; check the unit.",
            f"{figure.value} 过大，请核对单位。",
        )  # fmt: skip
    if value < 0 and not series.signed:
        yield row_error(
            row, "value", "negative", figure.value,
            f"{series.en} cannot be negative.",
            f"{series.zh}不能为负。",
        )  # fmt: skip
    is_reduction = series.prices is Prices.IMPLIED
    if series.unit == "%" and ((value >= 100) if is_reduction else (value <= -100)):
        yield row_error(
            row, "value", "impossible_rate", figure.value,
            "Nothing falls by 100 % or more and is still rated; check the value and its unit.",
            "降幅不能达到或超过 100%，请核对数值与单位。",
        )  # fmt: skip


def unknown_unit(row: int, figure: FigureIn, unit: str) -> RowError:
    """Return that a unit is none of the series."""
    known = ", ".join(UNITS.get(unit, {}))
    return row_error(
        row, "unit", "unknown_unit", figure.unit,
        f"{figure.unit} is no unit of this series; known are {known}.",
        f"{figure.unit} 不是该指标的计量单位；可用：{known}。",
    )  # fmt: skip
