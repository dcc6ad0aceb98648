"""What a run of `sustained_load` is judged by."""

import pytest

from tests.benchmarks.watch import Sample, judge, lags_of


def run(sent: float, committed: float, rolled_up: float) -> list[Sample]:
    """Return a minute of samples, with so many readings a second at each place."""
    return [
        Sample(at, at * sent, at * committed, at * (committed - rolled_up), 1 + at, 10 + at)
        for at in range(60)
    ]


@pytest.mark.parametrize(
    ("sent", "committed", "rolled_up", "holds"),
    [
        pytest.param(100, 100, 100, True, id="all of it keeps up"),
        pytest.param(100, 99, 98, True, id="a little grows"),
        pytest.param(100, 90, 90, False, id="ingest falls behind"),
        pytest.param(100, 100, 90, False, id="the rollup falls behind"),
        pytest.param(90, 90, 90, False, id="the sender falls behind"),
    ],
)
def test_a_rate_holds_while_no_backlog_grows(
    sent: float, committed: float, rolled_up: float, holds: bool
) -> None:
    verdict = judge(100, run(sent, committed, rolled_up), {"broker": 6.0, "rollup": 54.0})
    assert verdict.holds() is holds
    assert verdict.limit.startswith("rollup: 0.9")


def test_the_lag_is_the_age_of_the_oldest_change_that_waits() -> None:
    logged = [(0, None, 5), (1, 6, 8), (2, 9, 12), (3, 9, 15), (4, None, 15)]
    samples = [Sample(at, 0, 0, 0, oldest, newest) for at, oldest, newest in logged]
    assert lags_of(samples) == [0, 1, 1, 2, 0]
