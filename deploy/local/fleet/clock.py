"""Instants of the fleet: whole seconds since a midnight of Asia/Shanghai that never moves."""

from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from service.domain.calendar import SHANGHAI, midnight

EPOCH_DAY = date(2020, 1, 1)  # a Wednesday; dials count from it, so that no start moves them
EPOCH = midnight(EPOCH_DAY)
MINUTE, QUARTER, HOUR, DAY, WEEK = 60, 900, 3_600, 86_400, 604_800
FIRST_WEEKDAY = EPOCH_DAY.weekday()

Instants = NDArray[np.int64]
Values = NDArray[np.float64]


def seconds(at: datetime) -> int:
    """Return an aware instant as whole seconds since the epoch, rounded down."""
    return int((at - EPOCH) // timedelta(seconds=1))


def midnight_of(day: date) -> int:
    """Return the instant at which a calendar day begins."""
    return (day - EPOCH_DAY).days * DAY


def moment(at: int) -> datetime:
    """Return an instant as a time of day in Asia/Shanghai."""
    return (EPOCH + timedelta(seconds=at)).astimezone(SHANGHAI)


def day_of(at: int) -> date:
    """Return the calendar day of an instant."""
    return EPOCH_DAY + timedelta(days=at // DAY)


def grid(after: int, last: int, step: int) -> Instants:
    """Return the multiples of a step in (after, last]."""
    return np.arange((after // step + 1) * step, last + 1, step, dtype=np.int64)
