"""Who may register: whoever is expected, and whoever was given the identity before."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.enrolment import Enrolment, choose, plain
from ingest.errors import Rejected
from ingest.limits import MAX_SENDERS, Rates

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OPEN, CLOSED = NOW + timedelta(hours=1), NOW - timedelta(seconds=1)
HERE, ELSEWHERE = "10.0.0.7", "192.0.2.1"


def row(number: int = 1, **fields: Any) -> Enrolment:
    given = {
        "device_key": None,
        "secret_key": None,
        "addresses": (),
        "learned": None,
        "open_until": None,
        "dialect": "{}",
    }
    return Enrolment(device_id=number, code=f"M-{number}", **(given | fields))


KNOWN: dict[str, Any] = {"device_key": "k", "learned": HERE}


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        pytest.param([], "registration_closed", id="nobody is expected"),
        pytest.param([row()], "registration_closed", id="not opened"),
        pytest.param([row(open_until=CLOSED)], "registration_closed", id="too late"),
        pytest.param([row(open_until=OPEN)], 1, id="opened"),
        pytest.param([row(open_until=OPEN, addresses=["10.0.0.0/24"])], 1, id="from the range"),
        pytest.param(
            [row(open_until=OPEN, addresses=["192.0.2.0/24"])], "wrong_address", id="not from it"
        ),
        pytest.param([row(**KNOWN)], 1, id="known"),
        pytest.param([row(device_key="k", addresses=["10.0.0.0/8"])], 1, id="known by its range"),
        pytest.param(
            [row(device_key="k", learned=ELSEWHERE)], "wrong_address", id="known elsewhere"
        ),
        pytest.param(
            [row(device_key="k", learned=ELSEWHERE, open_until=OPEN)], 1, id="opened anew"
        ),
        pytest.param(
            [row(device_key="k", learned=HERE, addresses=["192.0.2.0/24"])],
            "wrong_address",
            id="the range was changed",
        ),
        pytest.param([row(**KNOWN), row(2)], 1, id="the known one of two"),
        pytest.param(
            [row(device_key="k", learned=ELSEWHERE), row(2, open_until=OPEN)], 2, id="the new one"
        ),
        pytest.param(
            [row(**KNOWN), row(2, open_until=OPEN)], "ambiguous_device", id="either of two"
        ),
    ],
)
def test_who_may_register(rows: Sequence[Enrolment], chosen: int | str) -> None:
    try:
        found: int | str = choose(rows, "91", HERE, NOW).device_id
    except Rejected as rejected:
        found = rejected.reason
    assert found == chosen


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_addresses_are_plain(address: str, known: str) -> None:
    assert plain(address) == known


def test_nobody_without_an_address_registers() -> None:
    with pytest.raises(Rejected):
        choose([row(open_until=OPEN, addresses=["0.0.0.0/0"])], "91", "", NOW)


def test_rates_are_of_each_address() -> None:
    now = 0.0
    rates = Rates(1.0, 60.0, lambda: now)
    assert [rates.admits(HERE) for _ in range(61)] == [True] * 60 + [False]
    assert rates.admits(ELSEWHERE)
    now = 2.0
    assert [rates.admits(HERE) for _ in range(3)] == [True, True, False]


def test_rates_remember_no_more_addresses_than_they_may() -> None:
    now = 0.0
    rates = Rates(1.0, 60.0, lambda: now)
    for number in range(3 * MAX_SENDERS):
        assert rates.admits(str(number))
    assert len(rates._buckets) <= MAX_SENDERS
