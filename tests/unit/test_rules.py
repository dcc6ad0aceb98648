"""Rule sets, each with the cases that its document or its setting gives."""

from decimal import Decimal
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.indicators import Level
from service.domain.rules import hour_limit, ndrc_2020_gap10, own_baseline
from service.domain.rules.own_baseline import Baseline, baselines

RATES = st.decimals(-20, 20, places=3)


@pytest.mark.parametrize(
    ("target", "actual", "level"),
    [
        pytest.param("2.52", "2.52", Level.GREEN, id="met to the hundredth"),
        pytest.param("2.52", "3.10", Level.GREEN, id="more than met"),
        pytest.param("2.52", "2.268", Level.YELLOW, id="a gap of exactly a tenth is within it"),
        pytest.param("2.52", "2.267", Level.RED, id="just beyond a tenth"),
        pytest.param("1.1", "0.99", Level.YELLOW, id="a tenth that floats would miss"),
        pytest.param("-2.17", "-2.27", Level.YELLOW, id="Anhui 2020: 2.27 up, 2.17 permitted"),
        pytest.param("-2.17", "-2.50", Level.RED, id="a rise far above the permitted one"),
        pytest.param("-2.17", "-2.00", Level.GREEN, id="a rise below the permitted one"),
        pytest.param("0", "-0.01", Level.RED, id="any shortfall from zero"),
        pytest.param("0", "0", Level.GREEN, id="zero met"),
        pytest.param("2.52", None, None, id="no figure is not rated"),
        pytest.param(None, "2.52", None, id="no target is not rated"),
    ],
)
def test_ndrc_2020_gap10(target: str | None, actual: str | None, level: Level | None) -> None:
    wanted = None if target is None else Decimal(target)
    reached = None if actual is None else Decimal(actual)
    assert ndrc_2020_gap10.judge(wanted, reached) is level


@given(RATES, RATES, RATES)
def test_a_greater_reduction_never_worsens_the_level(
    target: Decimal, one: Decimal, other: Decimal
) -> None:
    better, worse = max(one, other), min(one, other)
    first, second = ndrc_2020_gap10.judge(target, better), ndrc_2020_gap10.judge(target, worse)
    assert first is not None
    assert second is not None
    assert first <= second


@pytest.mark.parametrize(
    ("value", "level", "breached"),
    [
        pytest.param(100.0, Level.GREEN, (False, False, False), id="as ever"),
        pytest.param(109.0, Level.GREEN, (None, False, False), id="in the deadband of a band"),
        pytest.param(110.0, Level.YELLOW, (True, False, False), id="a tenth above"),
        pytest.param(125.0, Level.ORANGE, (True, True, False), id="a quarter above"),
        pytest.param(140.0, Level.RED, (True, True, True), id="two fifths above"),
        pytest.param(None, None, (None, None, None), id="nothing measured"),
    ],
)
def test_own_baseline(
    value: float | None, level: Level | None, breached: tuple[bool | None, ...]
) -> None:
    judgement = own_baseline.judge(value, Baseline(100.0, 1.0, 8))
    assert judgement.level is level
    assert tuple(judgement.breached.values()) == breached


def test_an_irregular_plant_is_not_reported_every_week() -> None:
    judgement = own_baseline.judge(130.0, Baseline(100.0, 20.0, 8))
    assert judgement.level is Level.GREEN
    assert not any(judgement.breached.values())


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        pytest.param([1.0, 1.0, 1.0], None, id="three windows are too few"),
        pytest.param([1.0, 1.0, 1.0, 1.0], Baseline(1.0, 0.01, 4), id="a flat past spreads 1 %"),
        pytest.param([nan, 1.0, 3.0, 1.0], None, id="an unknown window does not count"),
        pytest.param(
            [1.0, nan, 4.0, 1.0, 4.0, 1.0, 4.0, 1.0, 4.0, 2.5],
            Baseline(2.5, 1.5, 9),
            id="the sample's standard deviation",
        ),
    ],
)
def test_a_baseline_needs_enough_windows(past: list[float], expected: Baseline | None) -> None:
    assert baselines(np.array([past])) == [expected]


@pytest.mark.parametrize(
    ("mean", "limit", "valid", "level"),
    [
        pytest.param(60.0, 60.0, True, Level.GREEN, id="at the limit"),
        pytest.param(60.1, 60.0, True, Level.YELLOW, id="above it"),
        pytest.param(120.0, 60.0, True, Level.RED, id="twice the limit"),
        pytest.param(500.0, 60.0, False, None, id="an invalid hour proves nothing"),
        pytest.param(None, 60.0, True, None, id="an hour without a mean"),
        pytest.param(60.0, None, True, None, id="an outlet without a limit"),
    ],
)
def test_hour_limit(
    mean: float | None, limit: float | None, valid: bool, level: Level | None
) -> None:
    assert hour_limit.judge(mean, limit, valid=valid).level is level


@given(
    st.one_of(st.none(), st.floats(allow_nan=False)),
    st.one_of(st.none(), st.floats(0.001, 1e6)),
    st.booleans(),
)
def test_no_data_is_never_green(value: float | None, limit: float | None, valid: bool) -> None:
    if value is None or limit is None:
        assert hour_limit.judge(value, limit, valid=valid).level is None
        assert ndrc_2020_gap10.judge(None, Decimal(1)) is None
        assert own_baseline.judge(None, Baseline(1.0, 1.0, 8)).level is None
        assert own_baseline.judge(1.0, None).level is None
