"""Official figures and targets of the demo's counties: all invented, and it says so.

What is entered for a period never depends on the day on which it is entered.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from deploy.local.fleet import quarters, totals
from deploy.local.fleet.quarters import Quarter
from service.domain.windows import Months

SOURCE = "演示数据（虚构） / invented for the demo"
HUNDRED = Decimal(100)
CENT, TENTH = Decimal("0.01"), Decimal("0.1")


@dataclass(frozen=True, slots=True)
class County:
    """How a county does: its target, its growth, and how it stands to the target each quarter.

    ``cycle`` is the place at which it enters the cycle of `MARGINS`; None: it always misses.
    ``metered`` is the share of its industry's energy that the demo's meters see, ``industry``
    that of industry in its energy.
    """

    code: str
    target: Decimal
    growth: Decimal
    cycle: int | None
    metered: float
    industry: float


COUNTIES = (
    County("620602", Decimal("2.60"), Decimal("6.2"), 0, 0.28, 0.50),  # the prefecture's town
    County("620621", Decimal("2.70"), Decimal("6.8"), 1, 0.82, 0.78),
    County("620622", Decimal("2.60"), Decimal("5.9"), 2, 0.78, 0.75),
    County("620623", Decimal("2.90"), Decimal("5.4"), None, 0.86, 0.80),
)
# Shares of the target by which it is passed or missed. Of the three counties in the cycle two are
# green and one is yellow in any quarter, and one that was green turns yellow in the next.
MARGINS = (Decimal("0.11"), Decimal("0.05"), Decimal("-0.06"))
MISSED = Decimal("-0.31")  # beyond a tenth: red
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
    return Documents({"targets": targets}, {"figures": figures})


def of_quarter(quarter: Quarter) -> list[dict[str, Any]]:
    """Return the three rates of all counties, which satisfy 1 + g_GDP = (1 + g_E) / (1 + r)."""
    rows = []
    for county in COUNTIES:
        growth = county.growth + TENTH * (quarter.order * 7 % 5 - 2)
        reduced = reduction(county, quarter)
        energy = (HUNDRED + growth) * (HUNDRED - reduced) / HUNDRED - HUNDRED
        months = quarter.months
        rows += [
            _figure(county, "intensity_reduction", months, reduced),
            _figure(county, "energy_growth", months, energy.quantize(CENT)),
            {**_figure(county, "gdp_growth", months, growth), "price_base": "constant"},
        ]
    return rows


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
