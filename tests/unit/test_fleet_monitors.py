"""VOC monitors of the demo: below their limits, with gaps, and above when told to."""

import os
from datetime import date

import numpy as np
import pytest

from deploy.local import settings
from deploy.local.fleet import clock, shapes
from deploy.local.fleet.clock import DAY, HOUR, MINUTE
from deploy.local.fleet.enterprises import enterprises
from deploy.local.fleet.monitors import Monitor, Spell

START = clock.midnight_of(date(2025, 1, 1))
HOURS = np.arange(START, START + 690 * DAY, HOUR, dtype=np.int64)
SERIES = settings.read(os.environ).series
MONITORS = [
    pytest.param(item.monitor, id=f"{item.uscc}{'' if series is None else '-recorded'}")
    for series in {None, SERIES}
    for item in enterprises(series)
    if item.monitor is not None
]


@pytest.mark.parametrize("monitor", MONITORS)
def test_hours_lie_below_the_limit_and_some_are_missing(monitor: Monitor) -> None:
    means = monitor.means(HOURS)
    there = ~np.isnan(means)
    assert means[there].min() > 0
    assert means[there].max() < 0.9 * monitor.limit
    assert 0.005 < 1 - there.mean() < 0.08


def test_gaps_are_as_long_as_derived() -> None:
    monitor = next(i.monitor for i in enterprises(None) if i.monitor is not None)
    away = np.isnan(monitor.means(HOURS)).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], away, [0]])))
    lengths = set((edges[1::2] - edges[::2]).tolist()[1:-1])
    assert lengths <= set(shapes.shapes().monitor.gaps)


@pytest.mark.parametrize("monitor", MONITORS)
def test_the_minutes_of_an_hour_have_its_mean(monitor: Monitor) -> None:
    hour = next(int(at) for at in HOURS if not np.isnan(monitor.means(np.array([at])))[0])
    minutes = np.arange(hour, hour + HOUR, MINUTE, dtype=np.int64)
    means = monitor.minutes(minutes)
    assert means.mean() == pytest.approx(monitor.means(np.array([hour]))[0], rel=0.01)
    assert len(set(means.tolist())) > 10


@pytest.mark.parametrize("monitor", MONITORS)
def test_a_spell_lies_at_two_and_a_half_times_the_limit(monitor: Monitor) -> None:
    spell = Spell(START + 5 * HOUR, START + 8 * HOUR)
    means = monitor.means(HOURS[:12], [spell])
    assert means[5:8].tolist() == [2.5 * monitor.limit] * 3
    usual = monitor.means(HOURS[:12])
    assert np.array_equal(np.delete(means, [5, 6, 7]), np.delete(usual, [5, 6, 7]), equal_nan=True)


def test_a_spell_without_an_end_fills_the_gaps_as_well() -> None:
    monitor = next(i.monitor for i in enterprises(None) if i.monitor is not None)
    assert (monitor.means(HOURS, [Spell(START)]) == 2.5 * monitor.limit).all()
