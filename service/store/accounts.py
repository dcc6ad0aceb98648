"""The books of enterprises: what is on record of their energy between two months."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from schemas.indicators import Basis
from schemas.quantities import MEDIA
from schemas.registry import Part
from service.domain import accounts, claims
from service.domain.accounts import Account, Line
from service.domain.bases import Recorded
from service.domain.claims import BASE_YEAR, SERIES, Entered
from service.domain.statement import Factor
from service.domain.windows import Months, shift
from service.store import coefficients, metered, statistics
from service.store.coefficients import InForce
from service.store.engine import Connection
from service.store.metered import MeteredMonth

PARTS = {part.value: part for part in Part}
ELECTRIC = {part for part, is_electricity in SERIES.values() if is_electricity}


@dataclass(slots=True)
class Books:
    """Months of one enterprise, by carrier and part, those of the base year among them."""

    county_code: str
    enterprise_id: int
    above_scale: bool
    rows: list[MeteredMonth] = field(default_factory=list)
    worth: list[tuple[str, InForce]] = field(default_factory=list)  # by quantity
    entered: dict[tuple[str, Part], float] = field(default_factory=dict)  # by period

    def account(self, months: Months, method: Basis) -> Account:
        """Return the account of some months: in tce by a method, or in tCO2."""
        rows = [row for row in self.rows if months.first <= row.month <= months.last]
        return accounts.account(_lines(rows, method))

    def left_out(self, months: Months, method: Basis) -> list[str]:
        """Return the media (耗能工质) that were metered and are no energy by a method."""
        if method is Basis.COAL_CONSUMPTION:
            return []
        return sorted(
            {
                row.quantity
                for row in self.rows
                if row.quantity in MEDIA and months.first <= row.month <= months.last
            }
        )

    def factors(self, months: Months, method: Basis) -> list[Factor]:
        """Return what amounts of some months were multiplied by, each once."""
        found: dict[tuple[str, str, int], Factor] = {}
        for quantity, each in self.worth:
            first, stop = max(each.first_day, months.start), min(each.stop_day, months.stop)
            if each.use == method.value and first < stop:
                key = (quantity, each.origin, each.origin_id)
                found.setdefault(key, _factor(quantity, each, first, stop))
        return list(found.values())

    def recorded(self, found: Account, months: Months, method: Basis) -> Recorded[float] | None:
        """Return the energy of an account of these books with what is on record of its parts.

        What was entered in tce is by coal consumption, so it counts by that method only.
        """
        base = _in_base_year(months)
        return claims.recorded(
            found,
            self.account(base, method),
            self._entered(months, method),
            self._entered(base, method),
            self._kgce_per_kwh(months, method),
        )

    def _entered(self, months: Months, method: Basis) -> Entered:
        return Entered(
            {
                part: amount
                for (period, part), amount in self.entered.items()
                if period == str(months) and (method is Basis.COAL_CONSUMPTION or part in ELECTRIC)
            }
        )

    def _kgce_per_kwh(self, months: Months, method: Basis) -> float | None:
        """Return what electricity was worth at the end of some months."""
        values = [
            each.value
            for quantity, each in self.worth
            if quantity == "electricity"
            and each.use == method.value
            and each.first_day < months.stop <= each.stop_day
        ]
        return values[0] if values else None


async def open_books(
    connection: Connection,
    first: date,
    stop: date,
    *,
    counties: Sequence[str] = (),
    enterprises: Sequence[int] = (),
) -> dict[int, Books]:
    """Return the books of some counties' or of some enterprises, for the months [first, stop)."""
    rows = (
        await metered.of_counties(connection, counties, first, stop)
        if counties
        else await metered.of_enterprises(connection, enterprises, first, stop)
    )
    books: dict[int, Books] = {}
    for row in rows:
        if row.enterprise_id not in books:
            books[row.enterprise_id] = Books(row.county_code, row.enterprise_id, row.above_scale)
        books[row.enterprise_id].rows.append(row)
    renewable = [e for e, found in books.items() if _has_renewables(found.rows)]
    if renewable and first > date(BASE_YEAR, 1, 1):
        until = min(first, date(BASE_YEAR + 1, 1, 1))
        for row in await metered.of_enterprises(
            connection, renewable, date(BASE_YEAR, 1, 1), until
        ):
            books[row.enterprise_id].rows.append(row)
    meters = await metered.meters(connection, list(books))
    for each in await coefficients.in_force(connection, list(meters), first, stop):
        enterprise, quantity = meters[each.channel_id]
        books[enterprise].worth.append((quantity, each))
    for item in await statistics.latest_of_enterprises(connection, list(books), list(SERIES)):
        part, _ = SERIES[item.figure.series]
        books[item.enterprise_id].entered[item.figure.period, part] = float(item.figure.value)
    return books


def _factor(quantity: str, each: InForce, first: date, stop: date) -> Factor:
    return Factor(
        quantity,
        each.value,
        first.isoformat(),
        stop.isoformat(),
        each.origin,
        each.origin_id,
        each.edition,
        each.source,
        each.revision,
        each.confirmed,
    )


def _has_renewables(rows: Iterable[MeteredMonth]) -> bool:
    return any(row.part == Part.RENEWABLE for row in rows)


def _in_base_year(months: Months) -> Months:
    """Return the same months ending in the base year."""
    back = -12 * (months.last.year - BASE_YEAR)
    return Months(shift(months.first, back), shift(months.last, back))


def _lines(rows: Iterable[MeteredMonth], method: Basis) -> Iterator[Line]:
    for row in rows:
        match method:
            case Basis.CALORIFIC:
                energy = row.tce_calorific
            case Basis.COAL_CONSUMPTION:
                energy = row.tce_coal_consumption
            case Basis.CARBON:
                energy = row.co2_t
            case _:
                raise ValueError(f"not a method: {method}")
        if row.quantity in MEDIA and method is not Basis.COAL_CONSUMPTION:
            continue  # a medium holds no energy and emits nothing where it is used
        yield Line(
            row.quantity,
            PARTS.get(row.part),
            row.amount,
            energy,
            row.estimated,
            row.measured_s,
            row.due_s,
        )
