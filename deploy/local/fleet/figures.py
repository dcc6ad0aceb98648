"""Official figures and targets of the demo's counties: all invented, and it says so.

What is entered for a period never depends on the day on which it is entered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from deploy.local.fleet import quarters, totals
from deploy.local.fleet.enterprises import enterprises
from deploy.local.fleet.quarters import Quarter
from service.domain.windows import Months, shift

SOURCE = "演示数据（虚构） / invented for the demo"
HUNDRED = Decimal(100)
CENT, TENTH = Decimal("0.01"), Decimal("0.1")


@dataclass(frozen=True, slots=True)
class County:
    """How a county does: its target, its growth, and how it stands to the target each quarter.

    ``cycle`` is the place at which it enters the cycle of `MARGINS`; None: it always misses.
    ``metered`` is the share of its industry's energy that the demo's meters see, ``industry``
    that of industry in its energy, ``feedstock`` that of its energy which is made into products.
    """

    code: str
    target: Decimal
    growth: Decimal
    cycle: int | None
    metered: float
    industry: float
    feedstock: Decimal


COUNTIES = (
    County(
        "620602", Decimal("2.60"), Decimal("6.2"), 0, 0.28, 0.50, Decimal("0.01")
    ),  # the prefecture's town
    County("620621", Decimal("2.70"), Decimal("6.8"), 1, 0.82, 0.78, Decimal("0.06")),
    County("620622", Decimal("2.60"), Decimal("5.9"), 2, 0.78, 0.75, Decimal("0.18")),
    County("620623", Decimal("2.90"), Decimal("5.4"), None, 0.86, 0.80, Decimal("0.02")),
)
# Shares of the target by which it is passed or missed. Of the three counties in the cycle two are
# green and one is yellow in any quarter, and one that was green turns yellow in the next.
MARGINS = (Decimal("0.11"), Decimal("0.05"), Decimal("-0.06"))
MISSED = Decimal("-0.31")  # beyond a tenth: red
YEAR = 2025  # whose energy and output are entered as levels
INTENSITY = Decimal("0.92")  # tce for 10,000 yuan
EARLIER = Decimal("0.86")  # of the energy, five years before
RENEWABLE, WEAKER, LEAST = Decimal("0.09"), Decimal("0.08"), Decimal("0.04")  # of the energy
KWH_PER_TCE = Decimal(3_300)
DRIFT = (Decimal("-0.02"), Decimal("0.00"), Decimal("0.01"), Decimal("0.02"))  # by quarter


@dataclass(frozen=True, slots=True)
class Documents:
    """The bodies of ``POST /api/v1/targets`` and ``POST /api/v1/statistics``."""

    targets: dict[str, Any]
    statistics: dict[str, Any]


def documents(today: date, series: Path | None = None) -> Documents:
    """Return what is entered at the start; the newest quarter is held back.

    Energy of industry is in step with what the fleet's own meters count.
    """
    targets = [_target(county, y) for county in COUNTIES for y in (today.year - 1, today.year)]
    figures = [row for quarter in quarters.published(today)[:-1] for row in of_quarter(quarter)]
    figures += _of_industry(today, series)
    figures += _on_bases(today, series)
    return Documents({"targets": targets}, {"figures": figures})


def of_quarter(quarter: Quarter) -> list[dict[str, Any]]:
    """Return the three rates of all counties, which satisfy 1 + g_GDP = (1 + g_E) / (1 + r)."""
    rows = []
    for county in COUNTIES:
        growth = _growth(county, quarter)
        reduced = reduction(county, quarter)
        energy = (HUNDRED + growth) * (HUNDRED - reduced) / HUNDRED - HUNDRED
        months = quarter.months
        rows += [
            _figure(county, "intensity_reduction", months, reduced),
            _figure(county, "energy_growth", months, energy.quantize(CENT)),
            {**_figure(county, "gdp_growth", months, growth), "price_base": "constant"},
        ]
    return rows


def _growth(county: County, quarter: Quarter) -> Decimal:
    """Return the growth of a county's GDP, cumulated to a quarter, in percent."""
    return county.growth + TENTH * (quarter.order * 7 % 5 - 2)


def reduction(county: County, quarter: Quarter) -> Decimal:
    """Return the reduction of a county's intensity, cumulated to a quarter, in percent."""
    margin = MISSED
    if county.cycle is not None:
        margin = MARGINS[(quarter.order + county.cycle) % len(MARGINS)]
    return (county.target * (1 + margin + DRIFT[quarter.number - 1])).quantize(CENT)


def _target(county: County, year: int) -> dict[str, Any]:
    months = Months(date(year, 1, 1), date(year, 12, 1))
    return {
        "county": county.code,
        "indicator": "intensity_reduction",
        "period": str(months),
        "kind": "basic",
        "value": str(county.target),
        "source": SOURCE,
    }


def _of_industry(today: date, series: Path | None) -> list[dict[str, Any]]:
    rows = []
    for county in COUNTIES:
        for months in quarters.published_months(today):
            energy = _industrial_tce(county, months, series)
            before = _industrial_tce(county, months.year_before(), series)
            rate = Decimal(100 * (energy / before - 1)).quantize(TENTH)
            rows.append(_figure(county, "industrial_energy", months, Decimal(round(energy))))
            rows.append(_figure(county, "industrial_energy_growth", months, rate))
            if months.last.month == 12:
                total = Decimal(round(energy / county.industry))
                rows.append(_figure(county, "energy_total", months, total))
    return rows


def _on_bases(today: date, series: Path | None) -> Iterator[dict[str, Any]]:
    """Yield energy and output of a year, of the one before and of 2020, and what is taken off.

    Levels agree with the rates of the year's last quarter, which has to be out.
    """
    last_quarter = Quarter(YEAR, 4)
    if last_quarter not in quarters.published(today)[:-1]:
        return
    months = last_quarter.months
    before, base = months.year_before(), Months(date(2020, 1, 1), date(2020, 12, 1))
    for county in COUNTIES:
        energy = Decimal(round(_industrial_tce(county, months, series) / county.industry))
        growth, reduced = _growth(county, last_quarter), reduction(county, last_quarter)
        rise = (HUNDRED + growth) * (HUNDRED - reduced) / HUNDRED / HUNDRED
        gdp = energy / INTENSITY
        if today.year - 1 != YEAR:  # else it stands among the figures of industry
            yield _figure(county, "energy_total", months, energy)
        for at, tce, money, renewable in (
            (months, energy, gdp, RENEWABLE),
            (before, energy / rise, gdp * HUNDRED / (HUNDRED + growth), WEAKER),
            (base, energy * EARLIER, gdp * EARLIER * EARLIER, LEAST),
        ):
            if at != months:
                yield _whole(county, "energy_total", at, tce)
            yield {**_whole(county, "gdp", at, money), "price_base": "2020"}
            yield _whole(county, "feedstock_energy", at, tce * county.feedstock)
            yield _whole(county, "renewable_electricity", at, tce * renewable * KWH_PER_TCE)
    yield from _without_renewables()


def _without_renewables() -> Iterator[dict[str, Any]]:
    """Yield that enterprises had no renewable electricity in any stretch of 2020."""
    for item in enterprises(None):
        if not item.entry.no_renewables_in_2020:
            continue
        for month in (date(2020, number, 1) for number in range(1, 13)):
            for first in dict.fromkeys((month, date(2020, 1, 1), shift(month, -11))):
                yield {
                    "enterprise": item.uscc, "series": "renewable_electricity", "value": "0",
                    "period": str(Months(first, month)), "state": "preliminary", "source": SOURCE,
                }  # fmt: skip


def _whole(county: County, series: str, months: Months, value: Decimal) -> dict[str, Any]:
    return _figure(county, series, months, value.quantize(Decimal(1)))


def _industrial_tce(county: County, months: Months, series: Path | None) -> float:
    metered = totals.above_scale_tce(county.code, months, series)
    return metered / (county.metered * (1 + 0.004 * (months.last.month % 3 - 1)))


def _figure(county: County, series: str, months: Months, value: Decimal) -> dict[str, Any]:
    return {
        "county": county.code,
        "series": series,
        "period": str(months),
        "value": str(value),
        "state": "preliminary",
        "source": SOURCE,
    }
