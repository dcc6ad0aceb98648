"""VOC monitors at outlets: hour and minute means of what leaves, with the gaps of real ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deploy.local.fleet import noise, shapes
from deploy.local.fleet.clock import DAY, FIRST_WEEKDAY, HOUR, MINUTE, Instants, Values
from deploy.local.fleet.loads import recorded_days
from deploy.local.fleet.recordings import Hours

EXCESS = 2.5  # times the limit, while an outlet misbehaves
HIGHEST = 0.85  # of the limit otherwise
LOWEST = 0.02
_HORIZON = 1 << 14  # hours that are worked out together
_MINUTES = HOUR // MINUTE
_DAY_HOURS = DAY // HOUR


@dataclass(frozen=True, slots=True)
class DerivedSource:
    """Means relative to the limit, with the weekly shape and gaps of the derived figures."""

    seed: int
    level: float  # of the limit, on average

    def hours(self, stop: int) -> Values:
        """Return the mean of each hour from the epoch on; NaN while nothing is measured."""
        hour = np.arange(stop, dtype=np.int64)
        week = shapes.concentration_week()[(hour + FIRST_WEEKDAY * _DAY_HOURS) % 168]
        moved = 0.2 * noise.smooth(self.seed, hour, 7) + 0.06 * noise.normal(self.seed + 1, hour)
        means = np.clip(self.level * week * (1 + moved), LOWEST, HIGHEST)
        means[self._is_away(stop)] = np.nan
        return means

    def _is_away(self, stop: int) -> NDArray[np.bool_]:
        monitor = shapes.shapes().monitor
        away = np.zeros(stop, dtype=bool)
        hour = turn = 0
        while hour < stop:
            hour += _pick(monitor.stretches, self.seed + 2, turn)
            gone = _pick(monitor.gaps, self.seed + 3, turn)
            away[hour : hour + gone] = True
            hour, turn = hour + gone, turn + 1
        return away


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSource:
    """A recorded year of hours, laid over every year as the loads are."""

    recorded: Values  # 364 days × 24 hours, from a Monday in the first week of a year on

    def hours(self, stop: int) -> Values:
        """Return the mean of each hour from the epoch on."""
        hour = np.arange(stop, dtype=np.int64)
        return self.recorded[recorded_days(hour // _DAY_HOURS), hour % _DAY_HOURS]


def recorded_source(recording: Hours) -> RecordedSource:
    """Return a source in which the highest recorded hour stays just below the limit."""
    weeks: dict[int, Values] = {}
    skipped = -recording.first_hour_of_week % 168
    whole = recording.values[skipped:]
    whole = whole[: len(whole) // 168 * 168].reshape(-1, 7, _DAY_HOURS)
    monday = np.datetime64(recording.start, "h") + np.timedelta64(skipped, "h")
    for number, week in enumerate(whole):
        date = (monday + np.timedelta64(number * 7, "D")).item().date()
        weeks.setdefault(min(date.isocalendar().week, 52), week)
    year = np.concatenate([weeks[number] for number in range(1, 53)])
    return RecordedSource(year * HIGHEST / np.nanmax(year))


@dataclass(frozen=True, slots=True)
class Spell:
    """Whole hours in which an outlet lies above its limit; without an end it goes on."""

    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor at an outlet: what it measures, mg/m³, and the dry flow beside it, m³/h."""

    device: str
    outlet: str
    mn: str
    quantity: str
    limit: float
    gas_flow: float
    source: DerivedSource | RecordedSource
    seed: int

    def means(self, hours: Instants, spells: Sequence[Spell] = ()) -> Values:
        """Return the means of the hours that begin at some instants; NaN where there is none."""
        number = hours // HOUR
        means = self.limit * _hours(self.source, int(number.max()) // _HORIZON + 1)[number]
        for spell in spells:
            above = hours >= spell.since
            if spell.until is not None:
                above &= hours < spell.until
            means[above] = EXCESS * self.limit
        rounded: Values = np.round(means, 3)
        return rounded

    def minutes(self, minutes: Instants, spells: Sequence[Spell] = ()) -> Values:
        """Return the means of the minutes that begin at some instants; an hour's are its mean."""
        hour = minutes // HOUR
        place = hour[:, None] * _MINUTES + np.arange(_MINUTES, dtype=np.int64)
        moved = 1 + 0.05 * noise.normal(self.seed + 4, place.ravel()).reshape(place.shape)
        moved /= moved.mean(axis=1, keepdims=True)
        factor = moved[np.arange(len(minutes)), minutes % HOUR // MINUTE]
        rounded: Values = np.round(self.means(hour * HOUR, spells) * factor, 3)
        return rounded

    def flows(self, hours: Instants) -> Values:
        """Return the mean flow of the hours that begin at some instants, there or not."""
        moved = 1 + 0.06 * noise.smooth(self.seed + 5, hours // HOUR, 5)
        flows: Values = np.round(self.gas_flow * moved)
        return flows


def _pick(lengths: Sequence[int], seed: int, turn: int) -> int:
    drawn = noise.uniform(seed, np.array([turn]))[0]
    return lengths[int(drawn * len(lengths))]


@lru_cache(maxsize=64)
def _hours(source: DerivedSource | RecordedSource, horizons: int) -> Values:
    return source.hours(horizons * _HORIZON)
