"""What an enterprise uses for a unit of its product (单耗), and for 10,000 yuan of value added.

Over a month, the year so far and 12 months. Per product by the calorific method (当量值), as the
limits of products are; per value added by coal consumption (等价值), as regional figures are, and
at constant prices only. Output is what the statistics office entered, else what was counted.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from schemas.indicators import Basis, Dimension, Measured, Stage, Subject, SubjectKind
from schemas.quantities import CATALOGUE
from service.analyzers import Analyzer, Due
from service.domain.intensity import Incomparable, Output, common_base, intensity
from service.domain.statement import Heading
from service.domain.windows import Cadence, Months, closed_periods
from service.store import accounts, outputs
from service.store.accounts import Books
from service.store.engine import Connection
from service.store.outputs import Made, Outputs

NAME = "unit_consumption"
PER_VALUE_ADDED = "energy_per_value_added"
REACH = timedelta(days=366 + 31)


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return kgce per unit of product, and tce per 10,000 yuan, of each enterprise and period."""
    wanted = [at for instants in due.enterprises.values() for at in instants]
    if not wanted:
        return []
    first = min(months.start for months in closed_periods(min(wanted)))
    stop = max(months.stop for months in closed_periods(max(wanted)))
    enterprises = list(due.enterprises)
    books = await accounts.open_books(connection, first, stop, enterprises=enterprises)
    made = await outputs.outputs(connection, enterprises, first, stop)
    return [
        value
        for enterprise, found in books.items()
        for as_of in due.enterprises[enterprise]
        for months in closed_periods(as_of)
        for value in _measure(found, made[enterprise], months, as_of)
    ]


def _measure(books: Books, made: Outputs, months: Months, as_of: datetime) -> Iterator[Measured]:
    subject = Subject(SubjectKind.ENTERPRISE, books.county_code, books.enterprise_id)
    heading = Heading(subject, months, as_of)
    if (output := made.made(months)) is not None:
        yield _per_product(heading, books, output)
    if value_added := made.value_added(months):
        yield _per_value_added(heading, books, value_added)


def _per_product(heading: Heading, books: Books, output: Made) -> Measured:
    found = books.account(heading.months, Basis.CALORIFIC)
    energy, value = found.total.value, None
    if energy is not None and output.amount > 0:
        value = 1000 * energy / output.amount
    completeness = found.total.completeness
    if output.completeness is not None:
        completeness = min(completeness, output.completeness)
    figure = output.figure
    inputs = {
        "product": output.product,
        "output": output.amount,
        "output_source": "metered" if figure is None else figure.source,
        "output_revision": None if figure is None else figure.revision,
        "tce": energy,
    }
    return Measured(
        heading.subject,
        NAME,
        str(heading.months),
        Basis.CALORIFIC,
        heading.as_of,
        value,
        f"kgce/{CATALOGUE[output.product].unit}",
        completeness=completeness,
        estimated=found.total.estimated,
        inputs=inputs,
    )


def _per_value_added(heading: Heading, books: Books, value_added: dict[str, Decimal]) -> Measured:
    found = books.account(heading.months, Basis.COAL_CONSUMPTION)
    value, inputs = None, dict[str, Any](tce=found.total.value)
    try:
        base = common_base(value_added, value_added)
        money = value_added[base]
        inputs |= {"value_added_10k_cny": str(money), "price_base": base}
        if found.total.value is not None:
            value = float(intensity(Decimal(found.total.value), Output(money, base)))
    except Incomparable as error:
        inputs["unknown"] = error.refusal.value
    return heading.figure(PER_VALUE_ADDED, Basis.COAL_CONSUMPTION, value, "tce/万元", found, inputs)


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.INTENSITY,
    stage=Stage.LEAD,
    cadence=Cadence.MONTHLY,
    reach=REACH,
    measure=measure,
    rests_on_official_figures=True,
    beside=(PER_VALUE_ADDED,),
)
