"""A figure against its subject's own past: bands that the operator sets.

No document gives these numbers; they are leads, to be confirmed by the operator. A band is
reached only when the figure also lies outside what the subject's own past windows spread over,
so that a plant with an irregular week is not reported every week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from schemas.indicators import Level
from service.domain.alerts import Judgement

NAME = "own_baseline"
SOURCE = "operator's own bands, to be confirmed"
LABELS = {
    Level.GREEN: "正常",
    Level.YELLOW: "偏高",
    Level.ORANGE: "明显偏高",
    Level.RED: "严重偏高",
}
BANDS = {Level.YELLOW: 0.10, Level.ORANGE: 0.20, Level.RED: 0.30}  # above the baseline
DEADBAND = 0.02  # below a band, in which nothing starts or ends
SPREADS = 3.0  # standard deviations of the past windows
LEAST_SPREAD = 0.01  # of the baseline
FEWEST_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class Baseline:
    """Mean and standard deviation of past windows, in the unit of the figure."""

    mean: float
    spread: float
    windows: int


def baseline(past: Sequence[float]) -> Baseline | None:
    """Return the baseline of past windows; None when there are too few to tell."""
    if len(past) < FEWEST_WINDOWS:
        return None
    mean = fmean(past)
    return Baseline(mean, max(stdev(past), LEAST_SPREAD * abs(mean)), len(past))


def judge(value: float | None, past: Baseline | None) -> Judgement:
    """Return how far a figure lies above its baseline; without either nothing can be told."""
    if value is None or past is None or past.mean <= 0:
        return Judgement(None, dict.fromkeys(BANDS))
    above = value / past.mean - 1
    unusual = value - past.mean > SPREADS * past.spread
    breached: dict[Level, bool | None] = {}
    for level, band in BANDS.items():
        if above >= band and unusual:
            breached[level] = True
        else:
            breached[level] = False if above < band - DEADBAND else None
    reached = [level for level, is_reached in breached.items() if is_reached]
    return Judgement(max(reached, default=Level.GREEN), breached)
