"""The books of enterprises: what is on record of their energy between two months."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from schemas.indicators import Basis
from schemas.registry import Part
from service.domain import accounts
from service.domain.accounts import Account, Line
from service.domain.bases import Recorded
from service.domain.windows import Months, shift
from service.store import metered
from service.store.engine import Connection
from service.store.metered import MeteredMonth

BASE_YEAR = 2020  # of new renewables: 发改运行〔2022〕1258号
PARTS = {part.value: part for part in Part}


@dataclass(slots=True)
class Books:
    """Months of one enterprise, by carrier and part, those of the base year among them."""

    county_code: str
    enterprise_id: int
    above_scale: bool
    rows: list[MeteredMonth] = field(default_factory=list)

    def account(self, months: Months, method: Basis) -> Account:
        """Return the account of some months: in tce by a method, or in tCO2."""
        return accounts.account(
            _line(row, method) for row in self.rows if months.first <= row.month <= months.last
        )

    def recorded(self, found: Account, months: Months, method: Basis) -> Recorded[float] | None:
        """Return the energy of an account of these books with what is on record of its parts."""
        return found.recorded(self.account(_in_base_year(months), method).parts, {})


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
    return books


def _has_renewables(rows: Iterable[MeteredMonth]) -> bool:
    return any(row.part == Part.RENEWABLE for row in rows)


def _in_base_year(months: Months) -> Months:
    """Return the same months ending in the base year."""
    back = -12 * (months.last.year - BASE_YEAR)
    return Months(shift(months.first, back), shift(months.last, back))


def _line(row: MeteredMonth, method: Basis) -> Line:
    match method:
        case Basis.CALORIFIC:
            energy = row.tce_calorific
        case Basis.COAL_CONSUMPTION:
            energy = row.tce_coal_consumption
        case _:
            raise ValueError(f"not a method: {method}")
    return Line(
        row.quantity, PARTS.get(row.part), row.amount, energy, row.estimated, row.measured_s,
        row.due_s,
    )  # fmt: skip
