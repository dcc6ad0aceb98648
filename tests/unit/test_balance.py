"""Level 1 against level 2 against level 3, each meter against those under it; worked by hand."""

import pytest

from service.domain.balance import Gap, Metered, balance

MONTH = 31 * 86_400.0


def meter(
    device: str,
    level: int | None,
    amount: float | None,
    parent: str | None = None,
    *,
    sign: int = 1,
    measured: float = 1.0,
    estimated: float = 0.0,
) -> Metered:
    share = 0.0 if amount is None else measured
    return Metered(device, level, parent, sign, amount, estimated, share * MONTH, MONTH)


# The grid meter took 1,000 and gave back 50; two halls under it took 600 and 320, the furnace and
# the fans of the first 450 and 120.
PLANT = [
    meter("L1", 1, 1_000),
    meter("L1", 1, 50, sign=-1),
    meter("H1", 2, 600, "L1"),
    meter("H2", 2, 320, "L1", measured=0.9, estimated=32),
    meter("F1", 3, 450, "H1"),
    meter("F2", 3, 120, "H1"),
]


def test_levels_are_compared() -> None:
    found = balance(PLANT)
    assert (found.levels[1].consumption, found.levels[1].export) == (1_000, 50)
    assert [found.levels[level].net for level in (1, 2, 3)] == [950, 920, 570]
    assert found.total == 950
    assert (found.deviations[1].absolute, found.deviations[1].share) == (30, 30 / 950)
    assert (found.deviations[2].absolute, found.deviations[2].share) == (350, 350 / 920)
    assert found.levels[2].completeness == pytest.approx(0.95)
    assert found.levels[2].estimated == pytest.approx(32 / 920)


def test_each_meter_is_held_against_those_under_it() -> None:
    nodes = {node.device: node for node in balance(PLANT).nodes}
    assert (nodes["L1"].under, nodes["L1"].deviation.absolute) == (("H1", "H2"), 30)
    assert (nodes["H1"].under, nodes["H1"].deviation.absolute) == (("F1", "F2"), 30)
    assert nodes["H1"].deviation.share == 0.05


@pytest.mark.parametrize(
    ("meters", "total", "gap"),
    [
        pytest.param(PLANT[2:], None, Gap.NO_METERS, id="no level-1 meter: no total"),
        pytest.param(
            [meter("L1", 1, None), *PLANT[2:]], None, Gap.NO_DATA, id="a silent one: no total"
        ),
        pytest.param(
            [meter("L1", 1, None), PLANT[1], *PLANT[2:]], None, Gap.NO_DATA,
            id="what was exported alone is no total",
        ),
        pytest.param(
            [meter("L1", 1, 0), *PLANT[2:]], 0, None, id="a zero that was measured is one"
        ),
        pytest.param(
            [PLANT[0], meter("L2", 1, None), *PLANT[2:]], 1_000, Gap.SILENT_METERS,
            id="one of two is silent: told, and not compared",
        ),
        pytest.param([PLANT[0]], 1_000, Gap.NO_METERS, id="nothing stands under it"),
        pytest.param([PLANT[1]], -50, Gap.NO_METERS, id="a plant that only exports"),
    ],
)  # fmt: skip
def test_a_gap_is_never_a_zero(meters: list[Metered], total: float | None, gap: Gap | None) -> None:
    found = balance(meters)
    assert (found.total, found.deviations[1].gap) == (total, gap)


def test_the_share_of_nothing_is_not_known() -> None:
    deviation = balance([meter("L1", 1, 0), *PLANT[2:4]]).deviations[1]
    assert (deviation.absolute, deviation.share) == (-920, None)


def test_silent_meters_are_named() -> None:
    found = balance([PLANT[0], meter("L2", 1, None)]).levels[1]
    assert (found.silent, found.meters, found.completeness) == (("L2",), 2, 0.5)
