"""Energy of a county's metered enterprises, its growth (K1) and its share (K3).

Over closed cumulative months and rolling 12 months, by both methods of coal equivalent side by
side. A lead: no county level comes from meters alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from schemas.indicators import Basis, Dimension, Measured, Stage, Subject, SubjectKind
from service.analyzers import Analyzer, Due
from service.domain import panel
from service.domain.panel import Total
from service.domain.windows import Cadence, Months, months_closed_at
from service.store import metered, statistics
from service.store.engine import Connection
from service.store.metered import MeteredMonth

NAME = "metered_energy"
GROWTH = "metered_energy_growth"
SHARE_OF_INDUSTRY = "metered_share_of_industry"
SHARE_OF_TOTAL = "metered_share_of_total"
REACH = timedelta(days=2 * 366 + 31)  # a month is compared with the one a year before

Totals = dict[int, Total]  # by enterprise


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return energy in tce, growth and shares in percent, for each method and both periods."""
    if not due.counties:
        return []
    periods = {
        as_of: months_closed_at(as_of) for instants in due.counties.values() for as_of in instants
    }
    first = min(months.year_before().start for both in periods.values() for months in both)
    stop = max(months.stop for both in periods.values() for months in both)
    rows: dict[str, list[MeteredMonth]] = defaultdict(list)
    for row in await metered.monthly(connection, list(due.counties), first, stop):
        rows[row.county_code].append(row)
    official = {
        (item.county_code, item.series, item.period): item
        for item in await statistics.latest(
            connection, list(due.counties), ["industrial_energy", "energy_total"]
        )
    }
    return [
        value
        for county, instants in due.counties.items()
        for as_of in instants
        for months in dict.fromkeys(periods[as_of])  # at the end of December they are the same
        for basis in (Basis.COAL_CONSUMPTION, Basis.CALORIFIC)
        for value in _measure(county, as_of, months, basis, rows[county], official)
    ]


def _measure(
    county: str,
    as_of: datetime,
    months: Months,
    basis: Basis,
    rows: Sequence[MeteredMonth],
    official: Mapping[tuple[str, str, str], statistics.Statistic],
) -> Iterator[Measured]:
    before = months.year_before()
    now_totals, before_totals = _totals(rows, months, basis), _totals(rows, before, basis)
    whole = panel.total(now_totals.values())
    growth = panel.growth(
        [(total, before_totals.get(e, Total())) for e, total in now_totals.items()],
        (months.stop - months.start).days,
        (before.stop - before.start).days,
    )

    media = sorted({m for row in rows if _is_within(row.month, months) for m in row.media})
    said = {"media_left_out": media} if media and basis is Basis.CALORIFIC else {}

    def figure(name: str, value: float | None, unit: str, inputs: dict[str, object]) -> Measured:
        return Measured(
            Subject(SubjectKind.COUNTY, county), name, str(months), basis, as_of, value, unit,
            completeness=whole.completeness, inputs={**inputs, **said},
        )  # fmt: skip

    measured = whole.known and whole.measured_s > 0
    yield figure(NAME, whole.tce if measured else None, "tce", {"enterprises": len(now_totals)})
    yield figure(
        GROWTH,
        _percent(growth.rate),
        "%",
        {
            "per_day": _percent(growth.per_day),  # the leap day taken out
            "panel": growth.panel,
            "enterprises": growth.enterprises,
            "panel_share": _percent(growth.panel_share),
            "year_before": str(before),
        },
    )
    if basis is not Basis.COAL_CONSUMPTION or not measured:
        return
    above_scale = {row.enterprise_id for row in rows if row.above_scale}
    industry = panel.total(t for e, t in now_totals.items() if e in above_scale)
    for name, series, part in (
        (SHARE_OF_INDUSTRY, "industrial_energy", industry),
        (SHARE_OF_TOTAL, "energy_total", whole),
    ):
        if (known := official.get((county, series, str(months)))) is not None and known.value > 0:
            share = part.tce / float(known.value)
            yield figure(
                name,
                _percent(share),
                "%",
                {"official_tce": str(known.value), "source": known.source, "state": known.state},
            )


def _totals(rows: Iterable[MeteredMonth], months: Months, basis: Basis) -> Totals:
    totals: Totals = defaultdict(Total)
    for row in rows:
        if _is_within(row.month, months):
            tce = row.tce_calorific if basis is Basis.CALORIFIC else row.tce_coal_consumption
            totals[row.enterprise_id].add(tce, row.measured_s, row.due_s)
    return totals


def _is_within(month: date, months: Months) -> bool:
    return months.first <= month <= months.last


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.TOTAL,
    stage=Stage.LEAD,
    cadence=Cadence.MONTHLY,
    reach=REACH,
    measure=measure,
    rests_on_official_figures=True,
    beside=(GROWTH, SHARE_OF_INDUSTRY, SHARE_OF_TOTAL),
)
