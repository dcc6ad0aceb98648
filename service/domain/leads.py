"""Energy and unit consumption over rolling windows, each against its subject's own past."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.indicators import Measured
from service.domain.alerts import Judgement
from service.domain.rules import own_baseline
from service.domain.rules.own_baseline import Baseline, baseline
from service.domain.validity import COMPLETE, completeness

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A rolling window and the past windows of its length that it is compared with.

    A day is compared with the same weekday of the weeks before.
    """

    name: str
    length: timedelta
    apart: timedelta
    past: int

    @property
    def reach(self) -> timedelta:
        """Return how far before its end the oldest past window begins."""
        return self.length + self.past * self.apart


WINDOWS = (
    Window("24h", DAY, 7 * DAY, 8),
    Window("7d", 7 * DAY, 7 * DAY, 8),
    Window("30d", 30 * DAY, 30 * DAY, 6),
)
REACH = max(window.reach for window in WINDOWS)
ZH = {"24h": "24小时", "7d": "7天", "30d": "30天"}


@dataclass(frozen=True, slots=True)
class Sums:
    """What one window holds: kgce, output in the product's unit, and the share measured."""

    kgce: float
    output: float
    completeness: float | None


class Series:
    """Energy and output on a regular grid, summed over any of its windows at once.

    An unknown energy (a carrier without a coefficient) makes every window that holds it unknown.
    """

    def __init__(self, start: datetime, step: timedelta, length: int, meters: int) -> None:
        self._start, self._step, self._meters = start, step, meters
        self._values = np.zeros((3, length + 1))  # kgce, output, seconds measured
        self._sums: NDArray[np.float64] | None = None

    def add(
        self, at: datetime, kgce: float | None, output: float | None, measured_s: float
    ) -> None:
        """Add what one step of the grid holds; ``at`` is its start."""
        place = (at - self._start) // self._step
        self._values[:, place + 1] += (
            float("nan") if kgce is None and measured_s else kgce or 0.0,
            output or 0.0,
            measured_s,
        )

    def between(self, start: datetime, stop: datetime) -> Sums:
        """Return the sums of [start, stop); both lie on the grid."""
        if self._sums is None:
            self._sums = np.cumsum(np.nan_to_num(self._values), axis=1)
            unknown = np.cumsum(np.isnan(self._values[0]))
            self._sums = np.vstack([self._sums, unknown])
        first, last = (start - self._start) // self._step, (stop - self._start) // self._step
        kgce, output, measured_s, unknown_steps = self._sums[:, last] - self._sums[:, first]
        return Sums(
            float("nan") if unknown_steps else float(kgce),
            float(output),
            completeness(float(measured_s), self._meters * (stop - start).total_seconds()),
        )


Figure = Callable[[Sums], float | None]


def energy_tce(sums: Sums) -> float | None:
    """Return the energy in tce; None where it is unknown or nothing was measured."""
    return None if np.isnan(sums.kgce) or not sums.completeness else sums.kgce / 1000


def unit_consumption(sums: Sums) -> float | None:
    """Return kgce for each unit of product; None without output or energy."""
    if np.isnan(sums.kgce) or not sums.completeness or sums.output <= 0:
        return None
    return sums.kgce / sums.output


@dataclass(frozen=True, slots=True)
class Lead:
    """A figure of one window, its baseline, and what both rest on."""

    window: Window
    value: float | None
    baseline: Baseline | None
    sums: Sums

    def inputs(self) -> dict[str, Any]:
        """Return what the figure was computed from."""
        return {
            "kgce": None if np.isnan(self.sums.kgce) else round(self.sums.kgce, 3),
            "output": round(self.sums.output, 3),
            "baseline": None
            if self.baseline is None
            else {
                "mean": self.baseline.mean,
                "spread": self.baseline.spread,
                "windows": self.baseline.windows,
            },
        }


def measure(
    series: Series, as_of: datetime, windows: Sequence[Window], figure: Figure
) -> Iterator[Lead]:
    """Yield the figure of each window that ends at an instant.

    A figure of which too little was measured is not judged, nor is it part of a baseline.
    """
    for window in windows:
        sums = series.between(as_of - window.length, as_of)
        past = []
        for number in range(1, window.past + 1):
            end = as_of - number * window.apart
            before = series.between(end - window.length, end)
            value = figure(before)
            if value is not None and is_complete(before):
                past.append(value)
        yield Lead(window, figure(sums), baseline(past), sums)


def is_complete(sums: Sums) -> bool:
    """Tell whether enough of a window was measured to judge it."""
    return sums.completeness is not None and sums.completeness >= COMPLETE


def judge(measured: Measured) -> Judgement:
    """Return how far a figure lies above its subject's past, unless too little was measured."""
    past = measured.inputs["baseline"]
    enough = measured.completeness is not None and measured.completeness >= COMPLETE
    return own_baseline.judge(
        measured.value if enough else None, Baseline(**past) if past else None
    )


def explain(measured: Measured, name: str, name_zh: str) -> tuple[str, str]:
    """Return why a figure raised an alert, in English and Chinese."""
    figure = f"{measured.value or 0:,.4g} {measured.unit}"
    above = (measured.value or 0.0) / (measured.target or 1.0) - 1
    return (
        f"{name} of {measured.period} is {figure}, {above:.0%} above its own past",
        f"近{ZH[measured.period]}{name_zh} {figure}，高于自身基线 {above:.0%}",
    )
