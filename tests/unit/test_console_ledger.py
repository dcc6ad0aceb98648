"""Rows of the page of one enterprise: carriers, meters under each other, settings that changed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from service.console.ledger import carriers_of
from service.console.measurements import Asked
from service.console.meter_rows import in_order
from service.store.amounts import Step
from service.store.meters import Meter


def carrier(**more: Any) -> dict[str, Any]:
    return {"amount": 10.0, "energy": 1.0, "completeness": 1.0, "estimated": 0.0, **more}


def test_carriers_of_all_methods_stand_in_one_row() -> None:
    rows = carriers_of(
        {
            "calorific": {"coke": carrier(), "electricity": carrier(energy=2.0)},
            "carbon": {"coke": carrier(energy=None)},
        }
    )
    assert [(row.quantity, row.unit, row.energy) for row in rows] == [
        ("coke", "t", {"calorific": 1.0, "carbon": None}),
        ("electricity", "kWh", {"calorific": 2.0}),
    ]


@pytest.mark.parametrize(
    ("known", "amount"),
    [
        pytest.param({"completeness": 0.0, "energy": None, "amount": 0.0}, None, id="a gap"),
        pytest.param({"completeness": 0.4, "energy": 0.0, "amount": 0.0}, 0.0, id="nothing used"),
        pytest.param({"completeness": 1.0, "energy": None}, 10.0, id="no coefficient"),
    ],
)
def test_a_carrier_that_was_not_measured_has_no_amount(
    known: dict[str, Any], amount: float | None
) -> None:
    [row] = carriers_of({"calorific": {"coke": carrier(**known)}})
    assert row.amount == amount


@dataclass
class Row:
    code: str
    parent: str | None
    metering_level: int | None
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


def test_meters_stand_under_the_one_above_them() -> None:
    meters = [
        Meter(Row(code, parent, level), [], None)
        for code, parent, level in (
            ("A-3", "A-2", 3), ("P-1", None, None), ("A-2", "A-1", 2), ("B-1", None, 1),
            ("A-1", None, 1), ("X-2", "gone", 2),
        )
    ]  # fmt: skip
    assert [(meter.row.code, depth) for meter, depth in in_order(meters)] == [
        ("A-1", 0), ("A-2", 1), ("A-3", 2), ("B-1", 0), ("X-2", 0), ("P-1", 0)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stop", "step"),
    [
        (date(2026, 1, 2), Step.QUARTER),
        (date(2026, 1, 3), Step.DAY),
        (date(2026, 3, 4), Step.DAY),
        (date(2026, 3, 5), Step.MONTH),
    ],
)
def test_the_longer_the_stretch_the_longer_the_buckets(stop: date, step: Step) -> None:
    asked = Asked("9", "E-01", "electricity", "instant", date(2026, 1, 1), stop)
    assert asked.step is step
    assert "stop=2026-01-05" in asked.query(date(2026, 1, 4), date(2026, 1, 5))
