"""Progress targets (进度目标): what of a reduction over years is due after some of them.

Both definitions are in use: linear, a fifth of the task each year (district scoring tables), and
compound, the same rate each year. All figures are Decimal percent.
"""

from decimal import Decimal

HUNDRED = Decimal(100)


def annual_rate(target: Decimal, years: int) -> Decimal:
    """Return the yearly reduction that compounds to a target exactly: 12 in 5 years is 2.5243."""
    return HUNDRED - HUNDRED * (1 - target / HUNDRED) ** (Decimal(1) / years)


def compound_due(target: Decimal, years: int, elapsed: int) -> Decimal:
    """Return the reduction due after some years at the same rate each year."""
    return HUNDRED - HUNDRED * (1 - target / HUNDRED) ** (Decimal(elapsed) / years)


def linear_due(target: Decimal, years: int, elapsed: int) -> Decimal:
    """Return the reduction due after some years at the same share of the target each year."""
    return target * elapsed / years
