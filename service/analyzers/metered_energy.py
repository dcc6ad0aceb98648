"""Energy of a county's metered enterprises, its growth (K1) and its share (K3).

Over closed cumulative months and rolling 12 months, by both methods of coal equivalent side by
side. A lead: no county level comes from meters alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from schemas.indicators import Basis, Dimension, Measured, Stage, Subject, SubjectKind
from service.analyzers import Analyzer, Due
from service.domain import bases, panel, statement
from service.domain.accounts import Account, together
from service.domain.statement import Heading
from service.domain.windows import Cadence, months_closed_at
from service.store import accounts, statistics
from service.store.accounts import Books
from service.store.engine import Connection
from service.store.statistics import Statistic

NAME = "metered_energy"
GROWTH = "metered_energy_growth"
SHARE_OF_INDUSTRY = "metered_share_of_industry"
SHARE_OF_TOTAL = "metered_share_of_total"
REACH = timedelta(days=2 * 366 + 31)  # a month is compared with the one a year before

Official = Mapping[tuple[str, str, str], Statistic]  # by county, series, period


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return energy in tce, growth and shares in percent, for each method and both periods."""
    if not due.counties:
        return []
    periods = {
        as_of: months_closed_at(as_of) for instants in due.counties.values() for as_of in instants
    }
    first = min(months.year_before().start for both in periods.values() for months in both)
    stop = max(months.stop for both in periods.values() for months in both)
    books: dict[str, list[Books]] = {county: [] for county in due.counties}
    opened = await accounts.open_books(connection, first, stop, counties=list(due.counties))
    for each in opened.values():
        books[each.county_code].append(each)
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
        for method in (Basis.COAL_CONSUMPTION, Basis.CALORIFIC)
        for value in _measure(
            Heading(Subject(SubjectKind.COUNTY, county), months, as_of),
            method,
            books[county],
            official,
        )
    ]


def _measure(
    heading: Heading, method: Basis, books: Sequence[Books], official: Official
) -> Iterator[Measured]:
    now = {each.enterprise_id: each.account(heading.months, method) for each in books}
    whole = together(now.values())
    records = [each.recorded(now[each.enterprise_id], heading.months, method) for each in books]
    known = [record for record in records if record is not None]
    yield from statement.energy(
        heading,
        NAME,
        method,
        whole,
        bases.together(known) if known and whole.total.value is not None else None,
        {
            "of": {str(e): found.total.value for e, found in now.items()},  # by enterprise
            "with_data": len(known),
            **statement.carriers(whole),
            **statement.factors(f for each in books for f in each.factors(heading.months, method)),
        },
    )
    yield _growth(heading, method, books, now, whole)
    if method is Basis.COAL_CONSUMPTION and whole.total.value is not None:
        yield from _shares(heading, books, now, whole, official)


def _growth(
    heading: Heading,
    method: Basis,
    books: Sequence[Books],
    now: Mapping[int, Account],
    whole: Account,
) -> Measured:
    months, before = heading.months, heading.months.year_before()
    growth = panel.growth(
        [(now[each.enterprise_id].total, each.account(before, method).total) for each in books],
        (months.stop - months.start).days,
        (before.stop - before.start).days,
    )
    inputs = {
        "per_day": _percent(growth.per_day),  # the leap day taken out
        "panel": growth.panel,
        "enterprises": growth.enterprises,
        "panel_share": _percent(growth.panel_share),
        "year_before": str(before),
    }
    return heading.figure(GROWTH, method, _percent(growth.rate), "%", whole, inputs)


def _shares(
    heading: Heading,
    books: Sequence[Books],
    now: Mapping[int, Account],
    whole: Account,
    official: Official,
) -> Iterator[Measured]:
    industry = together(now[each.enterprise_id] for each in books if each.above_scale)
    for name, series, part in (
        (SHARE_OF_INDUSTRY, "industrial_energy", industry),
        (SHARE_OF_TOTAL, "energy_total", whole),
    ):
        place = (heading.subject.county_code, series, str(heading.months))
        if (known := official.get(place)) is not None and known.value > 0:
            share = part.total.energy / float(known.value)
            inputs = {
                "official_tce": str(known.value),
                "source": known.source,
                "state": known.state,
                "revision": known.revision,
            }
            yield heading.figure(name, Basis.COAL_CONSUMPTION, _percent(share), "%", whole, inputs)


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
