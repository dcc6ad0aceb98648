"""When indicators are measured, and over which months."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from service.domain.calendar import day_of, midnight
from service.domain.windows import Cadence, Months, instants, months_closed_at, parse_months

NOW = datetime.fromisoformat("2026-11-22T14:05:00+08:00")


@pytest.mark.parametrize(
    ("as_of", "cumulative", "rolling"),
    [
        ("2026-11-01", "2026-01..2026-10", "2025-11..2026-10"),
        ("2026-02-01", "2026-01..2026-01", "2025-02..2026-01"),
        ("2026-01-01", "2025-01..2025-12", "2025-01..2025-12"),
        ("2024-03-01", "2024-01..2024-02", "2023-03..2024-02"),
    ],
)
def test_months_that_close(as_of: str, cumulative: str, rolling: str) -> None:
    closed = months_closed_at(midnight(date.fromisoformat(as_of)))
    assert tuple(map(str, closed)) == (cumulative, rolling)


def test_months_are_read_as_they_are_printed() -> None:
    months = parse_months("2026-01..2026-09")
    assert months == Months(date(2026, 1, 1), date(2026, 9, 1))
    assert (months.start, months.stop) == (date(2026, 1, 1), date(2026, 10, 1))
    assert str(months.year_before()) == "2025-01..2025-09"


@pytest.mark.parametrize("text", ["2026", "2026-09..2026-01", "2026-13..2026-14", "x..y", ""])
def test_what_is_not_months_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_months(text)


@pytest.mark.parametrize(
    ("cadence", "hours_back", "count"),
    [
        pytest.param(Cadence.HOURLY, 5, 5, id="each hour while live"),
        pytest.param(Cadence.HOURLY, 24 * 10, 48 + 8, id="each midnight of the past"),
        pytest.param(Cadence.HOURLY_LIVE, 24 * 10, 48, id="nothing of the past"),
        pytest.param(Cadence.DAILY, 24 * 10, 10, id="each midnight"),
        pytest.param(Cadence.MONTHLY, 24 * 40, 1, id="each first of a month"),
        pytest.param(Cadence.ON_ENTRY, 24 * 40, 0, id="official figures by entry only"),
    ],
)
def test_instants(cadence: Cadence, hours_back: int, count: int) -> None:
    first = NOW - timedelta(hours=hours_back)
    found = list(instants(cadence, first, NOW, NOW))
    assert len(found) == count
    assert found == sorted(set(found))
    assert all(first < at <= NOW for at in found)


def test_stretches_that_follow_each_other_share_no_instant_and_leave_none_out() -> None:
    cuts = [NOW - timedelta(minutes=17 * n) for n in range(200, -1, -1)]
    pieces = [
        at
        for first, last in pairwise(cuts)
        for at in instants(Cadence.HOURLY_LIVE, first, last, NOW)
    ]
    assert pieces == list(instants(Cadence.HOURLY_LIVE, cuts[0], NOW, NOW))


def test_days_are_those_of_shanghai() -> None:
    assert day_of(datetime.fromisoformat("2026-11-21T16:00:00Z")) == date(2026, 11, 22)
    assert midnight(date(2026, 11, 22)) == datetime.fromisoformat("2026-11-21T16:00:00Z")
