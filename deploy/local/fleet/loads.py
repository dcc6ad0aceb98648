"""What a facility does over time: how much on each day, and when within the day."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from deploy.local.fleet import noise, shapes
from deploy.local.fleet.clock import DAY, EPOCH_DAY, FIRST_WEEKDAY, QUARTER, Instants, Values

QUARTERS = DAY // QUARTER
YEAR = 365.25  # days
COLDEST = 15.0  # day of the year
LEAST = 0.05  # of the mean; nothing stands entirely still
_TINY = 1e-300
_SUNRISE, _SUNSET = 6.5, 19.5  # hours, of Beijing time in the west
_HOURS = np.linspace(0.0, 24.0, QUARTERS + 1)
_SUNLIGHT = (1 - np.cos(np.pi * np.clip((_HOURS - _SUNRISE) / (_SUNSET - _SUNRISE), 0, 1))) / 2
_SWING_DAYS = 9  # from knot to knot of what changes slowly


class Load(Protocol):
    """The activity of a facility, about 1 on a usual day."""

    def days(self, stop: int) -> Values:
        """Return the activity of each day from the epoch on, up to a day's number."""

    def within(self, first: int, stop: int) -> Values:
        """Return the share of each day's activity that is done by each quarter hour, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ShapedLoad:
    """A load with the shape of the derived figures.

    ``depth`` is how much of the weekly shape it follows: 0 for a furnace that never stops, 1 for
    the shape itself. ``swing`` is what changes over weeks, ``jitter`` from day to day, ``winter``
    the part that comes and goes evenly with the cold, ``growth`` the rise a year.
    """

    seed: int
    depth: float
    swing: float
    jitter: float
    winter: float = 0.0
    growth: float = 0.0

    def days(self, stop: int) -> Values:
        """Return the activity of each day from the epoch on."""
        day = np.arange(stop, dtype=np.int64)
        weekly = shapes.load_week()[0].mean(axis=1)[(day + FIRST_WEEKDAY) % 7]
        cold = 1 + self.winter * (4 * np.abs((day - COLDEST) / YEAR % 1 - 0.5) - 1)
        moved = 1 + self.swing * noise.smooth(self.seed, day, _SWING_DAYS)
        moved += self.jitter * noise.normal(self.seed + 1, day)
        grown = (1 + self.growth) ** (day / YEAR)
        activity: Values = (1 + self.depth * (weekly - 1)) * cold * moved * grown
        return np.maximum(activity, LEAST)

    def within(self, first: int, stop: int) -> Values:
        """Return the share of each day's activity that is done by each quarter hour."""
        return _within(self, first, stop)

    def quarters(self, first: int, stop: int) -> Values:
        """Return the activity of each quarter hour of some days, relative to one another."""
        mean, spread = shapes.load_week()
        weekday = (np.arange(first, stop) + FIRST_WEEKDAY) % 7
        place = np.arange(first * QUARTERS, stop * QUARTERS, dtype=np.int64)
        moved = spread[weekday] * noise.normal(self.seed + 2, place).reshape(-1, QUARTERS)
        level: Values = 1 + self.depth * (mean[weekday] - 1 + 0.2 * moved)
        return np.maximum(level, LEAST)


@dataclass(frozen=True, slots=True)
class SolarLoad:
    """What a roof of solar cells makes: by day only, more in summer, less under clouds."""

    seed: int

    def days(self, stop: int) -> Values:
        """Return the yield of each day from the epoch on, about 1 on a usual one."""
        day = np.arange(stop, dtype=np.int64)
        summer = 1 + 0.25 * np.sin((day - 80.0) / YEAR * 2 * np.pi)
        clouds = 1 + 0.12 * noise.normal(self.seed, day)
        made: Values = summer * clouds
        return np.maximum(made, LEAST)

    def within(self, first: int, stop: int) -> Values:
        """Return the share of each day's yield that is made by each quarter hour."""
        return np.broadcast_to(_SUNLIGHT, (stop - first, QUARTERS + 1))


@dataclass(frozen=True, slots=True, eq=False)
class ReplayedLoad:
    """A recorded year, laid over every year so that its weekdays fall on weekdays."""

    recorded: Values  # days × quarter hours, from a Monday in the first week of a year on

    def days(self, stop: int) -> Values:
        """Return the activity of each day from the epoch on."""
        days = self.recorded.sum(axis=1)
        activity: Values = days[recorded_days(np.arange(stop, dtype=np.int64))] / days.mean()
        return activity

    def within(self, first: int, stop: int) -> Values:
        """Return the share of each day's activity that is done by each quarter hour."""
        return _within(self, first, stop)

    def quarters(self, first: int, stop: int) -> Values:
        """Return what was recorded in each quarter hour of some days."""
        recorded: Values = self.recorded[recorded_days(np.arange(first, stop, dtype=np.int64))]
        return recorded


def recorded_days(day: Instants) -> Instants:
    """Return which day of a recorded year each day repeats: the same weekday and ISO week."""
    monday = day - (day + FIRST_WEEKDAY) % 7
    thursday = monday + 3
    dates = np.datetime64(EPOCH_DAY) + thursday.astype("timedelta64[D]")
    new_year = dates.astype("datetime64[Y]").astype("datetime64[D]")
    first = (new_year - np.datetime64(EPOCH_DAY)).astype(np.int64)
    week = np.minimum((thursday - first) // 7, 51)
    place: Instants = week * 7 + (day - monday)
    return place


@lru_cache(maxsize=256)
def _within(load: ShapedLoad | ReplayedLoad, first: int, stop: int) -> Values:
    done = np.zeros((stop - first, QUARTERS + 1))
    np.cumsum(load.quarters(first, stop), axis=1, out=done[:, 1:])
    done /= np.maximum(done[:, -1:], _TINY)  # a recorded day may stand still
    return done
