"""How far a printed figure may be from the one it was rounded from."""

from decimal import Decimal

HALF = Decimal("0.5")
COARSEST_RATE = Decimal("0.05")  # bulletins print rates to 0.1 at least
COARSEST_LEVEL = Decimal("0.001")  # of a level, however many zeros it ends in


def of_rate(value: Decimal) -> Decimal:
    """Return half the last printed place of a percentage, at most 0.05."""
    return min(HALF.scaleb(_exponent(value)), COARSEST_RATE)


def of_level(value: Decimal) -> Decimal:
    """Return half the last significant place of a level, at most a thousandth of it.

    Zeros at the end do not count as printed: 612.3 亿元 is stored as 6123000 万元.
    """
    return min(HALF.scaleb(_exponent(value.normalize())), abs(value) * COARSEST_LEVEL)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
