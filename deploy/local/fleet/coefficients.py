"""Coal equivalents that the demo's enterprises need, kgce for one catalogue unit."""

from datetime import date
from typing import Any

from schemas.quantities import CATALOGUE

# GB/T 2589-2020, appendix A, as the migrations enter them
STANDARD = {"electricity": 0.1229, "raw_coal": 714.3, "washed_coal": 900.0, "coke": 971.4}
OPERATOR = {"natural_gas": 1.2143, "coke_oven_gas": 0.6}  # within the ranges of the standard
CALORIFIC = STANDARD | OPERATOR | {"electricity_reverse": STANDARD["electricity"]}
SOURCE = "演示系数（虚构，待运行单位确认） / invented for the demo, to be confirmed by the operator"
_ELECTRICITY_2025, _FALL_A_YEAR = 0.3025, 0.0015  # kgce/kWh by coal consumption (等价值), invented


def electricity_by_coal_consumption(year: int) -> float:
    """Return the invented value of electricity by coal consumption (等价值) in a year, kgce/kWh."""
    return round(_ELECTRICITY_2025 - _FALL_A_YEAR * (year - 2025), 4)


def by_coal_consumption(quantity: str, year: int) -> float:
    """Return what one unit of a carrier is in kgce, electricity by coal consumption."""
    if CATALOGUE[quantity].carrier == "electricity":
        return electricity_by_coal_consumption(year)
    return CALORIFIC[quantity]


def rows(today: date) -> list[dict[str, Any]]:
    """Return the coefficients to enter: the operator's own, and electricity of two years."""
    first = date(today.year - 1, 1, 1)
    found = [_row(quantity, "calorific", kgce, first) for quantity, kgce in OPERATOR.items()]
    for year in (today.year - 1, today.year):
        kgce = electricity_by_coal_consumption(year)
        found.append(_row("electricity", "coal_consumption", kgce, date(year, 1, 1)))
    return found


def _row(quantity: str, method: str, kgce: float, valid_from: date) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "method": method,
        "kgce_per_unit": kgce,
        "valid_from": valid_from.isoformat(),
        "source": SOURCE,
        "confirmed": False,
    }
