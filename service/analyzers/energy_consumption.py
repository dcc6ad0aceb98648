"""Energy of an enterprise (综合能源消费量) and its CO2: of a month, the year so far, 12 months.

By both methods of coal equivalent, gross and on every basis side by side. Only level-1 meters
make the total. A lead: it rests on meters, not on what the enterprise reported.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from schemas.indicators import Basis, Dimension, Measured, Stage, Subject, SubjectKind
from service.analyzers import Analyzer, Due
from service.domain import statement
from service.domain.statement import Heading
from service.domain.windows import Cadence, Months, closed_periods
from service.store import accounts
from service.store.accounts import Books
from service.store.engine import Connection

NAME = "energy_consumption"
CARBON = "carbon_emissions"
REACH = timedelta(days=6 * 366)  # a change in the base year 2020 reaches the plan's last year


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return the energy in tce of each enterprise and period, by method and basis."""
    wanted = [at for instants in due.enterprises.values() for at in instants]
    if not wanted:
        return []
    first = min(months.start for months in closed_periods(min(wanted)))
    stop = max(months.stop for months in closed_periods(max(wanted)))
    books = await accounts.open_books(connection, first, stop, enterprises=list(due.enterprises))
    return [
        value
        for enterprise, found in books.items()
        for as_of in due.enterprises[enterprise]
        for months in closed_periods(as_of)
        for value in _measure(found, months, as_of)
    ]


def _measure(books: Books, months: Months, as_of: datetime) -> Iterator[Measured]:
    subject = Subject(SubjectKind.ENTERPRISE, books.county_code, books.enterprise_id)
    heading = Heading(subject, months, as_of)
    for method in (Basis.COAL_CONSUMPTION, Basis.CALORIFIC, Basis.CARBON):
        found = books.account(months, method)
        inputs = {
            **statement.carriers(found),
            **statement.factors(books.factors(months, method)),
            **({"media_left_out": media} if (media := books.left_out(months, method)) else {}),
        }
        if method is Basis.CARBON:
            yield from statement.carbon(heading, CARBON, found, inputs)
        else:
            recorded = books.recorded(found, months, method)
            yield from statement.energy(heading, NAME, method, found, recorded, inputs)


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.TOTAL,
    stage=Stage.LEAD,
    cadence=Cadence.MONTHLY,
    reach=REACH,
    measure=measure,
    rests_on_official_figures=True,
    beside=(CARBON,),
)
