"""The energy of one enterprise as a statement: every basis of a period side by side, by month."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.indicators import Basis
from schemas.quantities import CATALOGUE
from service.domain.bases import Reduction
from service.domain.calendar import midnight
from service.domain.windows import Months, closed_periods, parse_months, shift
from service.store import dossiers
from service.store.counties import Result
from service.store.engine import Connection

ENERGY, CARBON = "energy_consumption", "carbon_emissions"
PER_PRODUCT, PER_VALUE_ADDED = "unit_consumption", "energy_per_value_added"
METHODS = (Basis.COAL_CONSUMPTION.value, Basis.CALORIFIC.value, Basis.CARBON.value)
MONTHS = 12  # of the list by month

Figures = Mapping[tuple[str, str, str], Result]  # by indicator, period, basis


@dataclass(frozen=True, slots=True)
class Line:
    """One basis, its figures by period; None where none was published."""

    name: str  # a reduction, or an indicator per unit
    figures: list[Result | None]
    assessed_for: list[str]


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one method, and its gross figures, which say how complete all of them are."""

    method: str
    unit: str
    lines: list[Line]

    @property
    def gross(self) -> list[Result | None]:
        """Return the figures of the first line."""
        return self.lines[0].figures


@dataclass(frozen=True, slots=True)
class Carrier:
    """One carrier of a period: amount in its unit, energy by both methods in tce, CO2 in t.

    All are None where nothing was measured.
    """

    quantity: str
    unit: str
    amount: float | None
    energy: dict[str, float | None]  # by method
    completeness: float | None
    estimated: float | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is published of an enterprise; ``months`` are the newest, each with its totals."""

    periods: list[str]
    groups: list[Group]
    per_unit: list[Line]
    has_parts: bool
    months: list[tuple[str, dict[str, Result]]]
    newest: Figures

    @property
    def last_month(self) -> str:
        """Return the month that closed last."""
        return self.periods[0]

    def carriers(self, period: str) -> list[Carrier]:
        """Return the carriers of a period, by name."""
        return _carriers(self.newest, period)

    def factors(self, period: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what the amounts of a period were multiplied by, with the method of each."""
        found = []
        for method in METHODS:
            total = self.newest.get((_indicator(method), period, method))
            if total is not None:
                found += [(method, factor) for factor in total.inputs.get("factors", [])]
        return found


async def read(connection: Connection, county: str, subject: str, today: date) -> Ledger:
    """Return the statement of an enterprise; without any figures that of the last month."""
    found = await dossiers.newest(connection, county, subject)
    newest = {(each.indicator, each.period, each.basis): each for each in found}
    end = max((each.as_of for each in found), default=midnight(shift(today, 0)))
    periods = [str(months) for months in closed_periods(end)]
    last = parse_months(periods[0]).last
    first = shift(last, 1 - MONTHS)
    by_month: dict[str, dict[str, Result]] = {
        str(Months(month, month)): {} for month in (shift(last, -back) for back in range(MONTHS))
    }
    for each in await dossiers.monthly(connection, county, subject, midnight(first), end):
        if each.period in by_month:
            by_month[each.period][each.basis] = each
    groups = list(_groups(newest, periods))
    return Ledger(
        periods,
        groups,
        list(_per_unit(newest, periods)),
        any(len(group.lines) > 1 for group in groups),
        list(by_month.items()),
        newest,
    )


def _indicator(method: str) -> str:
    return CARBON if method == Basis.CARBON.value else ENERGY


def _groups(newest: Figures, periods: Sequence[str]) -> Iterator[Group]:
    for method in METHODS:
        indicator = _indicator(method)
        lines = [_line(newest, periods, indicator, method, Reduction.GROSS.value)]
        for reduction in Reduction:
            line = _line(newest, periods, indicator, f"{method}.{reduction}", reduction.value)
            if reduction is not Reduction.GROSS and any(line.figures):
                lines.append(line)
        yield Group(method, "tCO2" if method == Basis.CARBON.value else "tce", lines)


def _per_unit(newest: Figures, periods: Sequence[str]) -> Iterator[Line]:
    for indicator, basis in (
        (PER_PRODUCT, Basis.CALORIFIC.value),
        (PER_VALUE_ADDED, Basis.COAL_CONSUMPTION.value),
    ):
        line = _line(newest, periods, indicator, basis, indicator)
        if any(line.figures):
            yield line


def _line(newest: Figures, periods: Sequence[str], indicator: str, basis: str, name: str) -> Line:
    figures = [newest.get((indicator, period, basis)) for period in periods]
    uses = {use for each in figures if each for use in each.inputs.get("assessed_for") or []}
    return Line(name, figures, sorted(uses))


def _carriers(newest: Figures, period: str) -> list[Carrier]:
    of_method = {
        method: found.inputs.get("carriers", {})
        for method in METHODS
        if (found := newest.get((_indicator(method), period, method))) is not None
    }
    return carriers_of(of_method)


def carriers_of(of_method: Mapping[str, Mapping[str, Any]]) -> list[Carrier]:
    """Return carriers as they stand among the inputs of figures, by method."""
    quantities = sorted({quantity for each in of_method.values() for quantity in each})
    return [_carrier(quantity, of_method) for quantity in quantities]


def _carrier(quantity: str, of_method: Mapping[str, Mapping[str, Any]]) -> Carrier:
    of_one = {method: each[quantity] for method, each in of_method.items() if quantity in each}
    any_one = next(iter(of_one.values()))
    is_measured = any_one["completeness"] > 0 or any_one["energy"] is not None
    return Carrier(
        quantity,
        CATALOGUE[quantity].unit,
        any_one["amount"] if is_measured else None,
        {method: each["energy"] if is_measured else None for method, each in of_one.items()},
        any_one["completeness"],
        any_one["estimated"],
    )
