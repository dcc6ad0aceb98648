"""Energy and unit consumption over rolling windows, each against its subject's own past."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.indicators import Measured
from service.domain.alerts import Judgement
from service.domain.rules import own_baseline
from service.domain.rules.own_baseline import Baseline, baselines
from service.domain.validity import COMPLETE

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
    """What windows of one length hold, an element for each.

    ``kgce`` is NaN where unknown, ``output`` in the product's unit, ``completeness`` a share,
    ``estimated`` the part of the energy that was spread over gaps, in kgce.
    """

    kgce: NDArray[np.float64]
    output: NDArray[np.float64]
    completeness: NDArray[np.float64]
    estimated: NDArray[np.float64]

    @property
    def is_complete(self) -> NDArray[np.bool_]:
        """Return of which windows enough was measured to judge them."""
        return self.completeness >= COMPLETE


class Series:
    """Energy and output on a regular grid, summed over any of its windows at once.

    An unknown energy (a carrier without a coefficient) makes every window that holds it unknown.
    ``meters`` are due to measure all the time.
    """

    def __init__(self, start: datetime, step: timedelta, length: int, meters: int) -> None:
        self._start, self._step, self._meters = start, step, meters
        self._values = np.zeros((4, length + 1))  # kgce, output, seconds measured, estimated
        self._sums: NDArray[np.float64] | None = None

    def add(
        self,
        at: datetime,
        kgce: float | None,
        output: float | None,
        measured_s: float,
        estimated_kgce: float,
    ) -> None:
        """Add what one step of the grid holds; ``at`` is its start."""
        self._values[:, self._place(at) + 1] += (
            float("nan") if kgce is None and measured_s else kgce or 0.0,
            output or 0.0,
            measured_s,
            estimated_kgce,
        )

    def ending(
        self, instants: Sequence[datetime], length: timedelta, apart: timedelta, past: int
    ) -> Sums:
        """Return the sums of windows that end at some instants, and of those before them.

        The shape is (instants, past + 1): a window, the one ``apart`` before it, and so on. All
        lie on the grid.
        """
        if self._sums is None:
            self._sums = np.cumsum(np.nan_to_num(self._values), axis=1)
            unknown = np.cumsum(np.isnan(self._values[0]))
            self._sums = np.vstack([self._sums, unknown])
        ends = np.array([self._place(at) for at in instants])[:, np.newaxis]
        ends = ends - np.arange(past + 1) * (apart // self._step)
        if ends.size and (ends.min() < length // self._step or ends.max() >= len(self._sums[0])):
            raise ValueError("a window lies outside the series")
        kgce, output, measured_s, estimated, unknown = (
            self._sums[:, ends] - self._sums[:, ends - length // self._step]
        )
        due_s = self._meters * length.total_seconds()
        return Sums(
            np.where(unknown > 0, np.nan, kgce),
            output,
            np.minimum(measured_s / due_s, 1.0),
            estimated,
        )

    def _place(self, at: datetime) -> int:
        return (at - self._start) // self._step


Figure = Callable[[Sums], NDArray[np.float64]]


def energy_tce(sums: Sums) -> NDArray[np.float64]:
    """Return the energy in tce; NaN where it is unknown or nothing was measured."""
    return np.where(sums.completeness > 0, sums.kgce / 1000, np.nan)


def unit_consumption(sums: Sums) -> NDArray[np.float64]:
    """Return kgce for each unit of product; NaN without output or energy."""
    consumption = np.full(sums.kgce.shape, np.nan)
    is_known = (sums.completeness > 0) & (sums.output > 0)
    np.divide(sums.kgce, sums.output, out=consumption, where=is_known)
    return consumption


@dataclass(frozen=True, slots=True)
class Lead:
    """A figure of one window, its baseline, and what both rest on."""

    window: Window
    as_of: datetime
    value: float | None
    baseline: Baseline | None
    kgce: float | None
    output: float
    completeness: float
    estimated: float | None

    def inputs(self) -> dict[str, Any]:
        """Return what the figure was computed from."""
        return {
            "kgce": None if self.kgce is None else round(self.kgce, 3),
            "output": round(self.output, 3),
            "baseline": None
            if self.baseline is None
            else {
                "mean": self.baseline.mean,
                "spread": self.baseline.spread,
                "windows": self.baseline.windows,
            },
        }


def measure(
    series: Series, instants: Sequence[datetime], window: Window, figure: Figure
) -> Iterator[Lead]:
    """Yield the figure of a window at each of some instants.

    A figure of which too little was measured is not judged, nor is it part of a baseline.
    """
    sums = series.ending(instants, window.length, window.apart, window.past)
    figures = figure(sums)
    past = np.where(sums.is_complete, figures, np.nan)[:, 1:]
    for as_of, value, kgce, output, completeness, estimated, before in zip(
        instants,
        figures[:, 0].tolist(),
        sums.kgce[:, 0].tolist(),
        sums.output[:, 0].tolist(),
        sums.completeness[:, 0].tolist(),
        sums.estimated[:, 0].tolist(),
        baselines(past),
        strict=True,
    ):
        share = min(estimated / abs(kgce), 1.0) if kgce else None
        yield Lead(window, as_of, _known(value), before, _known(kgce), output, completeness, share)


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def judge(measured: Measured) -> Judgement:
    """Return how far a figure lies above its subject's past, unless too little was measured."""
    past = measured.inputs["baseline"]
    enough = measured.completeness is not None and measured.completeness >= COMPLETE
    return own_baseline.judge(
        measured.value if enough else None, Baseline(**past) if past else None
    )


def explain(measured: Measured, name: str, name_zh: str) -> tuple[str, str]:
    """Return how a figure lies to its subject's past, in English and Chinese."""
    figure = f"{measured.value or 0:,.4g} {measured.unit}"
    above = (measured.value or 0.0) / (measured.target or 1.0) - 1
    side, side_zh = ("above", "高于") if above >= 0 else ("below", "低于")
    return (
        f"{name} of {measured.period} is {figure}, {abs(above):.0%} {side} its own past",
        f"近{ZH[measured.period]}{name_zh} {figure}，{side_zh}自身基线 {abs(above):.0%}",
    )
