"""What enterprises made: metered over whole months, and as entered by the statistics office."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from service.domain.windows import Months
from service.store import statistics
from service.store.engine import Connection
from service.store.statistics import Statistic

_METERED = text("""
    SELECT d.enterprise_id, c.quantity, date_trunc('month', u.day)::date AS month,
           sum(u.amount) AS amount, sum(u.measured_s) AS measured_s
    FROM channels AS c
    JOIN devices AS d USING (device_id)
    JOIN usage_daily AS u USING (channel_id)
    WHERE d.enterprise_id = ANY(CAST(:enterprises AS integer[])) AND c.role = 'output'
      AND u.day >= :first AND u.day < :stop AND u.amount IS NOT NULL
    GROUP BY 1, 2, 3
""")
_COUNTERS = text("""
    SELECT d.enterprise_id, c.quantity, count(*) AS counters
    FROM channels AS c JOIN devices AS d USING (device_id)
    WHERE d.enterprise_id = ANY(CAST(:enterprises AS integer[])) AND c.role = 'output'
    GROUP BY 1, 2
""")
MONEY, PRODUCT = "value_added", "product_output"


@dataclass(frozen=True, slots=True)
class Made:
    """How much of a product was made in a period, in its catalogue unit.

    ``completeness`` is the share of the time that its counters measured, None of what was entered;
    then ``figure`` is what was.
    """

    product: str
    amount: float
    completeness: float | None
    figure: Statistic | None = None


@dataclass(slots=True)
class Outputs:
    """What one enterprise made and what it added in value."""

    counters: dict[str, int] = field(default_factory=dict)  # by product
    metered: dict[tuple[str, date], tuple[float, float]] = field(default_factory=dict)
    entered: dict[tuple[str | None, str, str], list[Statistic]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def made(self, months: Months) -> Made | None:
        """Return the output of the one product of a period; None where there is none or several.

        What was entered stands before what was counted.
        """
        entered = {
            product
            for product, series, period in self.entered
            if product is not None and (series, period) == (PRODUCT, str(months))
        }
        products = entered or set(self.counters)
        if len(products) != 1:
            return None
        [product] = products
        if figures := self.entered.get((product, PRODUCT, str(months))):
            return Made(product, float(figures[0].value), None, figures[0])
        known = [
            amounts
            for (its, month), amounts in self.metered.items()
            if its == product and months.first <= month <= months.last
        ]
        if not known:
            return None
        due_s = self.counters[product] * (months.stop - months.start).days * 86_400.0
        measured_s = sum(measured for _, measured in known)
        return Made(product, sum(amount for amount, _ in known), min(measured_s / due_s, 1.0))

    def value_added(self, months: Months) -> dict[str, Decimal]:
        """Return the value added of a period in 10,000 yuan, by price base."""
        figures = self.entered.get((None, MONEY, str(months)), [])
        return {item.price_base or "": item.value for item in figures}


async def outputs(
    connection: Connection, enterprises: Sequence[int], first: date, stop: date
) -> dict[int, Outputs]:
    """Return what enterprises made in the months [first, stop)."""
    found: dict[int, Outputs] = defaultdict(Outputs)
    bounds = {"enterprises": list(enterprises), "first": first, "stop": stop}
    for row in await connection.execute(_COUNTERS, {"enterprises": list(enterprises)}):
        found[row.enterprise_id].counters[row.quantity] = row.counters
    for row in await connection.execute(_METERED, bounds):
        place = (row.quantity, row.month)
        found[row.enterprise_id].metered[place] = (row.amount, row.measured_s)
    for item in await statistics.latest_of_enterprises(
        connection, list(enterprises), [MONEY, PRODUCT]
    ):
        key = (item.product, item.figure.series, item.figure.period)
        found[item.enterprise_id].entered[key].append(item.figure)
    return found
