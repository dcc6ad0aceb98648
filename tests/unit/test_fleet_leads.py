"""The demo is quiet by the product's own rule, until an enterprise misbehaves."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from deploy.local.fleet import clock, coefficients, episodes
from deploy.local.fleet.clock import HOUR
from deploy.local.fleet.enterprises import Enterprise, enterprises
from deploy.local.fleet.episodes import FURNACE, Conduct
from deploy.local.fleet.meters import Meter
from schemas.indicators import Level
from service.domain import leads
from service.domain.leads import REACH, WINDOWS, Figure, Series
from service.domain.rules import own_baseline

KGCE = coefficients.CALORIFIC
FIGURES: tuple[Figure, ...] = (leads.energy_tce, leads.unit_consumption)
FLEET = enterprises(None)
SUBJECTS = [
    pytest.param(item, at_facility, id=f"{item.uscc}-{'facility' if at_facility else 'whole'}")
    for item in FLEET
    for at_facility in (False, True)
]


def meters_of(item: Enterprise, *, at_facility: bool) -> list[Meter]:
    return [
        meter
        for meter in item.meters
        if meter.role != "output" and (meter.at_facility if at_facility else meter.level == 1)
    ]


HONEST = Conduct()


def series_of(
    item: Enterprise, last: datetime, days: int, *, at_facility: bool, conduct: Conduct = HONEST
) -> Series:
    """Return the hours up to an instant, as the service adds them up."""
    start = last - REACH - timedelta(days=days)
    at = np.arange(clock.seconds(start), clock.seconds(last) + 1, HOUR, dtype=np.int64)
    meters = meters_of(item, at_facility=at_facility)
    kgce = np.zeros(len(at) - 1)
    for meter in meters:
        sign = -1 if meter.role == "export" else 1
        dial = np.diff(meter.dial(at, conduct.strains)) % meter.width
        kgce += sign * KGCE[meter.quantity] * dial * meter.multipliers(at[:-1])
    [output] = [meter for meter in item.meters if meter.role == "output"]
    made = np.diff(output.dial(at)) % output.width
    series = Series(start, timedelta(hours=1), len(kgce), len(meters))
    for number in range(len(kgce)):
        series.add(
            start + timedelta(hours=number),
            float(kgce[number]),
            float(made[number]),
            3_600.0 * len(meters),
            0.0,
        )
    return series


def levels(series: Series, last: datetime, days: int) -> Iterator[tuple[datetime, str, Level]]:
    """Yield what the service would judge: the day's window every hour, all at midnights."""
    hours = [last - timedelta(hours=number) for number in range(days * 24 + 1)]
    midnights = [as_of for as_of in hours if as_of.hour == 0]
    for window in WINDOWS:
        instants = hours if window is WINDOWS[0] else midnights
        for figure in FIGURES:
            for lead in leads.measure(series, instants, window, figure):
                judged = own_baseline.judge(lead.value, lead.baseline)
                assert judged.level is not None
                yield lead.as_of, window.name, judged.level


@pytest.mark.parametrize(
    "last", [date(2026, 11, 23), date(2026, 2, 10), date(2026, 7, 20)], ids=str
)
@pytest.mark.parametrize(("item", "at_facility"), SUBJECTS)
def test_ten_days_without_misbehaviour_are_quiet(
    item: Enterprise, at_facility: bool, last: date
) -> None:
    end = clock.moment(clock.midnight_of(last))
    series = series_of(item, end, 10, at_facility=at_facility)
    loud = [found for found in levels(series, end, 10) if found[2] is not Level.GREEN]
    assert not loud


@pytest.mark.parametrize("at_facility", [True, False], ids=["facility", "enterprise"])
@pytest.mark.parametrize(
    "item",
    [pytest.param(item, id=item.uscc) for item in FLEET if item.recipe.furnace],
)
def test_a_misbehaving_furnace_turns_red_at_once(item: Enterprise, at_facility: bool) -> None:
    now = clock.midnight_of(date(2026, 11, 23)) + 5 * HOUR + 1_234
    begun = episodes.begin([], FURNACE, item.county, item.uscc, now)
    conduct = episodes.conduct(begun, item.uscc)
    last = clock.moment(now // HOUR * HOUR)
    series = series_of(item, last, 1, at_facility=at_facility, conduct=conduct)
    [lead] = leads.measure(series, [last], WINDOWS[0], leads.unit_consumption)
    assert lead.value is not None
    assert lead.baseline is not None
    assert lead.value / lead.baseline.mean - 1 > 0.30
    assert own_baseline.judge(lead.value, lead.baseline).level is Level.RED
