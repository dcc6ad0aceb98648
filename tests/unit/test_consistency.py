"""What official figures of one subject contradict, and when it refuses them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.official import CONSTANT, SERIES, Prices, State
from service.domain.consistency import findings, goes_back
from service.domain.contradictions import Code, Finding, Known
from service.domain.intensity import reduction
from service.domain.relations import SECTORS_OF_GDP, SUMS
from service.domain.windows import Months, parse_months

YEAR = parse_months("2025-01..2025-12")
RATES = st.decimals("-15", "15", places=1)


def known(
    series: str,
    value: str | Decimal,
    period: Months = YEAR,
    base: str | None = None,
    state: State = State.PRELIMINARY,
) -> Known:
    implied = SERIES[series].prices in (Prices.RATE, Prices.IMPLIED)
    return Known(series, period, CONSTANT if implied else base, Decimal(value), state, "test")


def of(*figures: Known) -> list[tuple[Code, bool]]:
    return [(f.code, f.refuses) for f in found(*figures)]


def found(*figures: Known) -> list[Finding]:
    return list(findings({(k.series, k.period, k.price_base): k for k in figures}))


def triple(reduced: str, energy: str, gdp: str) -> list[Known]:
    return [
        known("intensity_reduction", reduced),
        known("energy_growth", energy),
        known("gdp_growth", gdp),
    ]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        pytest.param(("3.2", "2.1", "5.5"), [], id="follows"),
        pytest.param(("2.9", "2", "5"), [], id="within the rounding of each"),
        pytest.param(("3.10", "2.10", "5.50"), [("contradiction", False)], id="told"),
        pytest.param(("2.52", "2.1", "5.5"), [("contradiction", True)], id="refused"),
        pytest.param(("0.20", "3.7", "3.9"), [], id="Gansu 2020"),
        pytest.param(("6.4", "4.46", "8.3"), [("contradiction", True)], id="nominal growth"),
    ],
)
def test_the_identity(figures: tuple[str, str, str], expected: list[tuple[str, bool]]) -> None:
    assert of(*triple(*figures)) == expected


@given(RATES, RATES)
def test_rates_that_follow_contradict_nothing_however_they_are_rounded(
    energy: Decimal, gdp: Decimal
) -> None:
    for places in ("0.1", "0.01", "0.0001"):
        rate = reduction(energy, gdp).quantize(Decimal(places))
        assert of(*triple(str(rate), str(energy), str(gdp))) == []


@given(RATES, RATES, st.decimals("0.4", "9", places=2), st.booleans())
def test_a_rate_that_is_far_off_is_refused(
    energy: Decimal, gdp: Decimal, off: Decimal, up: bool
) -> None:
    rate = reduction(energy, gdp).quantize(Decimal("0.01")) + (off if up else -off)
    assert of(*triple(str(rate), str(energy), str(gdp))) == [(Code.IDENTITY, True)]


def test_growth_against_levels_of_two_years() -> None:
    levels = [
        known("gdp", "6123000", base="2020"),
        known("gdp", "5800000", YEAR.year_before(), "2020"),
    ]
    assert of(*levels, known("gdp_growth", "5.6")) == []  # 612.3 against 580.0: 5.57 %
    assert of(*levels, known("gdp_growth", "6.6")) == [(Code.LEVELS, True)]
    nominal = [known("gdp", k.value, k.period, "current") for k in levels]
    assert of(*nominal, known("gdp_growth", "4.0")) == []  # growth is not of current prices
    mixed = [levels[0], known("gdp", "4000000", YEAR.year_before(), "2015")]
    assert of(*mixed, known("gdp_growth", "5.6")) == []


def test_growth_over_a_panel_need_not_follow_from_levels() -> None:
    levels = [
        known("industrial_energy", "700000"),
        known("industrial_energy", "650000", YEAR.year_before()),
    ]
    assert of(*levels, known("industrial_energy_growth", "2.1")) == [(Code.LEVELS, False)]


def test_a_reduction_against_levels() -> None:
    levels = [
        known("energy_total", "1000000"),
        known("energy_total", "990000", YEAR.year_before()),
        known("gdp", "2100000", base="2020"),
        known("gdp", "2000000", YEAR.year_before(), "2020"),
    ]
    assert of(*levels, known("intensity_reduction", "3.80")) == []
    assert of(*levels, known("intensity_reduction", "2.52")) == [(Code.LEVELS, True)]


def test_a_total_is_the_sum_of_its_sectors() -> None:
    sectors = [known(name, "100000", base="current") for name in SECTORS_OF_GDP]
    assert of(*sectors, known("gdp", "400000", base="current")) == []
    assert of(*sectors, known("gdp", "401500", base="current")) == [(Code.SUM, False)]
    assert of(*sectors, known("gdp", "444444", base="current")) == [(Code.SUM, True)]
    assert of(*sectors[1:], known("gdp", "444444", base="current")) == []  # one is not known
    assert of(*sectors, known("gdp", "444444", base="2020")) == []  # at other prices


def test_energy_of_sectors_is_told_only() -> None:
    sectors = [known(name, "111111") for name in SUMS["energy_total"][0]]
    assert of(*sectors, known("energy_total", "777777")) == [(Code.SUM, False)]


def test_a_part_does_not_exceed_its_whole() -> None:
    whole = known("energy_total", "500001")
    assert of(known("feedstock_energy", "500001"), whole) == []
    assert of(known("feedstock_energy", "500201"), whole) == [(Code.PART, False)]
    assert of(known("feedstock_energy", "600001"), whole) == [(Code.PART, True)]


def test_growth_of_gdp_lies_among_that_of_its_sectors() -> None:
    sectors = [
        known(f"{name}_growth", rate)
        for name, rate in zip(SECTORS_OF_GDP, ("3.1", "6.2", "-4.0", "5.5"), strict=True)
    ]
    assert of(*sectors, known("gdp_growth", "6.2")) == []
    assert of(*sectors, known("gdp_growth", "6.4")) == [(Code.SECTORS, False)]
    [finding] = found(*sectors, known("gdp_growth", "7.0"))
    assert (finding.code, finding.refuses) == (Code.SECTORS, True)
    assert finding.expected == (Decimal("-4.0"), Decimal("6.2"))


@pytest.mark.parametrize(
    ("new", "old", "back"),
    [
        (State.PRELIMINARY, State.VERIFIED, True),
        (State.FLASH, State.PRELIMINARY, True),
        (State.VERIFIED, State.VERIFIED, False),
        (State.VERIFIED, State.FLASH, False),
    ],
)
def test_a_less_final_figure_does_not_silently_replace_another(
    new: State, old: State, back: bool
) -> None:
    finding = goes_back(known("gdp", "1", state=new), known("gdp", "1", state=old))
    assert (finding is not None) is back
