"""A figure against its subject's own past: bands that the operator sets.

No document gives these numbers; they are leads, to be confirmed by the operator. A band is
reached only when the figure also lies outside what the subject's own past windows spread over,
so that a plant with an irregular week is not reported every week.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def baselines(past: NDArray[np.float64]) -> list[Baseline | None]:
    """Return the baseline of each row of past windows; None where too few of them are known.

    NaN is unknown; the spread is the sample's standard deviation.
    """
    known = ~np.isnan(past)
    windows = known.sum(axis=1)
    divisor = np.maximum(windows, 1)
    mean = np.where(known, past, 0.0).sum(axis=1) / divisor
    squares = np.where(known, past - mean[:, np.newaxis], 0.0) ** 2
    spread = np.sqrt(squares.sum(axis=1) / np.maximum(windows - 1, 1))
    spread = np.maximum(spread, LEAST_SPREAD * np.abs(mean))
    return [
        Baseline(*found) if found[2] >= FEWEST_WINDOWS else None
        for found in zip(mean.tolist(), spread.tolist(), windows.tolist(), strict=True)
    ]


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
