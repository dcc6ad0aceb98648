"""NHJC data codes: their parts, and what they may be mapped to."""

import dataclasses

import pytest

from schemas.nhjc import Dialect
from schemas.quantities import CATALOGUE, UNITS
from service.api.nhjc import DialectIn
from service.domain.data_codes import ENERGY_TYPES, DataCode, Suggestion, parse, suggest


def test_a_code_has_seven_parts() -> None:
    assert parse("0102030402330011") == DataCode("01", "02", "03", "04", "02", "3300", "11")


@pytest.mark.parametrize("code", ["", "000000000233001", "00000000023300111", "00000000023300a1"])
def test_other_codes_have_none(code: str) -> None:
    assert parse(code) is None
    assert suggest(code) is None


@pytest.mark.parametrize(
    ("code", "quantity", "unit", "scope"),
    [
        pytest.param("0000000002330011", "electricity", "万kWh", 1, id="electricity of the plant"),
        pytest.param("0100000001150021", "natural_gas", "万m³", 2, id="gas of a process"),
        pytest.param("0102000002320021", "heat", "GJ", 3, id="heat of a unit"),
        pytest.param("0102030402330021", "electricity", "万kWh", 4, id="of an equipment"),
        pytest.param("0000000002350080", None, None, 1, id="a carrier that we have not"),
        pytest.param("0000000004330030", None, None, 1, id="a product is no carrier"),
        pytest.param("0000000002000011", None, None, 1, id="all energy together"),
        pytest.param("0000000099990011", None, None, 1, id="an unknown class"),
    ],
)
def test_what_a_code_may_be(code: str, quantity: str | None, unit: str | None, scope: int) -> None:
    suggestion = suggest(code)
    assert isinstance(suggestion, Suggestion)
    assert (suggestion.quantity, suggestion.unit, suggestion.scope) == (quantity, unit, scope)
    assert "待确认" in suggestion.source


def test_suggestions_are_of_the_catalogue_in_its_units() -> None:
    for _, quantity, unit in ENERGY_TYPES.values():
        if quantity is not None and unit is not None:
            assert UNITS[unit][0] == CATALOGUE[quantity].unit


def test_the_settings_of_the_api_are_those_of_the_collector() -> None:
    assert set(DialectIn.model_fields) == {field.name for field in dataclasses.fields(Dialect)}
    assert DialectIn().model_dump() == dataclasses.asdict(Dialect())
