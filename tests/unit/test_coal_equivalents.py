"""Coal equivalents and carbon factors, worked by hand from what the references print."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.quantities import CATALOGUE, Group
from schemas.quantities import MEDIA as CATALOGUED_MEDIA
from service.domain import worth
from service.domain.coal_equivalent import KJ_PER_KGCE, Entry, Measured, in_force, measured
from service.domain.emissions import Fuel
from service.domain.heating_values import GBT_2589, PLAUSIBLE
from service.domain.worth import Known, Worth
from tests.heating_values import CARBON, CARRIERS, GASES, MEDIA

LAST_DIGIT = 6e-5  # of four places; two rows were not rounded from the kJ that are printed
JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))


def both(value: float | tuple[float, float]) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_each_factor_is_its_heating_value_over_that_of_standard_coal(carrier: str) -> None:
    kj, kgce, unit = CARRIERS[carrier]
    for value, factor in zip(both(kj), both(kgce), strict=True):
        of_unit = Measured(None, JAN, None, value, f"kJ/{unit}").kgce_per_unit
        assert of_unit / (1_000 if unit == "kg" else 1) == pytest.approx(factor, abs=LAST_DIGIT)
    assert CATALOGUE[carrier].unit == {"kg": "t", "m³": "m³"}[unit]
    assert GBT_2589[carrier] == kj


@pytest.mark.parametrize("medium", MEDIA)
def test_each_medium_is_worth_what_it_took_to_make(medium: str) -> None:
    mj, kgce, _ = MEDIA[medium]
    assert mj * 1_000 / KJ_PER_KGCE == pytest.approx(kgce, abs=0.005 * 1_000 / KJ_PER_KGCE + 5e-5)


def test_the_catalogue_has_every_carrier_and_medium_that_is_printed() -> None:
    carriers = {code for code, q in CATALOGUE.items() if q.group is Group.CARRIER}
    assert carriers >= {*CARRIERS, *CARBON, "electricity", "heat"}
    assert set(MEDIA) == CATALOGUED_MEDIA
    assert set(GBT_2589) == set(CARRIERS)


@pytest.mark.parametrize("fuel", CARBON)
def test_each_carbon_factor_follows_from_its_parts(fuel: str) -> None:
    gj, carbon, oxidised, tonnes = CARBON[fuel]
    printed_to = 10 ** -len(str(tonnes).split(".")[1])
    kg = Fuel(gj, carbon, oxidised / 100).kgco2_per_unit
    assert kg / 1_000 == pytest.approx(tonnes, abs=0.5 * printed_to)


def test_what_is_measured_of_gas_replaces_both_values() -> None:
    """35,000 kJ/m³: 35,000 / 29,307.6 kgce, and 0.035 GJ x 0.0153 x 0.99 x 44/12 t of CO2."""
    whole = Entry("", JAN, None, Fuel(0.038931, 0.0153, 0.99).kgco2_per_unit, 7)
    known = Known(
        "natural_gas",
        "620623",
        calorific=[Entry("", JAN, None, 1.2143)],
        carbon=[whole],
        fuels={7: Fuel(0.038931, 0.0153, 0.99)},
        heating=[Measured(None, FEB, date(2026, 2, 28), 35_000, "kJ/m³")],
    )
    [january, february, march] = worth.pieces(known, JAN, APR)
    values = [
        (p.calorific and p.calorific.value, p.coal_consumption and p.coal_consumption.value)
        for p in (january, february, march)
    ]
    assert values == [(1.2143, 1.2143), (pytest.approx(1.19423),) * 2, (1.2143, 1.2143)]
    carbon = [p.carbon.value for p in (january, february, march) if p.carbon]
    assert carbon == pytest.approx([2.16219, 1.94387, 2.16219], abs=5e-6)


def test_the_two_limits_of_ferrosilicon_are_one_consumption() -> None:
    """GB 21341-2008 prints 1,980 kgce/t at 0.1229 and 4,600 at 0.404 kgce/kWh."""
    kwh = (4_600 - 1_980) / (0.404 - 0.1229)
    rest = 1_980 - 0.1229 * kwh
    assert kwh == pytest.approx(9_320.5, abs=0.1)
    assert rest == pytest.approx(834.5, abs=0.1)  # reductant, the same by both methods
    assert 0.404 * kwh + rest == pytest.approx(4_600)


def entry(region: str, first: date, last: date | None = None, value: float = 1.0) -> Entry:
    return Entry(region, first, last, value)


EVERYWHERE = [entry("", JAN, None, 1), entry("", MAR, None, 2)]


@pytest.mark.parametrize(
    ("entries", "day", "value"),
    [
        pytest.param(EVERYWHERE, date(2020, 5, 5), 1, id="before the oldest the oldest holds"),
        pytest.param(EVERYWHERE, date(2026, 2, 28), 1, id="it holds to the next one's day"),
        pytest.param(EVERYWHERE, MAR, 2, id="from its day on"),
        pytest.param([*EVERYWHERE, entry("62", APR, None, 3)], JAN, 3, id="a region counts alone"),
        pytest.param([*EVERYWHERE, entry("65", JAN, None, 3)], MAR, 2, id="another's does not"),
        pytest.param(
            [entry("62", JAN, None, 3), entry("6206", JAN, None, 4)], MAR, 4, id="the closest"
        ),
        pytest.param([entry("", JAN, FEB, 1)], FEB, 1, id="its last day is its own"),
        pytest.param([entry("", JAN, FEB, 1)], date(2026, 2, 2), None, id="then nothing is known"),
        pytest.param(
            [*EVERYWHERE, entry("62", JAN, FEB, 3)], MAR, None, id="nor filled from a wider region"
        ),
        pytest.param([], JAN, None, id="nothing was entered"),
    ],
)
def test_which_entry_holds(entries: list[Entry], day: date, value: float | None) -> None:
    found = in_force(entries, "620623", day)
    assert (None if found is None else found.value) == value


def heat(device: int | None, first: date, last: date | None, kj: float) -> Measured:
    return Measured(device, first, last, kj, "kJ/kg")


@pytest.mark.parametrize(
    ("values", "kj"),
    [
        pytest.param([heat(None, JAN, None, 1)], 1, id="of the enterprise"),
        pytest.param([heat(None, JAN, None, 1), heat(5, JAN, None, 2)], 2, id="of the device"),
        pytest.param([heat(None, JAN, None, 1), heat(6, JAN, None, 2)], 1, id="of another device"),
        pytest.param(
            [heat(5, JAN, FEB, 2), heat(None, JAN, None, 1)], 1, id="the device's is over"
        ),
        pytest.param([heat(None, JAN, None, 1), heat(None, FEB, None, 2)], 2, id="the newer"),
        pytest.param([heat(None, JAN, None, 1), heat(None, FEB, FEB, 2)], 1, id="which is over"),
        pytest.param([heat(None, APR, None, 1)], None, id="not before its day"),
    ],
)
def test_which_heating_value_holds(values: list[Measured], kj: float | None) -> None:
    found = measured(values, 5, MAR)
    assert (None if found is None else found.kj) == kj


@pytest.mark.parametrize("quantity", ["electricity", "heat"])
def test_electricity_by_coal_consumption_is_the_operators(quantity: str) -> None:
    known = Known(quantity, "620623", calorific=[entry("", JAN)])
    assert worth.by_coal_consumption(known, MAR) is None


def test_a_medium_has_no_calorific_value() -> None:
    known = Known("fresh_water", "620623", coal_consumption=[entry("", JAN, None, 0.2571)])
    assert worth.calorific(known, MAR) is None
    assert worth.by_coal_consumption(known, MAR) is not None


def test_a_fuel_has_its_own_value_by_coal_consumption_where_one_is_entered() -> None:
    own = [entry("62", JAN, None, 9)]
    here = Known("coke", "620623", calorific=[entry("", JAN)], coal_consumption=own)
    assert [w and w.value for w in (worth.by_coal_consumption(here, MAR),)] == [9]
    elsewhere = replace(here, county="650102")
    assert [w and w.value for w in (worth.by_coal_consumption(elsewhere, MAR),)] == [1]


def test_a_mistaken_unit_is_not_plausible() -> None:
    for quantity, (kj, _, unit) in CARRIERS.items():
        for value in both(kj):
            assert PLAUSIBLE[quantity].holds(value)
            for mistaken in (value / 4.1868, value / 1_000, value * 1_000):
                assert not PLAUSIBLE[quantity].holds(mistaken)
        assert PLAUSIBLE[quantity].unit == f"kJ/{unit}"
    assert {q for q, plausible in PLAUSIBLE.items() if plausible.unit == "kJ/m³"} == GASES
    assert (PLAUSIBLE["natural_gas"].low, PLAUSIBLE["natural_gas"].high) == (32_238, 38_979)


DAYS = st.dates(date(2025, 12, 20), date(2026, 1, 20))
ENDS = st.none() | st.integers(0, 20)


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    regions = st.sampled_from(["", "62", "6206", "65"])
    keys = draw(st.lists(st.tuples(regions, DAYS), max_size=6, unique=True))
    return [
        Entry(region, first, None if (end := draw(ENDS)) is None else first + timedelta(end),
              draw(st.floats(0.1, 2)), number)
        for number, (region, first) in enumerate(keys)
    ]  # fmt: skip


@st.composite
def heating(draw: st.DrawFn) -> list[Measured]:
    keys = draw(st.lists(st.tuples(st.sampled_from([None, 5, 6]), DAYS), max_size=5, unique=True))
    return [
        Measured(device, first, None if (end := draw(ENDS)) is None else first + timedelta(end),
                 draw(st.floats(1e4, 4e4)), "kJ/m³", number)
        for number, (device, first) in enumerate(keys)
    ]  # fmt: skip


@given(
    st.sampled_from(["natural_gas", "electricity"]),
    entries(), entries(), entries(), heating(),
    st.sets(st.integers(0, 5)), DAYS, st.integers(1, 20),
)  # fmt: skip
def test_pieces_are_the_days_put_together(
    quantity: str, calorific: list[Entry], by_coal: list[Entry], carbon: list[Entry],
    heats: list[Measured], with_parts: set[int], first: date, length: int,
) -> None:  # fmt: skip
    fuels = {number: Fuel(0.0389, 0.0153, 0.99) for number in with_parts}
    known = Known(quantity, "620623", 5, calorific, by_coal, carbon, fuels, heats)
    stop = first + timedelta(length)
    found = list(worth.pieces(known, first, stop))
    assert (found[0].first, found[-1].stop) == (first, stop)
    assert all(a.stop == b.first for a, b in pairwise(found))
    uses: dict[str, Callable[[Known, date], Worth | None]] = {
        "calorific": worth.calorific,
        "coal_consumption": worth.by_coal_consumption,
        "carbon": worth.carbon,
    }
    for piece in found:
        for day in range((piece.stop - piece.first).days):
            for use, of_day in uses.items():
                assert getattr(piece, use) == of_day(known, piece.first + timedelta(day))
