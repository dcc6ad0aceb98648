"""Formulas of the trade on cases worked by hand."""

from decimal import Decimal

import pytest

from service.domain import uscc
from service.domain.accounts import Total
from service.domain.intensity import contradicts, reduction
from service.domain.panel import growth
from service.domain.validity import completeness


@pytest.mark.parametrize(
    ("energy", "gdp", "rate"),
    [
        # regions of the national bulletin for 2020: growth of energy and GDP, and the reduction
        pytest.param("3.7", "3.91", "0.20", id="Gansu 2020"),
        pytest.param("7.1", "0.20", "-6.89", id="Inner Mongolia 2020"),
        pytest.param("-6.1", "-4.99", "1.17", id="Hubei 2020"),
    ],
)
def test_reduction_follows_from_energy_and_gdp(energy: str, gdp: str, rate: str) -> None:
    assert round(reduction(Decimal(energy), Decimal(gdp)), 2) == Decimal(rate)
    assert not contradicts(Decimal(rate), Decimal(energy), Decimal(gdp))


def test_a_nominal_growth_contradicts() -> None:
    assert contradicts(Decimal("3.5"), Decimal("4.5"), Decimal("11.6"))


DAY = 86_400.0


def total(tce: float, share: float = 1.0, *, known: bool = True) -> Total:
    return Total(tce, share * 90 * DAY, 90 * DAY, known)


def test_growth_is_that_of_the_matched_panel() -> None:
    pairs = [
        (total(110), total(100)),
        (total(50, 0.5), total(100)),  # half of this period is missing
        (total(70), total(0, 0.0)),  # new this year
        (total(99, known=False), total(90)),  # a carrier without a coefficient
    ]
    found = growth(pairs, 90, 90)
    assert found.rate == pytest.approx(0.10)
    assert (found.panel, found.enterprises) == (1, 4)
    assert found.panel_share == pytest.approx(100 / 290)


def test_meters_in_service_for_ten_of_twelve_months_make_no_growth_of_a_year() -> None:
    begun_late = Total(300, 305 * DAY, 305 * DAY)
    found = growth([(Total(365, 365 * DAY, 365 * DAY), begun_late)], 365, 365)
    assert (found.rate, found.panel) == (None, 0)


def test_a_meter_replaced_by_another_stays_in_the_panel() -> None:
    replaced = Total(110, (40 + 60) * DAY, (40 + 60) * DAY)  # one to day 40, one from it
    found = growth([(replaced, total(100))], 100, 100)
    assert found.rate == pytest.approx(0.10)
    assert found.panel == 1


def test_the_leap_day_is_taken_out() -> None:
    found = growth([(Total(91, 91 * DAY, 91 * DAY), total(90))], 91, 90)
    assert found.rate == pytest.approx(91 / 90 - 1)
    assert found.per_day == pytest.approx(0.0)


def test_without_a_panel_there_is_no_growth() -> None:
    found = growth([(total(10, 0.2), total(10))], 90, 90)
    assert (found.rate, found.per_day, found.panel) == (None, None, 0)


@pytest.mark.parametrize(
    ("measured", "due", "share"),
    [(50.0, 100.0, 0.5), (110.0, 100.0, 1.0), (0.0, 100.0, 0.0), (0.0, 0.0, None)],
)
def test_completeness(measured: float, due: float, share: float | None) -> None:
    assert completeness(measured, due) == share


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        ("91350100M000100Y43", True),  # the example that GB 32100-2015 gives
        ("91350100M000100Y34", False),
        ("91350100M000100Y4", False),
        ("91350100M000100YI3", False),
        ("", False),
    ],
)
def test_social_credit_codes(code: str, valid: bool) -> None:
    assert uscc.is_valid(code) is valid
