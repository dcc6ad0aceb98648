"""Windows of a series, and the figures of leads."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from service.domain import leads
from service.domain.calendar import DAY
from service.domain.leads import Series, Window

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30
WINDOW = Window("2d", 2 * DAY, 3 * DAY, 5)


def series(gap: int | None = None, unknown: int | None = None) -> Series:
    """Return one meter's days, of 1, 2, 3, … tce for 2 t each; one of them missing or unknown."""
    found = Series(START, DAY, DAYS, 1)
    for number in range(DAYS):
        if number != gap:
            kgce = None if number == unknown else 1000.0 * (number + 1)
            found.add(START + number * DAY, kgce, 2.0, 86_400.0, 250.0)
    return found


def test_a_window_and_those_before_it_are_summed() -> None:
    sums = series().ending([START + 20 * DAY, START + 21 * DAY], 2 * DAY, 3 * DAY, 2)
    assert sums.kgce.tolist() == [[39_000, 33_000, 27_000], [41_000, 35_000, 29_000]]
    assert np.all(sums.output == 4.0)
    assert np.all(sums.completeness == 1.0)


def test_a_figure_is_compared_with_its_past() -> None:
    [lead] = leads.measure(series(), [START + 20 * DAY], WINDOW, leads.energy_tce)
    assert lead.value == pytest.approx(39.0)
    assert lead.baseline is not None
    assert lead.baseline.mean == pytest.approx((33 + 27 + 21 + 15 + 9) / 5)
    assert lead.baseline.windows == 5
    assert lead.estimated == pytest.approx(500 / 39_000)


@pytest.mark.parametrize("figure", [leads.energy_tce, leads.unit_consumption])
@pytest.mark.parametrize("number", [18, 19])
def test_an_unknown_day_makes_its_windows_unknown(figure: leads.Figure, number: int) -> None:
    [lead] = leads.measure(series(unknown=number), [START + 20 * DAY], WINDOW, figure)
    assert (lead.value, lead.kgce, lead.completeness) == (None, None, 1.0)
    assert lead.baseline is not None


def test_a_gap_is_no_zero() -> None:
    """A past window that lacks half a day's worth is left out of the baseline, not taken as low."""
    [lead] = leads.measure(series(gap=16), [START + 20 * DAY], WINDOW, leads.energy_tce)
    assert lead.baseline is not None
    assert lead.baseline.windows == 4
    [lead] = leads.measure(series(gap=19), [START + 20 * DAY], WINDOW, leads.energy_tce)
    assert lead.completeness == 0.5


def test_nothing_measured_is_no_figure() -> None:
    nothing = Series(START, DAY, DAYS, 1)
    for figure in (leads.energy_tce, leads.unit_consumption):
        [lead] = leads.measure(nothing, [START + 20 * DAY], WINDOW, figure)
        assert (lead.value, lead.baseline, lead.completeness) == (None, None, 0.0)


def test_no_window_reaches_over_the_ends_of_a_series() -> None:
    for as_of in (START + 3 * DAY, START + timedelta(days=DAYS + 1)):
        with pytest.raises(ValueError, match="outside"):
            series().ending([as_of], 2 * DAY, 3 * DAY, 1)
