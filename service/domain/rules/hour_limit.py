"""The clock-hour mean of an outlet against its limit: suspected exceedance (涉嫌超标).

A value above the limit is suspected until people have verified it. The second level, twice the
limit (超标倍数 1), is a common practice without a document: to be confirmed by the operator.
"""

from schemas.indicators import Level
from service.domain.alerts import Judgement

NAME = "hour_limit"
SOURCE = "the outlet's limit; twice the limit by practice, to be confirmed"
LABELS = {Level.GREEN: "达标", Level.YELLOW: "涉嫌超标", Level.RED: "涉嫌超标1倍以上"}
MULTIPLES = {Level.YELLOW: 1.0, Level.RED: 2.0}


def judge(mean: float | None, limit: float | None, *, valid: bool) -> Judgement:
    """Return whether an hour exceeds; an hour that is not valid proves nothing, either way."""
    if mean is None or limit is None or not valid:
        return Judgement(None, dict.fromkeys(MULTIPLES))
    breached = {
        Level.YELLOW: mean > MULTIPLES[Level.YELLOW] * limit,
        Level.RED: mean >= MULTIPLES[Level.RED] * limit,
    }
    reached = [level for level, is_reached in breached.items() if is_reached]
    return Judgement(max(reached, default=Level.GREEN), breached)
