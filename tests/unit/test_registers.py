"""The register model: from dials to amounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.registers import Reading, Register, Replacement, Setting, steps
from service.domain.segments import Flag, spread

HOUR = 3600.0
METER = Register(expected_interval_s=900)


def dial(*readings: tuple[float, float]) -> list[Reading]:
    """Readings of hours, stand."""
    return [Reading(at * HOUR, value) for at, value in readings]


def amounts(register: Register, readings: list[Reading]) -> dict[float, float]:
    """Amounts by the hour at which their quarter hour begins, zeros left out."""
    buckets = spread(steps(register, readings))
    return {at / HOUR: round(b.amount or 0, 9) for at, b in buckets.items() if b.amount}


@pytest.mark.parametrize(
    ("register", "readings", "expected"),
    [
        pytest.param(
            METER, [(0, 100), (0.25, 104)], {0: 4}, id="a quarter hour between two readings"
        ),
        pytest.param(
            METER, [(0, 100), (1, 104)], {0: 1, 0.25: 1, 0.5: 1, 0.75: 1},
            id="an hour is spread evenly",
        ),
        pytest.param(
            METER, [(0.125, 100), (0.375, 104)], {0: 2, 0.25: 2},
            id="the dial at a border is interpolated",
        ),
        pytest.param(METER, [(0, 100)], {}, id="one reading is no amount"),
        pytest.param(
            METER, [(0, 100), (0.25, 90), (0.5, 92)], {0.25: 2},
            id="a fall for no known reason counts as zero",
        ),
        pytest.param(
            Register(900, (Setting(0, 1, 1000),)), [(0, 998), (0.25, 3)], {0: 5},
            id="a fall near the width is a rollover",
        ),
        pytest.param(
            Register(900, (Setting(0, 1, 1000),)), [(0, 500), (0.25, 3)], {},
            id="a fall from the middle of the dial is none",
        ),
        pytest.param(
            Register(900, (Setting(0, 1, 1000),), plausible_rate=10), [(0, 998), (0.25, 3)], {},
            id="a rollover faster than plausible is none",
        ),
        pytest.param(
            Register(900, (Setting(0, 1, 1000),), plausible_rate=20), [(0, 998), (0.25, 3)],
            {0: 5}, id="a rollover as fast as plausible is one",
        ),
        pytest.param(
            Register(900, replacements=(Replacement(0.125 * HOUR, 110, 5),)),
            [(0, 100), (0.25, 8)], {0: 13}, id="a known replacement closes one dial and opens one",
        ),
        pytest.param(
            Register(900, replacements=(Replacement(0.25 * HOUR, 110, 5),)),
            [(0, 100), (0.25, 999), (0.5, 8)], {0: 10, 0.25: 3},
            id="at the instant of a replacement its own stands count",
        ),
        pytest.param(
            Register(900, (Setting(0, 10), Setting(0.125 * HOUR, 30))), [(0, 100), (0.25, 104)],
            {0: 80}, id="a new ratio splits the step",
        ),
        pytest.param(
            Register(900, (Setting(5 * HOUR, 10), Setting(9 * HOUR, 30))), [(0, 1), (0.25, 2)],
            {0: 10}, id="before the first setting the first holds",
        ),
    ],
)  # fmt: skip
def test_steps_become_amounts(
    register: Register, readings: list[tuple[float, float]], expected: dict[float, float]
) -> None:
    assert amounts(register, dial(*readings)) == expected


@pytest.mark.parametrize(
    ("readings", "measured", "estimated"),
    [
        pytest.param([(0, 0), (0.5, 2)], 1800, 0, id="one reading left out is bridged"),
        pytest.param([(0, 0), (0.75, 3)], 0, 3, id="a longer gap is estimated, not measured"),
        pytest.param([(0, 5), (0.25, 1)], 0, 0, id="a reset measures nothing"),
    ],
)
def test_completeness_and_estimates_go_with_the_amount(
    readings: list[tuple[float, float]], measured: float, estimated: float
) -> None:
    buckets = spread(steps(METER, dial(*readings))).values()
    assert sum(bucket.measured_s for bucket in buckets) == measured
    assert sum(bucket.estimated or 0 for bucket in buckets) == estimated


@pytest.mark.parametrize(
    ("register", "readings", "flag"),
    [
        pytest.param(METER, [(0, 5), (0.25, 1)], Flag.RESET, id="reset"),
        pytest.param(
            Register(900, (Setting(0, 1, 1000),)), [(0, 998), (0.25, 3)], Flag.ROLLOVER,
            id="rollover",
        ),
        pytest.param(
            Register(900, replacements=(Replacement(0, 110, 5),)), [(0.25, 8)], Flag.REPLACEMENT,
            id="replacement",
        ),
    ],
)  # fmt: skip
def test_what_happened_to_the_dial_is_flagged(
    register: Register, readings: list[tuple[float, float]], flag: Flag
) -> None:
    assert {b.flags for b in spread(steps(register, dial(*readings))).values()} == {flag}


gaps = st.lists(st.floats(1, 40 * 86_400), min_size=2, max_size=40)
moves = st.lists(st.floats(0, 1e5), min_size=40, max_size=40)


@given(gaps, moves)
def test_buckets_of_one_dial_add_up_to_last_minus_first(
    gaps: list[float], moves: list[float]
) -> None:
    at, value, readings = 0.0, 0.0, []
    for gap, move in zip(gaps, moves, strict=False):
        at, value = at + gap, value + move
        readings.append(Reading(at, value))
    total = sum(bucket.amount or 0 for bucket in spread(steps(METER, readings)).values())
    assert total == pytest.approx(readings[-1].value - readings[0].value, rel=1e-9, abs=1e-6)


@given(st.integers(1, 999), st.floats(0.001, 99), st.floats(0.1, 0.9))
def test_a_replaced_dial_conserves_both_dials(start: int, move: float, share: float) -> None:
    closing, opening = start + move * share, 7.0
    register = Register(900, replacements=(Replacement(450.0, closing, opening),))
    readings = [Reading(0, start), Reading(900, opening + move * (1 - share))]
    total = sum(bucket.amount or 0 for bucket in spread(steps(register, readings)).values())
    assert total == pytest.approx(move)
