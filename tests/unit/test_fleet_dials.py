"""Dials of the demo: they never fall, depend on the instant only, and say plausible things."""

import os
from datetime import date

import numpy as np
import pytest

from deploy.local import settings
from deploy.local.fleet import clock, coefficients
from deploy.local.fleet.clock import DAY, HOUR
from deploy.local.fleet.enterprises import Enterprise, enterprises
from deploy.local.fleet.loads import SolarLoad
from deploy.local.fleet.meters import STRAIN, Meter, Strain

START = clock.midnight_of(date(2025, 1, 1))
STOP = clock.midnight_of(date(2026, 11, 23))
HOURS = np.arange(START, STOP + 1, HOUR, dtype=np.int64)
SERIES = settings.read(os.environ).series  # the derived figures where there is no such folder
KGCE = coefficients.CALORIFIC

FLEET = enterprises(SERIES)
METERS = [
    pytest.param(meter, id=f"{item.uscc}-{meter.device}") for item in FLEET for meter in item.meters
]


def named(recipe: str, fleet: tuple[Enterprise, ...] = FLEET) -> list[Enterprise]:
    return [item for item in fleet if item.entry.recipe == recipe]


def unit_consumption(item: Enterprise) -> clock.Values:
    """Return kgce for a unit of product of the facility, by day."""
    days = HOURS[::24]
    energy = sum(
        (-1 if meter.role == "export" else 1) * KGCE[meter.quantity] * np.diff(meter.amounts(days))
        for meter in item.meters
        if meter.at_facility and meter.role != "output"
    )
    [output] = [meter for meter in item.meters if meter.role == "output"]
    return np.asarray(energy / np.diff(output.amounts(days)))


@pytest.mark.parametrize("meter", METERS)
def test_a_dial_falls_at_its_width_only(meter: Meter) -> None:
    dial = meter.dial(HOURS)
    assert dial.min() >= 0
    assert dial.max() < meter.width
    falls = np.flatnonzero(np.diff(dial) < 0)
    if meter.replaced is not None:
        falls = falls[HOURS[falls + 1] // HOUR != meter.replaced.at // HOUR + 1]
    assert all(dial[falls] > 0.99 * meter.width)
    assert all(dial[falls + 1] < 0.01 * meter.width)
    least = np.diff(meter.amounts(HOURS)).min()
    assert least == 0 if isinstance(meter.load, SolarLoad) else least > 0


def test_some_dial_passes_its_width_within_the_history() -> None:
    passed = [m for item in FLEET for m in item.meters if (np.diff(m.dial(HOURS)) < 0).any()]
    assert {meter.width for meter in passed} >= {1e6, 1e7}
    assert any(meter.multiplier == 80 for meter in passed)


@pytest.mark.parametrize("meter", METERS)
def test_a_dial_depends_on_the_instant_only(meter: Meter) -> None:
    at = np.arange(STOP - 3 * DAY + 7, STOP, 4_321, dtype=np.int64)
    together = meter.dial(at)
    singly = [float(meter.dial(np.array([instant]))[0]) for instant in at[::-1]][::-1]
    assert singly == together.tolist()


def test_a_replaced_dial_falls_once_and_nothing_is_lost_between() -> None:
    [meter] = [m for item in FLEET for m in item.meters if m.replaced is not None]
    assert meter.replaced is not None
    at, closing = meter.replaced.at, meter.closing()
    assert closing is not None
    before, new, after = meter.dial(np.array([at - HOUR, at, at + HOUR])).tolist()
    assert before < closing
    assert new == meter.replaced.opening < after
    moved = closing - before + after - new
    counted = np.diff(meter.amounts(np.array([at - HOUR, at + HOUR])))[0]
    assert moved * meter.multiplier == pytest.approx(counted, abs=0.03)


def test_another_ratio_lets_a_dial_turn_slower_for_the_same_amount() -> None:
    [meter] = [m for item in FLEET for m in item.meters if m.ratio is not None]
    assert meter.ratio is not None
    at = np.arange(meter.ratio.since - DAY, meter.ratio.since + DAY + 1, HOUR, dtype=np.int64)
    steps = np.diff(meter.dial(at)) % meter.width * meter.multipliers(at[:-1])
    assert steps == pytest.approx(np.diff(meter.amounts(at)), abs=0.02 * 120)
    assert set(meter.multipliers(at).tolist()) == {80.0, 120.0}


def test_solar_cells_make_nothing_at_night() -> None:
    cells = [m for item in FLEET for m in item.meters if isinstance(m.load, SolarLoad)]
    assert {m.part for m in cells} == {"renewable", None}
    for meter in cells:
        by_hour = np.diff(meter.amounts(HOURS)).reshape(-1, 24)
        assert by_hour[:, [0, 1, 2, 3, 4, 5, 20, 21, 22, 23]].max() == 0
        assert by_hour[:, 12].min() > 0


def test_no_enterprise_exports_more_than_its_cells_make() -> None:
    for item in FLEET:
        exported = [m for m in item.meters if m.quantity == "electricity_reverse"]
        made = [m for m in item.meters if m.device == "S-01"]
        for one, other in zip(exported, made, strict=False):
            days = HOURS[::24]
            assert (np.diff(one.amounts(days)) < np.diff(other.amounts(days))).all()


def test_another_run_makes_the_same_dials() -> None:
    enterprises.cache_clear()
    again = enterprises(SERIES)
    for item, other in zip(FLEET, again, strict=True):
        for meter, twin in zip(item.meters, other.meters, strict=True):
            assert np.array_equal(meter.dial(HOURS[-100:]), twin.dial(HOURS[-100:]))


def test_level_1_holds_the_main_facility() -> None:
    for item in FLEET:
        by_device = {
            meter.device: np.diff(meter.amounts(HOURS))
            for meter in item.meters
            if meter.quantity == "electricity"
        }
        if "E-11" in by_device:
            assert (by_device["E-01"] > by_device["E-11"]).all()


@pytest.mark.parametrize(
    ("recipe", "lowest", "highest"),
    [
        pytest.param("ferrosilicon", 1_720, 1_900, id="ferrosilicon with its reductant"),
        pytest.param("silicon_carbide", 800, 940, id="silicon carbide"),
        pytest.param("calcium_carbide", 870, 960, id="calcium carbide"),
        pytest.param("clinker", 105, 118, id="clinker"),
        pytest.param("methanol", 1_400, 1_620, id="methanol"),
        pytest.param("coking", 110, 140, id="coke"),
        pytest.param("gas_heating", 36, 43, id="heat from gas"),
        pytest.param("coal_heating", 36, 43, id="heat from coal"),
    ],
)
def test_unit_consumption_is_plausible_and_steady(
    recipe: str, lowest: float, highest: float
) -> None:
    for item in named(recipe):
        daily = unit_consumption(item)
        assert lowest < daily.min() < daily.max() < highest
        assert 0.003 < daily.std() / daily.mean() < 0.03


@pytest.mark.parametrize(
    ("recipe", "lowest", "highest"),
    [("ferrosilicon", 8_000, 8_500), ("silicon_carbide", 6_500, 7_500), ("clinker", 54, 60)],
)
def test_electricity_for_a_tonne_is_plausible(recipe: str, lowest: float, highest: float) -> None:
    for item in named(recipe):
        [electricity] = [m for m in item.meters if m.device == "E-11"]
        [output] = [m for m in item.meters if m.role == "output"]
        ends = HOURS[[0, -1]]
        used = np.diff(electricity.amounts(ends)) / np.diff(output.amounts(ends))
        assert lowest < used[0] < highest


def test_heat_follows_the_cold() -> None:
    [item] = named("gas_heating")
    [output] = [meter for meter in item.meters if meter.role == "output"]
    winter, summer = (
        output.amounts(np.array([clock.midnight_of(d), clock.midnight_of(d) + 30 * DAY]))
        for d in (date(2026, 1, 1), date(2026, 7, 1))
    )
    assert np.diff(winter)[0] > 3 * np.diff(summer)[0]


@pytest.mark.parametrize("meter", METERS[:12])
def test_a_strain_never_lets_a_dial_fall_even_when_it_ends(meter: Meter) -> None:
    since, until = STOP - DAY - 700, STOP - 5_000
    at = np.arange(since - HOUR, STOP, 15, dtype=np.int64)
    strained = meter.dial(at, [Strain(since, until)])
    assert (np.diff(strained) >= 0).all() or meter.width < 1e8
    own = np.diff(meter.amounts(np.array([since, until]), strained=True))[0] / meter.multiplier
    extra = (strained[-1] - meter.dial(at[-1:])[0]) % meter.width
    assert extra == pytest.approx(STRAIN * own, abs=0.02)
