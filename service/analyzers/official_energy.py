"""Official energy of a county on every basis (口径) side by side, its intensity and reduction.

From imported figures only. Feedstock, renewables and nuclear power are deducted from the year and
from the year before alike; money is at the constant prices of one base year, or there is none.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from schemas.indicators import Basis, Dimension, Measured, Stage, Subject, SubjectKind
from schemas.registry import Part
from service.analyzers import Analyzer, Due
from service.domain import bases
from service.domain.bases import Figure, Recorded, Reduction, Use
from service.domain.calendar import DAY, midnight
from service.domain.claims import BASE_YEAR, SERIES, unvalued_deductions
from service.domain.intensity import (
    Incomparable,
    Output,
    common_base,
    intensity,
    reduction_of_levels,
)
from service.domain.windows import Cadence, Months, parse_months, shift
from service.store import coefficients, statistics
from service.store.engine import Connection
from service.store.statistics import Statistic

NAME = "official_energy"
INTENSITY = "official_energy_intensity"
REDUCTION = "official_energy_intensity_reduction"
ENERGY, GDP = "energy_total", "gdp"

Figures = Mapping[str, list[Statistic]]  # by series; GDP once for each price base
Book = Mapping[str, Figures]  # by period


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return energy in tce, tce per 10,000 yuan and percent, for each period and basis."""
    counties = list(due.counties)
    books: dict[str, dict[str, dict[str, list[Statistic]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for item in await statistics.latest(connection, counties, [ENERGY, GDP, *SERIES]):
        books[item.county_code][item.period][item.series].append(item)
    worth = await coefficients.of_electricity(connection)
    return [
        value
        for county, book in books.items()
        for period, figures in book.items()
        if ENERGY in figures
        for value in _measure(county, parse_months(period), book, worth)
    ]


def _measure(
    county: str, months: Months, book: Book, worth: coefficients.Electricity
) -> Iterator[Measured]:
    before = months.year_before()
    now_figures = list(bases.figures(_recorded(county, months, book, worth)))
    before_figures: dict[Reduction, Figure[Decimal]] = {}
    if ENERGY in book.get(str(before), {}):
        found = bases.figures(_recorded(county, before, book, worth))
        before_figures = {figure.reduction: figure for figure in found}
    has_parts = any(series in book[str(months)] for series in SERIES)
    for figure in now_figures if has_parts else now_figures[:1]:
        inputs = _inputs(months, figure, book)
        yield _figure(county, months, NAME, figure, figure.value, "tce", inputs)
        if GDP not in book[str(months)]:
            continue
        level, said = _intensity(figure, book[str(months)][GDP])
        yield _figure(county, months, INTENSITY, figure, level, "tce/万元", {**inputs, **said})
        base = before_figures.get(figure.reduction)
        if base is None or GDP not in book[str(before)]:
            continue
        rate, said = _reduction(figure, book[str(months)][GDP], base, book[str(before)][GDP])
        yield _figure(county, months, REDUCTION, figure, rate, "%", {**inputs, **said})


def _recorded(
    county: str, months: Months, book: Book, worth: coefficients.Electricity
) -> Recorded[Decimal]:
    """Return the energy of a period with what was entered of its parts, in tce (等价值)."""
    figures, kgce = book[str(months)], worth.kgce_per_kwh(county, months.stop - DAY)
    parts = {
        part: _tce(figures.get(series, ()), kgce if is_electricity else None, is_electricity)
        for series, (part, is_electricity) in SERIES.items()
    }
    back = -12 * (months.last.year - BASE_YEAR)
    base = book.get(str(Months(shift(months.first, back), shift(months.last, back))), {})
    return Recorded(
        figures[ENERGY][0].value,
        parts[Part.FEEDSTOCK],
        parts[Part.RENEWABLE],
        _tce(base.get("renewable_electricity", ()), kgce, True),
        parts[Part.NUCLEAR],
        parts[Part.SINGLE_LISTED],
        unvalued_deductions(
            part
            for series, (part, _) in SERIES.items()
            if series in figures and parts[part] is None
        ),
    )


def _tce(
    found: Sequence[Statistic], kgce_per_kwh: Decimal | None, is_electricity: bool
) -> Decimal | None:
    if not found or not is_electricity:
        return found[0].value if found else None
    return None if kgce_per_kwh is None else found[0].value * kgce_per_kwh / 1000


def _intensity(
    figure: Figure[Decimal], outputs: Sequence[Statistic]
) -> tuple[Decimal | None, dict[str, Any]]:
    """Return the energy of 10,000 yuan at the newest constant prices, or why there is none."""
    known = {item.price_base or "": item for item in outputs}
    try:
        gdp = known[common_base(known, known)]
        said = {"gdp_10k_cny": f"{gdp.value:f}", "price_base": gdp.price_base}
        if figure.value is None:
            return None, said
        return intensity(figure.value, Output(gdp.value, gdp.price_base)), said
    except Incomparable as error:
        return None, {"unknown": error.refusal.value}


def _reduction(
    figure: Figure[Decimal],
    outputs: Sequence[Statistic],
    before: Figure[Decimal],
    outputs_before: Sequence[Statistic],
) -> tuple[Decimal | None, dict[str, Any]]:
    now = {item.price_base or "": item.value for item in outputs}
    then = {item.price_base or "": item.value for item in outputs_before}
    try:
        base = common_base(now, then)
        said = {
            "gdp_10k_cny": [f"{then[base]:f}", f"{now[base]:f}"],
            "energy_tce": [_told(before.value), _told(figure.value)],
            "price_base": base,
        }
        if figure.value is None or before.value is None:
            return None, said
        return (
            reduction_of_levels(
                figure.value, Output(now[base], base), before.value, Output(then[base], base)
            ),
            said,
        )
    except Incomparable as error:
        return None, {"unknown": error.refusal.value}


def _told(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _inputs(months: Months, figure: Figure[Decimal], book: Book) -> dict[str, Any]:
    return {
        "taken_off_tce": {name.value: _told(amount) for name, amount in figure.taken_off.items()},
        "unknown": figure.unknown,
        "documents": [r.document for r in bases.RULES if r.reduction is figure.reduction],
        "assessed_for": [
            use.value for use in Use if bases.assessed(use, months.last.year) is figure.reduction
        ],
        "figures": {
            series: {
                "value": f"{item.value:f}",
                "state": item.state,
                "source": item.source,
                "revision": item.revision,
            }
            for series, items in book[str(months)].items()
            for item in items
        },
    }


def _figure(
    county: str, months: Months, name: str, figure: Figure[Decimal], value: Decimal | None,
    unit: str, inputs: dict[str, Any],
) -> Measured:  # fmt: skip
    basis = Basis.OFFICIAL.value
    if figure.reduction is not Reduction.GROSS:
        basis = f"{basis}.{figure.reduction.value}"
    return Measured(
        Subject(SubjectKind.COUNTY, county), name, str(months), Basis(basis),
        midnight(months.stop), None if value is None else float(value), unit, inputs=inputs,
    )  # fmt: skip


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.TOTAL,
    stage=Stage.OFFICIAL,
    cadence=Cadence.ON_ENTRY,
    reach=timedelta(0),
    measure=measure,
    rests_on_official_figures=True,
    beside=(INTENSITY, REDUCTION),
)
