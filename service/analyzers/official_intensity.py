"""The official reduction of energy intensity of a county (O1), from imported statistics only."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from schemas.indicators import Basis, Dimension, Level, Measured, Stage, Subject, SubjectKind
from service.analyzers import Analyzer, Due, RuleSet
from service.domain.alerts import Judgement
from service.domain.calendar import midnight
from service.domain.intensity import (
    Incomparable,
    Output,
    common_base,
    reduction,
    reduction_of_levels,
)
from service.domain.rules import ndrc_2020_gap10
from service.domain.windows import Cadence, Months, parse_months
from service.store import statistics
from service.store.engine import Connection
from service.store.statistics import Statistic, Target

NAME = "official_intensity"
SERIES = ("intensity_reduction", "energy_growth", "gdp_growth", "energy_total", "gdp")

Figures = Mapping[str, Mapping[str | None, Statistic]]  # by series and price base


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return the reduction of every period known, in percent, beside the target of its year.

    The published rate counts; where there is none, it follows from the growth of energy and of
    GDP at constant prices, and else from levels of both in two years, at the same constant prices.
    A rate cumulated within the year is compared with the year's target.
    """
    counties = list(due.counties)
    figures: dict[tuple[str, str], dict[str, dict[str | None, Statistic]]] = {}
    for item in await statistics.latest(connection, counties, SERIES):
        of_period = figures.setdefault((item.county_code, item.period), {})
        of_period.setdefault(item.series, {})[item.price_base] = item
    targets = {
        (item.county_code, item.period): item
        for item in await statistics.targets(connection, counties, "intensity_reduction")
        if item.kind == "basic"
    }
    return list(_measure(figures, targets))


def _measure(
    figures: Mapping[tuple[str, str], Figures],
    targets: Mapping[tuple[str, str], Target],
) -> Iterator[Measured]:
    for (county, period), known in figures.items():
        months = parse_months(period)
        if months.last.year != months.first.year:
            continue
        before = figures.get((county, str(months.year_before())), {})
        actual: Decimal | None = None
        refusal: dict[str, str] = {}
        try:
            if (found := _actual(known, before)) is None:
                continue
            actual, used = found
        except Incomparable as incomparable:
            used, refusal = _levels(known, before), {"unknown": incomparable.refusal.value}
        year = Months(months.first.replace(month=1), months.first.replace(month=12))
        target = targets.get((county, str(year)))
        yield Measured(
            Subject(SubjectKind.COUNTY, county),
            NAME,
            period,
            Basis.OFFICIAL,
            midnight(months.stop),
            None if actual is None else float(actual),
            "%",
            None if target is None else float(target.value),
            inputs={
                "actual": None if actual is None else str(actual),
                "target": None if target is None else str(target.value),
                "target_period": str(year),
                "target_source": None if target is None else target.source,
                "gap": None if target is None or actual is None else str(actual - target.value),
                "progress": _progress(actual, target),
                "figures": used,
                **refusal,
            },
        )


def _actual(known: Figures, before: Figures) -> tuple[Decimal, dict[str, Any]] | None:
    """Return the reduction and the figures behind it; raises Incomparable."""
    rates = {
        name: next(iter(known[name].values()))
        for name in ("intensity_reduction", "energy_growth", "gdp_growth")
        if name in known
    }
    used = {name: _told(item) for name, item in rates.items()}
    if (published := rates.get("intensity_reduction")) is not None:
        return published.value, used
    if (energy := rates.get("energy_growth")) and (gdp := rates.get("gdp_growth")):
        return reduction(energy.value, gdp.value), used
    if not all(name in of for name in ("energy_total", "gdp") for of in (known, before)):
        return None
    base = common_base(_bases(known), _bases(before))
    energy_now, energy_before = (next(iter(of["energy_total"].values())) for of in (known, before))
    gdp_now, gdp_before = known["gdp"][base], before["gdp"][base]
    rate = reduction_of_levels(
        energy_now.value,
        Output(gdp_now.value, gdp_now.price_base),
        energy_before.value,
        Output(gdp_before.value, gdp_before.price_base),
    )
    return rate, {
        "energy_total": _told(energy_now),
        "gdp": _told(gdp_now),
        "energy_total_before": _told(energy_before),
        "gdp_before": _told(gdp_before),
    }


def _bases(known: Figures) -> list[str]:
    return [base for base in known["gdp"] if base is not None]


def _levels(known: Figures, before: Figures) -> dict[str, Any]:
    """Return the levels that give no intensity, each price base by itself."""
    return {
        f"{series}{' of ' + base if base else ''}{suffix}": _told(item)
        for suffix, of in (("", known), ("_before", before))
        for series in ("energy_total", "gdp")
        for base, item in of.get(series, {}).items()
    }


def _told(item: Statistic) -> dict[str, Any]:
    told = {
        "value": str(item.value),
        "state": item.state,
        "price_base": item.price_base,
        "source": item.source,
        "revision": item.revision,
    }
    return told if item.reason is None else {**told, "contradicted": item.reason}


def _progress(actual: Decimal | None, target: Target | None) -> float | None:
    """Return the share of the target reached; of a permitted rise there is none."""
    if actual is None or target is None or target.value <= 0:
        return None
    return float(actual / target.value)


def judge(measured: Measured) -> Judgement:
    """Return the county's level: at once, without delay or deadband."""
    target, actual = measured.inputs["target"], measured.inputs["actual"]
    level = ndrc_2020_gap10.judge(
        None if target is None else Decimal(target), None if actual is None else Decimal(actual)
    )
    if level is None:
        return Judgement(None, dict.fromkeys((Level.YELLOW, Level.RED)))
    return Judgement(level, {at: level is at for at in (Level.YELLOW, Level.RED)})


def explain(measured: Measured) -> tuple[str, str]:
    """Return how the figure lies to its target, whether an alert begins or ends with it."""
    actual, target = Decimal(measured.inputs["actual"]), measured.inputs["target"]
    moved, moved_zh = ("fell", "降低") if actual >= 0 else ("rose", "上升")
    en = f"Intensity {moved} by {abs(actual)} % in {measured.period}"
    zh = f"{measured.period} 单位GDP能耗{moved_zh} {abs(actual)}%"
    if target is None:
        return f"{en}, no target", f"{zh}，无目标"
    gap = Decimal(measured.inputs["gap"])
    if gap >= 0:
        return f"{en}, target {target} % met", f"{zh}，达到目标 {target}%"
    return (
        f"{en}, {-gap:.2f} points short of {target} %",
        f"{zh}，距目标 {target}% 差 {-gap:.2f} 个百分点",
    )


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.INTENSITY,
    stage=Stage.OFFICIAL,
    cadence=Cadence.ON_ENTRY,
    reach=timedelta(0),
    measure=measure,
    judge=judge,
    explain=explain,
    rests_on_official_figures=True,
    rule_set=RuleSet(ndrc_2020_gap10.NAME, ndrc_2020_gap10.LABELS),
)
