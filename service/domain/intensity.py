"""Official energy intensity (单位GDP能耗): the rate of reduction and its identity.

Rates are Decimal percent, a reduction is positive. Growth of GDP is at constant prices; a growth
at current prices has no place here.
"""

from decimal import Decimal

HUNDRED = Decimal(100)
ROUNDED = Decimal("0.06")  # percentage points; three published figures are rounded to 0.1


def reduction(energy_growth: Decimal, gdp_growth: Decimal) -> Decimal:
    """Return the reduction of intensity that follows from the growth of energy and of GDP."""
    return HUNDRED - (HUNDRED + energy_growth) / (HUNDRED + gdp_growth) * HUNDRED


def contradicts(
    published: Decimal, energy_growth: Decimal, gdp_growth: Decimal, decimals: int = 1
) -> bool:
    """Tell whether three published figures break 1 + g_GDP = (1 + g_E) / (1 + r).

    Each may be rounded to so many decimals.
    """
    tolerance = ROUNDED * 3 * Decimal(10) ** (1 - decimals)
    return abs(published - reduction(energy_growth, gdp_growth)) > tolerance
