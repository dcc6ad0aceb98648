"""Energy intensity from levels, across changes of base, and over five years: worked by hand."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import progress
from service.domain.intensity import (
    HUNAN,
    Incomparable,
    Output,
    Refusal,
    chained,
    contradicts,
    growth_of_output,
    intensity,
    reduction,
    reduction_of_levels,
    yearly,
)

CENT = Decimal("0.01")
RATES = st.decimals("-20", "20", places=2)
LEVELS = st.decimals("1000", "9e6", places=2)


@pytest.mark.parametrize(
    ("reduced", "energy", "gdp"),
    [  # NBS 2020 bulletin, table of provinces
        pytest.param("0.20", "3.7", "3.91", id="Gansu"),
        pytest.param("1.17", "-6.1", "-4.99", id="Hubei"),
        pytest.param("-6.89", "7.1", "0.20", id="Inner Mongolia"),
    ],
)
def test_growth_of_gdp_follows_from_the_bulletin(reduced: str, energy: str, gdp: str) -> None:
    growth = growth_of_output(Decimal(reduced), Decimal(energy))
    assert growth.quantize(CENT) == Decimal(gdp)
    assert not contradicts(Decimal(reduced), Decimal(energy), Decimal(gdp))


def test_growth_at_current_prices_shows_as_a_contradiction() -> None:
    """Chongqing 2021: nominal growth of 11.6 % gave -6.4 %; real growth of 8.3 % gives -3.5 %."""
    energy = (Decimal("111.6") * (1 - Decimal("0.064"))) - 100
    assert reduction(energy, Decimal("8.3")).quantize(Decimal("0.1")) == Decimal("3.5")
    assert contradicts(Decimal("6.4"), energy, Decimal("8.3"))


@pytest.mark.parametrize(
    ("target", "annual", "stated", "compounds_to"),
    [
        pytest.param("12", "2.5243", "2.52", "11.981", id="Wuwei"),
        pytest.param("12.5", "2.6353", "2.6", "12.341", id="Gansu"),
        pytest.param("13.5", "2.8589", None, None, id="national"),
        pytest.param("14", "2.9714", "2.97", "13.994", id="Chongqing"),
    ],
)
def test_a_five_year_target_by_the_year(
    target: str, annual: str, stated: str | None, compounds_to: str | None
) -> None:
    exact = progress.annual_rate(Decimal(target), 5)
    assert exact.quantize(Decimal("0.0001")) == Decimal(annual)
    assert abs(chained([exact] * 5) - Decimal(target)) < Decimal("1e-20")
    if stated is not None and compounds_to is not None:
        assert chained([Decimal(stated)] * 5).quantize(Decimal("0.001")) == Decimal(compounds_to)


def test_progress_is_due_linear_or_compound() -> None:
    twelve = Decimal(12)
    linear = [progress.linear_due(twelve, 5, k) for k in range(1, 6)]
    compound = [progress.compound_due(twelve, 5, k).quantize(CENT) for k in range(1, 6)]
    assert linear == [Decimal(x) for x in ("2.4", "4.8", "7.2", "9.6", "12")]
    assert compound == [Decimal(x) for x in ("2.52", "4.98", "7.38", "9.72", "12.00")]


def test_chongqing_in_2025_by_growth_and_reduction() -> None:
    energy = Decimal("8874.54") * Decimal("1.06") ** 5 * (1 - Decimal("0.14"))
    assert energy.quantize(CENT) == Decimal("10213.48")


def test_hunan_keeps_four_decimals_before_it_divides() -> None:
    """0.43215 rounds to 0.4322 and 0.44444 to 0.4444: 2.745 % instead of 2.765 %."""
    levels = (
        Decimal(43215), Output(Decimal(100_000), "2020"),
        Decimal(44444), Output(Decimal(100_000), "2020"),
    )  # fmt: skip
    assert intensity(*levels[:2], HUNAN) == Decimal("0.4322")
    assert reduction_of_levels(*levels).quantize(Decimal("0.001")) == Decimal("2.765")
    assert reduction_of_levels(*levels, HUNAN).quantize(Decimal("0.001")) == Decimal("2.745")


@pytest.mark.parametrize(
    ("one", "other", "refusal"),
    [
        (Output(Decimal(5), "current"), Output(Decimal(5), "2020"), Refusal.CURRENT_PRICES),
        (Output(Decimal(5), "2020"), Output(Decimal(5), "current"), Refusal.CURRENT_PRICES),
        (Output(Decimal(5), None), Output(Decimal(5), "2020"), Refusal.NO_PRICE_BASE),
        (Output(Decimal(5), "2020"), Output(Decimal(5), "2015"), Refusal.MIXED_BASES),
        (Output(Decimal(0), "2020"), Output(Decimal(5), "2020"), Refusal.NO_OUTPUT),
    ],
)
def test_levels_that_cannot_be_compared_say_why(
    one: Output, other: Output, refusal: Refusal
) -> None:
    with pytest.raises(Incomparable) as raised:
        reduction_of_levels(Decimal(3), one, Decimal(3), other)
    assert raised.value.refusal is refusal


def test_rates_are_chained_across_a_change_of_base() -> None:
    """2019 to 2020 at 2015 prices, 2020 to 2021 at 2020 prices; levels are never mixed."""
    energy = {2019: Decimal(1000), 2020: Decimal(1010), 2021: Decimal(1030)}
    outputs = {
        2019: {"2015": Decimal(2000), "current": Decimal(2400)},
        2020: {"2015": Decimal(2100), "2020": Decimal(2600), "current": Decimal(2600)},
        2021: {"2020": Decimal(2782), "current": Decimal(2900)},
    }
    rates = yearly(energy, outputs)
    assert abs(rates[2020] - (100 - Decimal(101) / Decimal("1.05"))) < CENT**9
    assert abs(rates[2021] - (100 - Decimal(103000) / Decimal(1010) / Decimal("1.07"))) < CENT**9
    exact = 1 - (Decimal("1.01") / Decimal("1.05")) * (Decimal(103) / 101 / Decimal("1.07"))
    assert abs(chained(rates.values()) - 100 * exact) < Decimal("1e-20")


@pytest.mark.parametrize(
    ("bases", "refusal"),
    [
        (("2015", "2020"), Refusal.MIXED_BASES),
        (("current", "2020"), Refusal.CURRENT_PRICES),
        (("current", "current"), Refusal.CURRENT_PRICES),
    ],
)
def test_years_without_a_base_in_common_are_refused(
    bases: tuple[str, str], refusal: Refusal
) -> None:
    energy = {2020: Decimal(1), 2021: Decimal(1)}
    outputs = {2020: {bases[0]: Decimal(1)}, 2021: {bases[1]: Decimal(1)}}
    with pytest.raises(Incomparable) as raised:
        yearly(energy, outputs)
    assert raised.value.refusal is refusal


@given(RATES, RATES)
def test_the_identity_holds_both_ways(energy: Decimal, gdp: Decimal) -> None:
    assert abs(growth_of_output(reduction(energy, gdp), energy) - gdp) < Decimal("1e-20")


@given(st.lists(st.tuples(LEVELS, LEVELS), min_size=2, max_size=8))
def test_chained_rates_are_the_rate_of_first_and_last(years: list[tuple[Decimal, Decimal]]) -> None:
    levels = [(energy, Output(gdp, "2020")) for energy, gdp in years]
    rates = [reduction_of_levels(*new, *old) for old, new in pairwise(levels)]
    whole = reduction_of_levels(*levels[-1], *levels[0])
    assert abs(chained(rates) - whole) < Decimal("1e-12")


@given(st.lists(RATES, max_size=6), RATES)
def test_the_order_of_years_does_not_matter(rates: list[Decimal], last: Decimal) -> None:
    assert abs(chained([*rates, last]) - chained([last, *rates])) < Decimal("1e-20")
