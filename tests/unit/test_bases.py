"""Bases of energy: one enterprise-year worked by hand, and what holds for any amounts."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.bases import (
    RULES,
    Deduction,
    Recorded,
    Reduction,
    Unknown,
    Use,
    assessed,
    deductions,
    figures,
    together,
)

# A methanol works in 2024, in tce. Coal 120,000 t × 0.7143 = 85,716.0, of which 70,000 t are
# feedstock: 50,001.0. Electricity 60,000,000 kWh × 0.1229 / 1000 = 7,374.0, of which by green
# certificates 20,000,000 kWh = 2,458.0 (2020: 5,000,000 kWh = 614.5) and nuclear 1,000,000 kWh =
# 122.9. A line of 9,000.0 is listed singly. Gross 93,090.0.
WORKS = Recorded(
    gross=Decimal("93090.0"),
    feedstock=Decimal("50001.0"),
    renewables=Decimal("2458.0"),
    renewables_2020=Decimal("614.5"),
    nuclear=Decimal("122.9"),
    single_listed=Decimal("9000.0"),
)
WORKED = {
    Reduction.GROSS: Decimal("93090.0"),
    Reduction.LESS_FEEDSTOCK: Decimal("43089.0"),  # 93,090.0 - 50,001.0
    Reduction.LESS_NEW_RENEWABLES: Decimal("41245.5"),  # less 2,458.0 - 614.5 = 1,843.5 more
    Reduction.LESS_NON_FOSSIL: Decimal("40508.1"),  # less 2,458.0 + 122.9 = 2,580.9 instead
    Reduction.LESS_SINGLE_LISTED: Decimal("84090.0"),  # 93,090.0 - 9,000.0
}
_amounts = st.one_of(st.none(), st.floats(0, 1e9))


def _values(recorded: Recorded[Decimal]) -> dict[Reduction, Decimal | None]:
    return {figure.reduction: figure.value for figure in figures(recorded)}


def test_every_basis_of_one_worked_year() -> None:
    assert _values(WORKS) == WORKED


def test_what_nobody_recorded_is_not_taken_off() -> None:
    assert set(_values(Recorded(Decimal(10))).values()) == {Decimal(10)}


def test_an_increase_since_an_unknown_year_is_unknown() -> None:
    values = {f.reduction: f for f in figures(Recorded(Decimal(10), renewables=Decimal(2)))}
    assert values[Reduction.LESS_NEW_RENEWABLES].value is None
    assert values[Reduction.LESS_NEW_RENEWABLES].unknown is Unknown.BASE_YEAR
    assert values[Reduction.LESS_NON_FOSSIL].value == 8


def test_what_has_no_coefficient_is_unknown_not_nothing() -> None:
    recorded = Recorded(Decimal(10), unvalued=frozenset({Deduction.NON_FOSSIL}))
    found = {f.reduction: f for f in figures(recorded)}
    assert found[Reduction.LESS_NON_FOSSIL].unknown is Unknown.NO_COEFFICIENT
    assert found[Reduction.LESS_NON_FOSSIL].value is None
    assert found[Reduction.LESS_FEEDSTOCK].value == 10


def test_several_together_are_their_sums() -> None:
    both = together([WORKS, Recorded(Decimal(10), feedstock=Decimal(4))])
    assert (both.gross, both.feedstock) == (Decimal("93100.0"), Decimal("50005.0"))
    assert (both.renewables, both.renewables_2020) == (WORKS.renewables, WORKS.renewables_2020)
    without_base = together([WORKS, Recorded(Decimal(10), renewables=Decimal(1))])
    assert without_base.renewables_2020 is None


def test_fewer_renewables_than_in_2020_are_no_increase() -> None:
    fewer = Recorded(Decimal(10), renewables=Decimal(1), renewables_2020=Decimal(4))
    assert deductions(fewer)[Deduction.NEW_RENEWABLES] == 0


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        pytest.param(Recorded(5.0, feedstock=6.0), Unknown.EXCEEDS, id="more than there is"),
        pytest.param(Recorded(5.0, feedstock=-1.0), Unknown.NEGATIVE, id="a negative part"),
        pytest.param(Recorded(-5.0), Unknown.NEGATIVE, id="more exported than used"),
    ],
)
def test_what_cannot_be_is_unknown(recorded: Recorded[float], reason: Unknown) -> None:
    less_feedstock = list(figures(recorded))[1]
    assert (less_feedstock.value, less_feedstock.unknown) == (None, reason)


@given(st.builds(Recorded, st.floats(0, 1e9), *[_amounts] * 5))
def test_bases_are_ordered_and_never_negative(recorded: Recorded[float]) -> None:
    known = {f.reduction: f.value for f in figures(recorded) if f.value is not None}
    assert known[Reduction.GROSS] == recorded.gross
    assert all(0 <= value <= recorded.gross for value in known.values())
    chain = [
        known[reduction]
        for reduction in (
            Reduction.GROSS,
            Reduction.LESS_FEEDSTOCK,
            Reduction.LESS_NEW_RENEWABLES,
            Reduction.LESS_NON_FOSSIL,
        )
        if reduction in known
    ]
    assert all(wider >= narrower - 1e-6 for wider, narrower in pairwise(chain))


@given(st.builds(Recorded, st.floats(0, 1e9), *[_amounts] * 5))
def test_every_figure_says_what_was_taken_off(recorded: Recorded[float]) -> None:
    for figure in figures(recorded):
        if figure.value is not None:
            taken = sum(amount or 0.0 for amount in figure.taken_off.values())
            assert figure.value == pytest.approx(recorded.gross - taken, abs=1e-3)
        else:
            assert figure.unknown is not None


@pytest.mark.parametrize(
    ("use", "year", "reduction"),
    [
        (Use.INTENSITY, 2020, Reduction.GROSS),
        (Use.TOTAL, 2020, Reduction.GROSS),
        (Use.INTENSITY, 2023, Reduction.LESS_NON_FOSSIL),
        (Use.TOTAL, 2025, Reduction.LESS_NON_FOSSIL),
        (Use.INTENSITY, 2026, Reduction.GROSS),
    ],
)
def test_the_newest_document_of_a_year_says_what_is_assessed(
    use: Use, year: int, reduction: Reduction
) -> None:
    assert assessed(use, year) is reduction


def test_new_renewables_are_never_taken_off_the_intensity() -> None:
    rule = next(rule for rule in RULES if rule.reduction is Reduction.LESS_NEW_RENEWABLES)
    assert rule.uses == {Use.TOTAL}
