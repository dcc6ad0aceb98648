"""Limits of senders, with a clock that the test moves."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import limits
from ingest.limits import DAY_S, Bucket, Limit, Limits
from ingest.settings import Allowance

SMALL = Allowance(least_per_s=10, least_burst=1_000, bytes_per_reading=100)
METERS, INTERVAL_S = 200, 60
DUE = METERS / INTERVAL_S  # readings a second


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def senders(clock: Clock) -> Limits:
    return Limits(SMALL, clock)


def send(senders: Limits, readings: int, due: float = 0.0, size: int = 0) -> None:
    senders.charge("http", "gateway", due, readings, size)


def test_a_day_of_every_meter_at_once_is_absorbed_and_so_is_another(senders: Limits) -> None:
    for _ in range(2):
        assert senders.excess("http", "gateway") is None
        send(senders, METERS * DAY_S // INTERVAL_S, DUE, METERS * DAY_S // INTERVAL_S * 100)


def test_after_its_burst_a_sender_waits_as_long_as_the_rate_says(
    senders: Limits, clock: Clock
) -> None:
    send(senders, 1_500)  # 500 more than the burst
    excess = senders.excess("http", "gateway")
    assert excess is not None
    assert (excess.limit, excess.left[Limit.READINGS]) == (Limit.READINGS, 0)
    assert excess.left[Limit.BYTES] == 100_000
    clock.now = excess.wait_s - 0.2
    assert senders.excess("http", "gateway") is not None
    clock.now = excess.wait_s
    assert senders.excess("http", "gateway") is None
    send(senders, 1)
    assert senders.excess("http", "gateway") is not None
    clock.now += 1_000_000
    assert senders.left("http", "gateway", Limit.READINGS) == 1_000  # and never more


def test_bytes_are_limited_where_readings_are_few(senders: Limits, clock: Clock) -> None:
    send(senders, 1, size=150_000)
    excess = senders.excess("http", "gateway")
    assert excess is not None
    assert excess.limit is Limit.BYTES
    clock.now = excess.wait_s
    assert senders.excess("http", "gateway") is None


def test_each_sender_and_each_way_has_its_own(senders: Limits) -> None:
    send(senders, 5_000)
    assert senders.excess("http", "another") is None
    assert senders.excess("mqtt", "gateway") is None


def test_meters_that_are_registered_later_widen_it_at_once(senders: Limits) -> None:
    send(senders, 5_000)
    assert senders.excess("http", "gateway") is not None
    send(senders, 0, DUE)
    assert senders.excess("http", "gateway") is None
    assert senders.left("http", "gateway", Limit.READINGS) == 2 * DAY_S * DUE - 5_000


def test_senders_that_were_silent_longest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch, senders: Limits
) -> None:
    monkeypatch.setattr(limits, "MAX_SENDERS", 3)
    for name in ("a", "b", "c", "a", "d"):
        senders.charge("http", name, 0, 5_000, 0)
    known = [name for name in "abcd" if senders.excess("http", name) is not None]
    assert known == ["a", "c", "d"]


@given(
    st.lists(
        st.tuples(st.floats(min_value=0, max_value=100), st.integers(min_value=0, max_value=2_000)),
        min_size=1,
    )
)
def test_who_waits_as_told_never_sends_more_than_burst_and_rate(
    steps: list[tuple[float, int]],
) -> None:
    bucket, now, sent = Bucket(10.0, 1_000.0, 1_000.0, 0.0), 0.0, 0
    for pause, amount in steps:
        now += pause + bucket.wait(now)
        assert bucket.wait(now) < 1e-6
        now += bucket.wait(now)
        sent += amount
        bucket.take(amount, now)
        assert sent <= 1_000 + 10 * now + amount + 1e-6
        assert bucket.left(now) <= 1_000
