"""Numbers, units, periods and price bases of official figures as people write them."""

from decimal import Decimal

import pytest

from schemas.official import SERIES
from schemas.official_units import UNITS
from schemas.quantities import CATALOGUE, Group
from service.api.figure_columns import price_base_of
from service.api.figure_columns import spelt as word
from service.domain import numerals, period_text
from service.domain.numerals import Unreadable


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", ("1234.5", False)),
        ("1,234,567.80", ("1234567.80", False)),
        ("１，２３４．５", ("1234.5", False)),
        ("-2.5％", ("-2.5", True)),
        ("−2.5", ("-2.5", False)),
        (" 12 % ", ("12", True)),
        ("1,23", Unreadable.OTHER),
        ("12,34,567", Unreadable.OTHER),
        ("1_000", Unreadable.OTHER),
        ("٣", Unreadable.OTHER),
        ("3.5‰", Unreadable.OTHER),
        ("9" * 50, Unreadable.OTHER),
        ("1.23E+05", Unreadable.ROUNDED),
        ("—", Unreadable.ABSENT),
        ("NaN", Unreadable.ABSENT),
    ],
)
def test_a_number_is_read_or_not(text: str, number: tuple[str, bool] | Unreadable) -> None:
    found = numerals.read(text)
    expected = number if isinstance(number, Unreadable) else (Decimal(number[0]), number[1])
    assert found == expected


@pytest.mark.parametrize(
    ("given", "stored", "value", "expected"),
    [
        ("万吨标准煤", "tce", "70.03", "700300"),
        ("亿元", "万元", "612.3", "6123000"),
        ("元", "万元", "5", "0.0005"),
        ("万千瓦时", "kWh", "1", "10000"),
        ("亿 kWh", "kWh", "0.5", "50000000"),
        ("万m³", "m³", "2", "20000"),
        ("％", "%", "2.5", "2.5"),
        ("百万千焦", "GJ", "3", "3"),
        ("万吨二氧化碳", "tCO2", "1.5", "15000"),
    ],
)
def test_a_unit_is_converted_exactly(given: str, stored: str, value: str, expected: str) -> None:
    factor = numerals.factor(given, stored)
    assert factor is not None
    assert Decimal(value) * factor == Decimal(expected)


@pytest.mark.parametrize(("given", "stored"), [("吨", "tce"), ("元", "%"), ("", "t"), ("x", "?")])
def test_another_kind_of_unit_is_none(given: str, stored: str) -> None:
    assert numerals.factor(given, stored) is None


def test_every_series_and_product_has_a_unit_that_can_be_written() -> None:
    units = {series.unit for series in SERIES.values() if not series.by_product}
    units |= {q.unit for q in CATALOGUE.values() if q.group is Group.PRODUCT}
    assert units <= UNITS.keys()
    for unit in units:
        assert numerals.factor(unit, unit) == 1


def test_no_two_series_share_a_name() -> None:
    names = [name for s in SERIES.values() for name in {word(n) for n in (s.code, s.zh, s.en)}]
    assert len(names) == len(set(names))
    assert all(s.growth in SERIES for s in SERIES.values() if s.growth is not None)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2026-01..2026-09", "2026-01..2026-09"),
        ("2026年1-9月", "2026-01..2026-09"),
        ("２０２６年１－９月", "2026-01..2026-09"),
        ("2026年1月—9月", "2026-01..2026-09"),
        ("2026年1至2月", "2026-01..2026-02"),
        ("2026Q3", "2026-01..2026-09"),
        ("2026年前三季度", "2026-01..2026-09"),
        ("2026年上半年", "2026-01..2026-06"),
        ("2026-09", "2026-09..2026-09"),
        ("2026年9月", "2026-09..2026-09"),
        ("2026-09-01", "2026-09..2026-09"),
        ("2026", "2026-01..2026-12"),
        ("2026年", "2026-01..2026-12"),
        ("2026年三季度", None),
        ("2026-09-15", None),
        ("2026年9-1月", None),
        ("2026-13", None),
        ("1899", None),
        ("0001-01..0001-02", None),
        ("202609", None),
        ("", None),
    ],
)
def test_a_period_is_read_or_not(text: str, period: str | None) -> None:
    found = period_text.read(text)
    assert (None if found is None else str(found)) == period


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("现价", "current"),
        ("Current", "current"),
        ("可比价", "constant"),
        ("2020年不变价", "2020"),
        ("2020", "2020"),
        ("2020.0", None),
        ("constant-ish", None),
    ],
)
def test_a_price_base_is_read_or_not(text: str, base: str | None) -> None:
    assert price_base_of(text) == base
