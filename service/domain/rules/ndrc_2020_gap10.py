"""晴雨表 of dual control, 2020: the gap to the progress target, against a tenth of the target.

Source: 发改办环资〔2020〕901号 (the first three quarters of 2020). The rule prints 一级 for the
worst level; it says nothing of a target of zero and of rounding.

======  =======  ======  ===========================================================
target  actual   level   case
======  =======  ======  ===========================================================
 2.52    2.52    GREEN   met to the hundredth
 2.52    2.268   YELLOW  a gap of exactly a tenth of the target is within it
 2.52    2.267   RED     just beyond
-2.17   -2.27    YELLOW  Anhui 2020: a rise of 2.27 against a permitted 2.17
 0       -0.01   RED     any shortfall from zero: ours, the rule is silent
======  =======  ======  ===========================================================
"""

from decimal import Decimal

from schemas.indicators import Level

NAME = "ndrc_2020_gap10"
SOURCE = "发改办环资〔2020〕901号"
YELLOW_SHARE = Decimal("0.10")  # of the size of the target
LABELS = {Level.RED: "一级", Level.YELLOW: "二级", Level.GREEN: "三级"}


def judge(target: Decimal | None, actual: Decimal | None) -> Level | None:
    """Return the level of one county in one period; None when it cannot be rated.

    Both are reductions of energy intensity in percent, so a negative target is a rise that is
    permitted. Nothing is rounded before the comparison.
    """
    if target is None or actual is None:
        return None
    shortfall = target - actual
    if shortfall <= 0:
        return Level.GREEN
    return Level.YELLOW if shortfall <= YELLOW_SHARE * abs(target) else Level.RED
