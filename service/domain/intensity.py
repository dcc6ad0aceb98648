"""Official energy intensity (单位GDP能耗): levels, the rate of reduction, and its identity.

Rates are Decimal percent, a reduction is positive. Money is at the constant prices of a base
year; current prices have no place here, and levels at prices of different years are never
compared: across a change of base rates are chained (2015 prices for 2016-2020, then 2020 prices).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

HUNDRED = Decimal(100)
ROUNDED = Decimal("0.06")  # percentage points; three published figures are rounded to 0.1
HUNAN = 4  # decimals that Hunan keeps of an intensity before it divides (tjj.hunan.gov.cn, 2016)
CURRENT = "current"


class Refusal(StrEnum):
    """Why figures give no intensity."""

    CURRENT_PRICES = "current_prices"
    NO_PRICE_BASE = "no_price_base"
    MIXED_BASES = "mixed_price_bases"
    NO_OUTPUT = "no_output"  # nothing to divide by


class Incomparable(ValueError):
    """These figures give no intensity; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Output:
    """GDP or value added in 10,000 yuan, and its price base: ``current``, or a base year."""

    money_10k_cny: Decimal
    price_base: str | None


def intensity(energy_tce: Decimal, output: Output, decimals: int | None = None) -> Decimal:
    """Return tce per 10,000 yuan, rounded half up to so many decimals; raises Incomparable."""
    if output.price_base is None:
        raise Incomparable(Refusal.NO_PRICE_BASE)
    if output.price_base == CURRENT:
        raise Incomparable(Refusal.CURRENT_PRICES)
    if output.money_10k_cny <= 0:
        raise Incomparable(Refusal.NO_OUTPUT)
    level = energy_tce / output.money_10k_cny
    return (
        level if decimals is None else level.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    )


def reduction_of_levels(
    energy_tce: Decimal,
    output: Output,
    energy_before_tce: Decimal,
    output_before: Output,
    decimals: int | None = None,
) -> Decimal:
    """Return the reduction from one period to another in percent; raises Incomparable."""
    before = intensity(energy_before_tce, output_before, decimals)
    after = intensity(energy_tce, output, decimals)
    if output.price_base != output_before.price_base:
        raise Incomparable(Refusal.MIXED_BASES)
    if before <= 0:
        raise Incomparable(Refusal.NO_OUTPUT)
    return HUNDRED - after / before * HUNDRED


def reduction(energy_growth: Decimal, gdp_growth: Decimal) -> Decimal:
    """Return the reduction of intensity that follows from the growth of energy and of GDP."""
    if gdp_growth <= -HUNDRED:
        raise Incomparable(Refusal.NO_OUTPUT)
    return HUNDRED - (HUNDRED + energy_growth) / (HUNDRED + gdp_growth) * HUNDRED


def growth_of_output(reduced: Decimal, energy_growth: Decimal) -> Decimal:
    """Return the growth of GDP that follows from a reduction and the growth of energy."""
    return (HUNDRED + energy_growth) / (HUNDRED - reduced) * HUNDRED - HUNDRED


def contradicts(
    published: Decimal, energy_growth: Decimal, gdp_growth: Decimal, decimals: int = 1
) -> bool:
    """Tell whether three published figures break 1 + g_GDP = (1 + g_E) / (1 + r).

    Each may be rounded to so many decimals.
    """
    tolerance = ROUNDED * 3 * Decimal(10) ** (1 - decimals)
    return abs(published - reduction(energy_growth, gdp_growth)) > tolerance


def chained(reductions: Iterable[Decimal]) -> Decimal:
    """Return the reduction over several years: R_n = 1 - Π(1 - r_t), in percent."""
    left = Decimal(1)
    for rate in reductions:
        left *= 1 - rate / HUNDRED
    return (1 - left) * HUNDRED


def yearly(
    energy_tce: Mapping[int, Decimal], outputs: Mapping[int, Mapping[str, Decimal]]
) -> dict[int, Decimal]:
    """Return the reduction of each year against the one before, by levels in any price base.

    ``outputs`` are 10,000 yuan by year and price base. Two years are compared at the newest base
    year that both are known at, so rates can be chained where the base changes. Years without the
    one before are left out; raises Incomparable where two have no base in common.
    """
    rates = {}
    for year in sorted(energy_tce.keys() & outputs.keys()):
        if year - 1 not in energy_tce or year - 1 not in outputs:
            continue
        base = common_base(outputs[year], outputs[year - 1])
        rates[year] = reduction_of_levels(
            energy_tce[year],
            Output(outputs[year][base], base),
            energy_tce[year - 1],
            Output(outputs[year - 1][base], base),
        )
    return rates


def common_base(one: Iterable[str], other: Iterable[str]) -> str:
    """Return the newest base year that two periods are known at; raises Incomparable."""
    one, other = set(one), set(other)
    if shared := (one & other) - {CURRENT}:
        return max(shared)
    if not one - {CURRENT} or not other - {CURRENT}:
        raise Incomparable(Refusal.CURRENT_PRICES)
    raise Incomparable(Refusal.MIXED_BASES)
